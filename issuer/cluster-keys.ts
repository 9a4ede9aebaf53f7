import { isSameJson } from '../core/base/canonical-json.ts'
import { isRecord } from '../core/base/is-record.ts'
import { checkPublicKey } from '../core/jose/jwk.ts'
import type { ClusterRow } from '../core/rows/rows.ts'
import { type Clock, sleep, systemClock } from '../platform/clock.ts'
import type { KubeClient } from '../platform/kube/client.ts'
import type { Logger } from '../platform/log.ts'

/** Whoever changes the keys of a cluster publishes the next one for longer than this before it signs. */
const defaultRereadMs = 30_000
const retryMs = 1_000
const longestRetryMs = 30_000

/** Issuer and keys of the cluster's service account tokens, as the API server publishes them. */
export interface ClusterKeys {
  /** Resolves when they were read once, however long that takes, or the signal fires. */
  start(signal?: AbortSignal): Promise<void>
  current(): ClusterRow | undefined
  /** Why there are none, for whoever asks whether this process is ready. */
  fault(): string | undefined
  onChange(handler: () => void): void
  stop(): void
}

/**
 * Reads every half minute; the last good answer stays when the API server gives none. An answer without a key that could
 * be used is none: a cluster has one, or nothing in it would have a token.
 */
export function createClusterKeys(
  client: Pick<KubeClient, 'raw'>,
  options: { log: Logger; clock?: Clock; random?: () => number; rereadMs?: number | undefined },
): ClusterKeys {
  const { log, clock = systemClock, random = Math.random, rereadMs = defaultRereadMs } = options
  const handlers = new Set<() => void>()
  const stopped = new AbortController()
  let row: ClusterRow | undefined
  let failures = 0

  async function look(): Promise<void> {
    try {
      const [discovery, jwks] = await Promise.all([
        client.raw<{ issuer?: unknown }>('GET', '/.well-known/openid-configuration'),
        client.raw<{ keys?: unknown }>('GET', '/openid/v1/jwks'),
      ])
      const fresh = clusterRow(discovery?.issuer, jwks?.keys)
      const changed = !isSameJson(fresh, row)
      row = fresh
      failures = 0
      if (changed) for (const handler of handlers) handler()
    } catch (error) {
      log.warn({ err: error }, 'the keys of service account tokens were not read, trying again')
      failures++
    }
  }

  /** With a part by chance, so that replicas do not ask together. */
  function pauseMs(): number {
    const ms = failures === 0 ? rereadMs : Math.min(longestRetryMs, retryMs * 2 ** (failures - 1))
    return ms * (1 + random() / 4)
  }

  async function follow(): Promise<void> {
    while (!stopped.signal.aborted) {
      await sleep(clock, pauseMs(), stopped.signal)
      if (!stopped.signal.aborted) await look()
    }
  }

  return {
    async start(signal) {
      signal?.addEventListener('abort', () => stopped.abort())
      await look()
      while (!row && !stopped.signal.aborted) {
        await sleep(clock, pauseMs(), stopped.signal)
        if (!stopped.signal.aborted) await look()
      }
      void follow()
    },
    current: () => row,
    fault: () =>
      failures > 0 && !row
        ? 'the keys of service account tokens could not be read: may the issuer get /openid/v1/jwks?'
        : undefined,
    onChange: handler => void handlers.add(handler),
    stop: () => stopped.abort(),
  }
}

/** @throws Error when the documents have no issuer or no key that could be used */
function clusterRow(issuer: unknown, keys: unknown): ClusterRow {
  if (typeof issuer !== 'string' || issuer === '' || !Array.isArray(keys)) {
    throw new Error('the discovery documents have another form')
  }
  const usable = keys.flatMap(clusterKey).sort((a, b) => (a.kid < b.kid ? -1 : 1))
  if (usable.length === 0) throw new Error('the discovery documents have no key that could be used')
  return { type: 'cluster', issuer, keys: usable }
}

function clusterKey(jwk: unknown): ClusterRow['keys'][number][] {
  if (!isRecord(jwk)) return []
  const { kid, kty, crv, x, y, n, e } = jwk
  if (typeof kid !== 'string') return []
  const [alg, publicKey] =
    kty === 'RSA' ? (['RS256', { kty, n, e }] as const) : (['ES256', { kty, crv, x, y }] as const)
  if (checkPublicKey(publicKey, alg) !== undefined) return []
  return [{ kid, alg, publicKey: publicKey as ClusterRow['keys'][number]['publicKey'] }]
}
