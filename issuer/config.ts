import { installationSettings } from '../cluster/settings.ts'
import { type ConfigOf, choice, integer, readConfig, text } from '../platform/config.ts'

const table = {
  logLevel: choice('LATCHKEY_LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error'], {
    default: 'info',
    description: 'least level that is logged',
  }),
  namespace: text('LATCHKEY_NAMESPACE', { description: 'namespace of the release' }),
  fullname: text('LATCHKEY_FULLNAME', { default: 'latchkey', description: 'prefix of the names of the release' }),
  ...installationSettings,
  operatorUser: text<string | undefined>('LATCHKEY_OPERATOR_USER', {
    default: undefined,
    description: 'user name of the operator, who may ask what guards hold',
  }),
  port: integer('LATCHKEY_PORT', { default: 8443, min: 0, max: 65_535, description: 'port of JWKS and discovery' }),
  snapshotPort: integer('LATCHKEY_SNAPSHOT_PORT', {
    default: 8444,
    min: 0,
    max: 65_535,
    description: 'port of snapshots',
  }),
  healthPort: integer('LATCHKEY_HEALTH_PORT', {
    default: 8081,
    min: 0,
    max: 65_535,
    description: 'port of /livez, /readyz and /metrics',
  }),
  kubeconfig: text<string | undefined>('LATCHKEY_KUBECONFIG', {
    default: undefined,
    description: 'kubeconfig to use instead of the service account of the pod',
  }),
}

export type IssuerConfig = ConfigOf<typeof table> & { readonly operatorUser: string }

/** @throws Error that lists every mistake */
export function readIssuerConfig(env: Record<string, string | undefined>): IssuerConfig {
  const config = readConfig(table, env)
  const operatorUser = config.operatorUser ?? `system:serviceaccount:${config.namespace}:${config.fullname}-operator`
  return { ...config, operatorUser }
}
