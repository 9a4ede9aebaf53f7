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
 * Reads every half minute; the last good answer stays when the API server gives none. Keys that guards cannot use are told
 * in the log: what is signed by them is refused, and so is what was signed by a key that is published no more.
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
  let told = ''

  async function look(): Promise<void> {
    try {
      const [discovery, jwks] = await Promise.all([
        client.raw<{ issuer?: unknown }>('GET', '/.well-known/openid-configuration'),
        client.raw<{ keys?: unknown }>('GET', '/openid/v1/jwks'),
      ])
      const { fresh, useless } = readKeys(discovery?.issuer, jwks?.keys)
      const changed = !isSameJson(fresh, row)
      row = fresh
      failures = 0
      tell(useless, fresh.keys.length)
      if (changed) for (const handler of handlers) handler()
    } catch (error) {
      log.warn({ err: error }, 'the keys of service account tokens were not read, trying again')
      failures++
    }
  }

  /** Once for each set of keys: they stay for months. */
  function tell(useless: readonly string[], usable: number): void {
    const text = [usable, ...useless].join()
    if (text === told) return
    told = text
    if (useless.length === 0 && usable > 0) return
    const what = usable === 0 ? 'no key' : 'not every key'
    log.warn({ useless }, `${what} of the cluster's service account tokens can be used: guards know RS256 and ES256`)
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

/** What guards can use, and of the others the kind. */
interface ReadKeys {
  readonly fresh: ClusterRow
  /** As `EC P-384`: of no key more than its kind. */
  readonly useless: readonly string[]
}

/** @throws Error when the documents have another form */
function readKeys(issuer: unknown, keys: unknown): ReadKeys {
  if (typeof issuer !== 'string' || issuer === '' || !Array.isArray(keys) || !keys.every(isRecord)) {
    throw new Error('the discovery documents have another form')
  }
  const usable = keys.flatMap(clusterKey).sort((a, b) => (a.kid < b.kid ? -1 : 1))
  const kids = new Set(usable.map(({ kid }) => kid))
  const useless = keys.filter(({ kid }) => !kids.has(String(kid))).map(({ kty, crv }) => kindOf(kty, crv))
  return { fresh: { type: 'cluster', issuer, keys: usable }, useless: useless.sort() }
}

function kindOf(...parts: readonly unknown[]): string {
  const words = parts.filter(part => typeof part === 'string' && /^[\w-]{1,16}$/.test(part))
  return words.join(' ') || 'of no known kind'
}

function clusterKey(jwk: Readonly<Record<string, unknown>>): ClusterRow['keys'][number][] {
  const { kid, kty, crv, x, y, n, e } = jwk
  if (typeof kid !== 'string') return []
  const [alg, publicKey] =
    kty === 'RSA' ? (['RS256', { kty, n, e }] as const) : (['ES256', { kty, crv, x, y }] as const)
  if (checkPublicKey(publicKey, alg) !== undefined) return []
  return [{ kid, alg, publicKey: publicKey as ClusterRow['keys'][number]['publicKey'] }]
}
