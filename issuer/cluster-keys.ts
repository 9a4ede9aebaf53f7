import { checkPublicKey } from '../core/keys/jwk.ts'
import { canonicalJson } from '../core/snapshot/hash.ts'
import type { ClusterRow } from '../core/snapshot/rows.ts'
import { type Clock, systemClock } from '../platform/clock.ts'
import type { KubeClient } from '../platform/kube/client.ts'
import type { Logger } from '../platform/log.ts'

const rereadMs = 300_000
const retryMs = 5_000

/** Issuer and keys of the cluster's service account tokens, as the API server publishes them. */
export interface ClusterKeys {
  /** Resolves after the first try, whatever came of it. */
  start(): Promise<void>
  current(): ClusterRow | undefined
  onChange(handler: () => void): void
  stop(): void
}

/** Reads every 5 minutes; the last good answer stays when the API server gives none. */
export function createClusterKeys(
  client: Pick<KubeClient, 'raw'>,
  options: { log: Logger; clock?: Clock },
): ClusterKeys {
  const { log, clock = systemClock } = options
  const handlers = new Set<() => void>()
  let row: ClusterRow | undefined
  let stopped = false
  let cancel: (() => void) | undefined

  async function look(): Promise<void> {
    let pauseMs = rereadMs
    try {
      const [discovery, jwks] = await Promise.all([
        client.raw<{ issuer?: unknown }>('GET', '/.well-known/openid-configuration'),
        client.raw<{ keys?: unknown }>('GET', '/openid/v1/jwks'),
      ])
      const fresh = clusterRow(discovery.issuer, jwks.keys)
      const changed = canonicalJson(fresh) !== canonicalJson(row)
      row = fresh
      if (changed) for (const handler of handlers) handler()
    } catch (error) {
      log.warn({ err: error }, 'the keys of service account tokens were not read, trying again')
      pauseMs = retryMs
    }
    if (!stopped) cancel = clock.after(pauseMs, () => void look())
  }

  return {
    start: look,
    current: () => row,
    onChange: handler => void handlers.add(handler),
    stop() {
      stopped = true
      cancel?.()
    },
  }
}

/** @throws Error when the documents have no issuer or no list of keys */
function clusterRow(issuer: unknown, keys: unknown): ClusterRow {
  if (typeof issuer !== 'string' || !Array.isArray(keys)) throw new Error('the discovery documents have another form')
  return { type: 'cluster', issuer, keys: keys.flatMap(clusterKey).sort((a, b) => (a.kid < b.kid ? -1 : 1)) }
}

function clusterKey(jwk: Record<string, unknown>): ClusterRow['keys'][number][] {
  const { kid, kty, crv, x, y, n, e } = jwk
  if (typeof kid !== 'string') return []
  const [alg, publicKey] =
    kty === 'RSA' ? (['RS256', { kty, n, e }] as const) : (['ES256', { kty, crv, x, y }] as const)
  if (checkPublicKey(publicKey, alg) !== undefined) return []
  return [{ kid, alg, publicKey: publicKey as ClusterRow['keys'][number]['publicKey'] }]
}
