import { createPublicKey, verify } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { AccessKeyStatus } from '../../../core/api/access-key.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { accessKeys, apiClients, secrets } from '../../../platform/kube/resources.ts'
import { tokenProvider } from '../../../sdk/token-provider.ts'
import { condition } from './cluster.ts'
import { clusterWithOperator } from './cluster-with-operator.ts'

/** The AccessKey as a Provisioned Service, up to the workload: https://servicebinding.io/spec/core/1.1.0/ */
const cluster = clusterWithOperator()
const root = mkdtempSync(join(tmpdir(), 'bindings-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

type Key = KubeObject & { status?: AccessKeyStatus }
type Secret = KubeObject & { type?: string; data?: Record<string, string> }

/** What an implementation does: the Secret that the service names, a directory for the binding, a file for each entry. */
async function project(service: Key, binding: string): Promise<void> {
  const name = service.status?.binding?.name ?? ''
  const secret = await cluster.client.get<Secret>(secrets, service.metadata.namespace, name)
  expect(secret?.type).toBe('servicebinding.io/latchkey')
  mkdirSync(join(root, binding))
  for (const [entry, value] of Object.entries(secret?.data ?? {}))
    writeFileSync(join(root, binding, entry), Buffer.from(value, 'base64'))
}

/** What a workload does: the binding of its type, whatever it is called. */
function bindingsOf(type: string): string[] {
  return readdirSync(root).filter(name => readFileSync(join(root, name, 'type'), 'utf8').trim() === type)
}

test('an AccessKey is bound by its status, and the workload finds and signs with what was projected', async () => {
  const namespace = await cluster.namespace()
  await cluster.client.create(apiClients, { metadata: { name: 'web', namespace }, spec: {} } as KubeObject)
  const made = { metadata: { name: 'web', namespace }, spec: { clientRef: { name: 'web' }, secretName: 'elsewhere' } }
  await cluster.client.create(accessKeys, made as KubeObject)
  const key = (await condition(cluster.client, accessKeys, made, { type: 'Ready', reason: 'Ready' })) as unknown as Key
  expect(key.status?.binding).toEqual({ name: 'elsewhere' })
  mkdirSync(join(root, 'database'))
  writeFileSync(join(root, 'database', 'type'), 'postgresql')
  await project(key, 'calls')

  expect(bindingsOf('latchkey')).toEqual(['calls'])
  const files = readdirSync(join(root, 'calls')).sort()
  // Names of entries: what a file and an environment variable's map may be called.
  expect(files.filter(name => !/^[a-z0-9.-]{1,253}$/.test(name))).toEqual([])
  expect(files).toEqual(expect.arrayContaining(['type', 'provider', 'private.jwk', 'client-id', 'issuer']))
  const provider = await tokenProvider({ env: { SERVICE_BINDING_ROOT: root } })
  const [header = '', claims = '', signature = ''] = (await provider.token('https://orders.shop.svc')).split('.')
  const publicKey = createPublicKey({ key: { ...key.status?.keys?.[0]?.publicKey } as never, format: 'jwk' })
  expect(verify(null, Buffer.from(`${header}.${claims}`), publicKey, Buffer.from(signature, 'base64url'))).toBe(true)
  provider.close()
})
