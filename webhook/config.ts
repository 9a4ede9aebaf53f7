import { isRecord } from '../core/base/is-record.ts'
import { type ConfigOf, choice, integer, type Setting, text, url } from '../platform/config.ts'

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

/** Settings of the webhook process. */
export const configTable = {
  logLevel: choice('LATCHKEY_LOG_LEVEL', levels, { default: 'info', description: 'least level that is logged' }),
  namespace: text('LATCHKEY_NAMESPACE', { description: "the installation's own namespace" }),
  fullname: text('LATCHKEY_FULLNAME', { description: 'name that all objects of the release begin with' }),
  installation: text('LATCHKEY_INSTALLATION', { default: 'default', description: 'installation id' }),
  issuerUrl: url('LATCHKEY_ISSUER_URL', {
    description: "issuer URL; the audience of the guards' tokens begins with it",
  }),
  kubeconfig: text<string | undefined>('LATCHKEY_KUBECONFIG', {
    default: undefined,
    description: 'kubeconfig, instead of the service account',
  }),
  healthPort: integer('LATCHKEY_HEALTH_PORT', { default: 8081, min: 0, max: 65_535, description: 'port of probes' }),
  port: integer('LATCHKEY_PORT', { default: 9443, min: 0, max: 65_535, description: 'port for the API server' }),
  guardImage: text('LATCHKEY_GUARD_IMAGE', { description: 'image of injected guards' }),
  guardPullPolicy: choice('LATCHKEY_GUARD_PULL_POLICY', ['Always', 'IfNotPresent', 'Never'], {
    default: 'IfNotPresent',
    description: 'imagePullPolicy of injected guards',
  }),
  guardEnv: jsonObject('LATCHKEY_GUARD_ENV', 'more variables of injected guards, as JSON'),
  guardResources: jsonObject('LATCHKEY_GUARD_RESOURCES', 'resources of injected guards, as JSON'),
  guardAuditOnBlock: choice('LATCHKEY_GUARD_AUDIT_ON_BLOCK', ['', 'Count', 'Deny'], {
    default: '',
    description: 'LATCHKEY_AUDIT_ON_BLOCK of injected guards',
  }),
  guardAuditOtlp: text('LATCHKEY_GUARD_AUDIT_OTLP', {
    default: '',
    description: 'LATCHKEY_AUDIT_OTLP of injected guards',
  }),
  guardProblemBase: text('LATCHKEY_GUARD_PROBLEM_BASE', {
    default: '',
    description: 'LATCHKEY_PROBLEM_BASE of injected guards',
  }),
  snapshotUrl: url('LATCHKEY_SNAPSHOT_URL', { description: 'where injected guards get their snapshots' }),
}

/** The environment of injected guards beyond what each one is told of its own pod; empty values are left out. */
export function guardEnvOf(config: ConfigOf<typeof configTable>): Record<string, string> {
  const values = {
    LATCHKEY_AUDIT_ON_BLOCK: config.guardAuditOnBlock,
    LATCHKEY_AUDIT_OTLP: config.guardAuditOtlp,
    LATCHKEY_PROBLEM_BASE: config.guardProblemBase,
  }
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''))
}

function jsonObject(name: string, description: string): Setting<Record<string, unknown>> {
  return {
    name,
    description,
    default: { value: {} },
    parse(value) {
      const expected = { expected: 'a JSON object' }
      try {
        const parsed: unknown = JSON.parse(value)
        return isRecord(parsed) ? { value: parsed } : expected
      } catch {
        return expected
      }
    },
  }
}
