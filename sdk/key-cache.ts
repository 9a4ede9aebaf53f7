import { fail } from './access-error.ts'
import { exchange } from './exchange.ts'
import { type KeySet, noKeys, readKeySet, type VerificationKey } from './key-set.ts'

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

/** Clients whose keys were read once. */
const maxClients = 1_000
/** Names under which nothing is published, as far as is known. */
const maxStrangers = 1_000
const maxPending = 16
/** About 2,000 Ed25519 keys, or 300 of RSA with 4096 bits. */
const maxBytes = 256 * 1024

/**
 * Keeps the key sets of clients. One request per client at a time; an unknown `kid` costs at most one request per
 * cooldown, so that made-up tokens do not become load on the issuer (threat J06). Names that anybody can make up share
 * neither memory nor requests with clients whose keys are known: they crowd out each other only.
 */
export function createKeyCache(options: KeyCacheOptions) {
  const { cacheSeconds = 60, cooldownSeconds = 10, maxStaleSeconds = 600, timeoutMs = 5_000, ca } = options
  const clients = new Map<string, Entry>()
  const strangers = new Map<string, Entry>()
  const line = createLine(maxPending, timeoutMs)
  let pending = 0

  const fetchKeys = async (issuer: string, entry: Entry): Promise<void> => {
    entry.triedAt = performance.now()
    const get = { timeoutMs, maxBytes, ...(ca !== undefined && { ca }) }
    const { status, text } = await exchange(`${issuer}/.well-known/jwks.json`, get)
    // The issuer says 200 and 404 only from a fully loaded set, so a client that is gone is known to be gone.
    if (status !== 200 && status !== 404) throw new Error(`status ${status}`)
    entry.keys = status === 200 ? readKeySet(text) : noKeys
    entry.fetchedAt = entry.triedAt
  }

  const fetchKnown = async (issuer: string, entry: Entry): Promise<void> => {
    if (pending >= maxPending) return
    pending += 1
    await fetchKeys(issuer, entry).finally(() => {
      pending -= 1
    })
  }

  const fetchStranger = async (issuer: string, entry: Entry): Promise<void> => {
    if (!(await line.enter())) return
    await fetchKeys(issuer, entry).finally(line.leave)
    if (!entry.keys || entry.keys.size === 0) return
    strangers.delete(issuer)
    keep(clients, maxClients, issuer, entry)
  }

  const entryOf = (issuer: string): Entry => {
    const known = clients.get(issuer)
    if (known) return keep(clients, maxClients, issuer, known)
    const entry = strangers.get(issuer) ?? { fetchedAt: Number.NEGATIVE_INFINITY, triedAt: Number.NEGATIVE_INFINITY }
    return keep(strangers, maxStrangers, issuer, entry)
  }

  const refresh = (issuer: string, entry: Entry): Promise<void> => {
    if (entry.pending) return entry.pending
    if (performance.now() - entry.triedAt < cooldownSeconds * 1_000) return Promise.resolve()
    const fetching = clients.has(issuer) ? fetchKnown(issuer, entry) : fetchStranger(issuer, entry)
    // What went wrong is not told to whoever sent the token; the age of the keys decides what follows.
    entry.pending = fetching
      .catch(() => {})
      .finally(() => {
        delete entry.pending
      })
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

/** Set anew, so that the first of the map is the one used longest ago. */
function keep(entries: Map<string, Entry>, most: number, issuer: string, entry: Entry): Entry {
  entries.delete(issuer)
  entries.set(issuer, entry)
  const oldest = entries.keys().next().value
  if (entries.size > most && oldest !== undefined) entries.delete(oldest)
  return entry
}

/** Where requests wait for their turn: a client that is asked about for the first time is not refused for a full moment. */
const maxWaiting = 256

function createLine(most: number, waitMs: number) {
  const waiting = new Set<(admitted: boolean) => void>()
  let inside = 0
  return {
    /** @returns false when the line is too long, or took too long */
    enter(): Promise<boolean> | boolean {
      if (inside < most) {
        inside += 1
        return true
      }
      if (waiting.size >= maxWaiting) return false
      return new Promise(resolve => {
        const turn = (admitted: boolean): void => {
          clearTimeout(timer)
          waiting.delete(turn)
          resolve(admitted)
        }
        const timer = setTimeout(turn, waitMs, false)
        waiting.add(turn)
      })
    },
    leave(): void {
      const [next] = waiting
      // The place goes on to the next one.
      if (next) next(true)
      else inside -= 1
    },
  }
}
