import { installationSettings } from '../cluster/settings.ts'
import { type IssuerAlgorithm, issuerAlgorithms, usualIssuerAlgorithms } from '../core/keys/issuer-keys.ts'
import { type ConfigOf, choice, duration, flag, integer, list, type Setting, text } from '../platform/config.ts'

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

/** The operator's settings. */
export const configTable = {
  logLevel: choice('LATCHKEY_LOG_LEVEL', levels, { default: 'info', description: 'least level that is logged' }),
  namespace: text('LATCHKEY_NAMESPACE', { description: "the installation's own namespace" }),
  fullname: text('LATCHKEY_FULLNAME', { description: 'name that all objects of the release begin with' }),
  ...installationSettings,
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
  publishAheadMs: duration('LATCHKEY_PUBLISH_AHEAD', {
    default: 20 * 60_000,
    min: 1_000,
    max: 24 * 3_600_000,
    description: 'how long the next key is published before it takes the place of the one in use',
  }),
  tlsHosts: list('LATCHKEY_TLS_HOSTS', { default: [], description: "more names of the issuer's certificate" }),
  authorizer: flag('LATCHKEY_AUTHORIZER', {
    default: false,
    description: 'whether to make a certificate for the authorizer',
  }),
  authorizerTlsHosts: list('LATCHKEY_AUTHORIZER_TLS_HOSTS', {
    default: [],
    description: 'more names of that certificate',
  }),
  issuerKeyEveryMs: duration('LATCHKEY_ISSUER_KEY_EVERY', {
    default: 720 * 3_600_000,
    min: 3_600_000,
    max: 87_600 * 3_600_000,
    description: 'how long the issuer signs with one key',
  }),
  issuerAlgorithms: issuerAlgorithmList('LATCHKEY_ISSUER_ALGORITHMS'),
  tokenFile: text<string>('LATCHKEY_TOKEN_FILE', {
    default: '/var/run/latchkey/token/token',
    description: 'projected token for the issuer',
  }),
}

export type Config = ConfigOf<typeof configTable>

function issuerAlgorithmList(name: string): Setting<readonly IssuerAlgorithm[]> {
  return {
    name,
    description: 'what the issuer has keys for, the one that signs access tokens first',
    default: { value: usualIssuerAlgorithms },
    parse(given) {
      const words = given.split(',').map(word => word.trim())
      const named = words.flatMap(word => issuerAlgorithms.find(algorithm => algorithm === word) ?? [])
      const isGood = named.length === words.length && new Set(named).size === named.length
      return isGood ? { value: named } : { expected: `some of ${issuerAlgorithms.join(', ')}, each once` }
    },
  }
}
