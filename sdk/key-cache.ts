import { fail } from './access-error.ts'
import { getText } from './http-get.ts'
import { type KeySet, readKeySet, type VerificationKey } from './key-set.ts'

export interface KeyCacheOptions {
  /** Certificates (PEM) that the issuer's server certificate is checked against; default: the system's. */
  readonly ca?: string | Buffer
  /** How long a key set is used without asking again, seconds. Default 60, what the issuer allows. */
  readonly cacheSeconds?: number
  /** Least time between two requests for one client's keys, seconds. Default 10. */
  readonly cooldownSeconds?: number
  /** How long a key set is used while the issuer cannot be asked, seconds. Default 600. */
  readonly maxStaleSeconds?: number
  /** For one request, milliseconds. Default 5000. */
  readonly timeoutMs?: number
}

/** What is known of one client. Times are `performance.now()`, milliseconds: a clock that is set back ages nothing. */
interface Entry {
  keys?: KeySet
  fetchedAt: number
  triedAt: number
  pending?: Promise<void>
}

const maxClients = 1_000
const maxPending = 16
const maxBytes = 64 * 1024

/**
 * Keeps the key sets of clients. One request per client at a time; an unknown `kid` costs at most one request per
 * cooldown, so that made-up tokens do not become load on the issuer (threat J06).
 */
export function createKeyCache(options: KeyCacheOptions) {
  const { cacheSeconds = 60, cooldownSeconds = 10, maxStaleSeconds = 600, timeoutMs = 5_000, ca } = options
  const clients = new Map<string, Entry>()
  let pending = 0

  const fetchKeys = async (issuer: string, entry: Entry): Promise<void> => {
    pending += 1
    entry.triedAt = performance.now()
    try {
      const get = { timeoutMs, maxBytes, ...(ca !== undefined && { ca }) }
      const { status, text } = await getText(`${issuer}/.well-known/jwks.json`, get)
      // The issuer says 200 and 404 only from a fully loaded set, so a client that is gone is known to be gone.
      if (status !== 200 && status !== 404) throw new Error(`status ${status}`)
      entry.keys = status === 200 ? readKeySet(text) : new Map()
      entry.fetchedAt = entry.triedAt
    } finally {
      pending -= 1
      delete entry.pending
    }
  }

  const entryOf = (issuer: string): Entry => {
    const entry = clients.get(issuer) ?? { fetchedAt: Number.NEGATIVE_INFINITY, triedAt: Number.NEGATIVE_INFINITY }
    // Set anew, so that the first of the map is the one used longest ago.
    clients.delete(issuer)
    clients.set(issuer, entry)
    const oldest = clients.keys().next().value
    if (clients.size > maxClients && oldest !== undefined) clients.delete(oldest)
    return entry
  }

  const refresh = (issuer: string, entry: Entry): Promise<void> => {
    if (entry.pending) return entry.pending
    if (performance.now() - entry.triedAt < cooldownSeconds * 1_000) return Promise.resolve()
    if (pending >= maxPending) return Promise.resolve()
    // What went wrong is not told to whoever sent the token; the age of the keys decides what follows.
    entry.pending = fetchKeys(issuer, entry).catch(() => {})
    return entry.pending
  }

  /**
   * @returns undefined when the client publishes no key of that id
   * @throws AccessError keys_unavailable when nothing young enough is known
   */
  return async function keyOf(issuer: string, kid: string): Promise<VerificationKey | undefined> {
    const entry = entryOf(issuer)
    const age = () => (performance.now() - entry.fetchedAt) / 1_000
    if (age() >= cacheSeconds || !entry.keys?.has(kid)) await refresh(issuer, entry)
    if (entry.keys && age() < maxStaleSeconds) return entry.keys.get(kid)
    return fail('keys_unavailable', 'The keys of this client cannot be read from the issuer now. Try again shortly.')
  }
}
