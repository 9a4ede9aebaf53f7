import { type ConfigOf, choice, flag, integer, list, type Setting, text, url } from '../platform/config.ts'

/** Client ids that the chart gives to one ApiClient each, as JSON `{"<client id>": "<namespace>/<name>"}`. */
function clientIds(name: string): Setting<ReadonlyMap<string, string>> {
  return {
    name,
    description: 'client ids given to one ApiClient each',
    default: { value: new Map() },
    parse(value) {
      const expected = { expected: 'a JSON object of client ids, each with "namespace/name"' }
      try {
        const parsed: unknown = JSON.parse(value)
        if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) return expected
        const entries = Object.entries(parsed)
        const good = entries.every(([, target]) => typeof target === 'string' && /^[^/]+\/[^/]+$/.test(target))
        return good ? { value: new Map(entries) } : expected
      } catch {
        return expected
      }
    },
  }
}

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
const apiServerAudiences = ['https://kubernetes.default.svc', 'https://kubernetes.default.svc.cluster.local']

/** The operator's settings. */
export const configTable = {
  logLevel: choice('LATCHKEY_LOG_LEVEL', levels, { default: 'info', description: 'least level that is logged' }),
  namespace: text('LATCHKEY_NAMESPACE', { description: "the installation's own namespace" }),
  fullname: text('LATCHKEY_FULLNAME', { description: 'name that all objects of the release begin with' }),
  installation: text<string>('LATCHKEY_INSTALLATION', { default: 'default', description: 'installation id' }),
  issuerUrl: url('LATCHKEY_ISSUER_URL', { description: 'issuer URL' }),
  podName: text('LATCHKEY_POD_NAME', { description: 'name of this pod, for the lease and for events' }),
  kubeconfig: text<string | undefined>('LATCHKEY_KUBECONFIG', {
    default: undefined,
    description: 'kubeconfig, instead of the service account',
  }),
  healthPort: integer<number>('LATCHKEY_HEALTH_PORT', {
    default: 8081,
    min: 0,
    max: 65_535,
    description: 'port of probes',
  }),
  snapshotPort: integer<number>('LATCHKEY_SNAPSHOT_PORT', {
    default: 8444,
    min: 1,
    max: 65_535,
    description: 'port of the issuer on which guards are served',
  }),
  clientIds: clientIds('LATCHKEY_CLIENT_IDS'),
  tlsHosts: list('LATCHKEY_TLS_HOSTS', { default: [], description: "more names of the issuer's certificate" }),
  authorizer: flag('LATCHKEY_AUTHORIZER', {
    default: false,
    description: 'whether to make a certificate for the authorizer',
  }),
  authorizerTlsHosts: list('LATCHKEY_AUTHORIZER_TLS_HOSTS', {
    default: [],
    description: 'more names of that certificate',
  }),
  reservedAudiences: list('LATCHKEY_RESERVED_AUDIENCES', {
    default: apiServerAudiences,
    description: 'audiences of the API server, which no service may have',
  }),
  tokenFile: text<string>('LATCHKEY_TOKEN_FILE', {
    default: '/var/run/latchkey/token/token',
    description: 'projected token for the issuer',
  }),
}

export type Config = ConfigOf<typeof configTable>
