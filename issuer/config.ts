import { installationSettings } from '../cluster/settings.ts'
import { issuerAlgorithms } from '../core/keys/issuer-keys.ts'
import { type ConfigOf, choice, integer, readConfig, type Setting, text, url } from '../platform/config.ts'
import { SettingsError } from '../platform/process-exit.ts'
import type { RedisAddress } from './store/redis/connection.ts'

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
  tokenPort: integer('LATCHKEY_TOKEN_PORT', {
    default: 8445,
    min: 0,
    max: 65_535,
    description: 'port of the OAuth endpoints',
  }),
  tokenUrl: url<string | undefined>('LATCHKEY_TOKEN_URL', {
    default: undefined,
    description: 'begin of the URLs of the OAuth endpoints; default: the issuer URL',
  }),
  tokenAlgorithm: choice('LATCHKEY_TOKEN_ALGORITHM', issuerAlgorithms, {
    default: 'Ed25519',
    description: 'which of its keys the issuer signs access tokens with, once that one signs',
  }),
  ed25519Alg: choice('LATCHKEY_ED25519_ALG', ['EdDSA', 'Ed25519'], {
    default: 'EdDSA',
    description: 'alg of tokens that an Ed25519 key of the issuer signs: the name of RFC 8037, or that of RFC 9864',
  }),
  peerRate: integer('LATCHKEY_TOKEN_PEER_RATE', {
    default: 500,
    min: 1,
    max: 100_000,
    description: 'requests a second that one address may make to the OAuth endpoints of a replica',
  }),
  clientRate: integer('LATCHKEY_TOKEN_CLIENT_RATE', {
    default: 200,
    min: 1,
    max: 100_000,
    description: 'requests a second that one client may make to them',
  }),
  healthPort: integer('LATCHKEY_HEALTH_PORT', {
    default: 8081,
    min: 0,
    max: 65_535,
    description: 'port of /livez, /readyz and /metrics',
  }),
  tokenStore: choice('LATCHKEY_TOKEN_STORE', ['Kubernetes', 'Redis'], {
    default: 'Kubernetes',
    description: 'where single-use ids, codes, grants and revocations are kept',
  }),
  redisUrl: redisUrl('LATCHKEY_REDIS_URL'),
  redisCredentials: text<string | undefined>('LATCHKEY_REDIS_CREDENTIALS', {
    default: undefined,
    description: 'folder with the file password and, for an ACL user, username',
  }),
  redisCaFile: text<string | undefined>('LATCHKEY_REDIS_CA_FILE', {
    default: undefined,
    description: 'authorities of the certificate of Redis, PEM',
  }),
  kubeconfig: text<string | undefined>('LATCHKEY_KUBECONFIG', {
    default: undefined,
    description: 'kubeconfig to use instead of the service account of the pod',
  }),
}

export type IssuerConfig = Omit<ConfigOf<typeof table>, 'tokenStore' | 'tokenUrl' | `redis${string}`> & {
  /** Begin of the URLs of the OAuth endpoints, without a slash at its end. */
  readonly tokenUrl: string
  readonly operatorUser: string
  /** Present when Redis is the token store. */
  readonly redis?: RedisAddress
}

/** @throws Error that lists every mistake */
export function readIssuerConfig(env: Record<string, string | undefined>): IssuerConfig {
  const { tokenStore, redisUrl, redisCredentials, redisCaFile, ...config } = readConfig(table, env)
  const operatorUser = config.operatorUser ?? `system:serviceaccount:${config.namespace}:${config.fullname}-operator`
  const redis = redisOf(tokenStore, { url: redisUrl, credentials: redisCredentials, caFile: redisCaFile })
  return { ...config, operatorUser, tokenUrl: config.tokenUrl ?? config.issuerUrl, ...(redis && { redis }) }
}

/** @throws SettingsError when something of Redis is missing, or would go unused */
function redisOf(
  tokenStore: 'Kubernetes' | 'Redis',
  { url, ...files }: Omit<RedisAddress, 'url'> & { url: string | undefined },
): RedisAddress | undefined {
  if (tokenStore === 'Redis') {
    if (url !== undefined) return { url, ...files }
    throw new SettingsError('configuration:\n  LATCHKEY_REDIS_URL: required with LATCHKEY_TOKEN_STORE=Redis')
  }
  if ([url, files.credentials, files.caFile].every(given => given === undefined)) return undefined
  throw new SettingsError('configuration:\n  LATCHKEY_REDIS_…: of no use without LATCHKEY_TOKEN_STORE=Redis')
}

/** Credentials in a URL would stand in the environment, for everybody who may read pods. */
function redisUrl(name: string): Setting<string | undefined> {
  return {
    name,
    description: 'redis:// or rediss:// URL of one Redis, without credentials; its path is the number of the database',
    default: { value: undefined },
    parse(given) {
      const url = URL.canParse(given) ? new URL(given) : undefined
      const isPlain = url && !url.username && !url.password && !url.search && !url.hash && url.hostname
      return isPlain && /^rediss?:$/.test(url.protocol) && /^\/?$|^\/\d{1,5}$/.test(url.pathname)
        ? { value: given }
        : { expected: 'a redis:// or rediss:// URL without credentials, such as rediss://redis.example:6379/0' }
    },
  }
}
