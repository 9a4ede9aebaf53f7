import { type ConfigOf, choice, integer, list, readConfig, type Setting, text, url } from '../platform/config.ts'

const table = {
  logLevel: choice('LATCHKEY_LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error'], {
    default: 'info',
    description: 'least level that is logged',
  }),
  namespace: text('LATCHKEY_NAMESPACE', { description: 'namespace of the release' }),
  fullname: text('LATCHKEY_FULLNAME', { default: 'latchkey', description: 'prefix of the names of the release' }),
  installation: text('LATCHKEY_INSTALLATION', { default: 'default', description: 'id of this installation' }),
  issuerUrl: url('LATCHKEY_ISSUER_URL', { description: 'issuer URL, without a trailing slash' }),
  operatorUser: text<string | undefined>('LATCHKEY_OPERATOR_USER', {
    default: undefined,
    description: 'user name of the operator, who may ask what guards hold',
  }),
  clientIds: clientIds('LATCHKEY_CLIENT_IDS'),
  reservedAudiences: list('LATCHKEY_RESERVED_AUDIENCES', {
    default: ['https://kubernetes.default.svc', 'https://kubernetes.default.svc.cluster.local'],
    description: 'audiences of the API server, which no service may have',
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

/** The chart's map of chosen client ids, as JSON: `{"acme.orders": "partners/acme"}`. */
function clientIds(name: string): Setting<ReadonlyMap<string, string>> {
  const expected = 'a JSON object of client id to namespace/name'
  return {
    name,
    description: 'client ids that do not begin with their namespace, as JSON',
    default: { value: new Map() },
    parse(given) {
      try {
        const entries = Object.entries(JSON.parse(given) as Record<string, unknown>)
        const good = entries.every(([, key]) => typeof key === 'string' && /^[^/]+\/[^/]+$/.test(key))
        return good ? { value: new Map(entries as [string, string][]) } : { expected }
      } catch {
        return { expected }
      }
    },
  }
}
