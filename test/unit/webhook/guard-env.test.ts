import { expect, test } from 'vitest'
import { configTable as guardTable } from '../../../guard/config.ts'
import { readConfig } from '../../../platform/config.ts'
import { configTable, guardEnvOf } from '../../../webhook/config.ts'
import { injectGuard } from '../../../webhook/injection/inject-guard.ts'
import { podOf, settings } from './pods.ts'

const env = {
  LATCHKEY_NAMESPACE: 'latchkey-system',
  LATCHKEY_FULLNAME: 'latchkey',
  LATCHKEY_ISSUER_URL: 'https://issuer.test',
  LATCHKEY_GUARD_IMAGE: 'latchkey:1',
  LATCHKEY_SNAPSHOT_URL: 'https://issuer.test:8444',
}
const ofGuard = (more: Record<string, string>): Record<string, string> =>
  guardEnvOf(readConfig(configTable, { ...env, ...more }))

test('what the installation says about audit logs and problem links reaches every injected guard, which takes it', () => {
  const guardEnv = ofGuard({
    LATCHKEY_GUARD_AUDIT_ON_BLOCK: 'Deny',
    LATCHKEY_GUARD_AUDIT_OTLP: 'http://collector:4318',
    LATCHKEY_GUARD_PROBLEM_BASE: 'https://docs.example.com/problems#',
  })
  const injected = injectGuard(podOf(), 'shop', { ...settings, guardEnv }, 'ToGuard')
  const variables = 'pod' in injected ? (injected.pod.spec.initContainers?.[0]?.env ?? []) : []
  const config = readConfig(guardTable, Object.fromEntries(variables.map(({ name, value }) => [name, value])))
  expect(config).toMatchObject({
    auditOnBlock: 'Deny',
    auditOtlp: 'http://collector:4318',
    problemBase: 'https://docs.example.com/problems#',
  })
})

test('what it leaves out is left to the guard', () => {
  expect(ofGuard({})).toEqual({})
  expect(ofGuard({ LATCHKEY_GUARD_AUDIT_ON_BLOCK: 'Count' })).toEqual({ LATCHKEY_AUDIT_ON_BLOCK: 'Count' })
})
