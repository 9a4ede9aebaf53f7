import type { Identity } from '../core/base/identity.ts'
import { knownIdentity } from '../core/policy/known-identity.ts'

/** Proved identities by token. A hit saves the signature check and nothing else: `decide` looks at it each time. */
export interface IdentityCache {
  get(token: string): Identity | undefined
  /** The same, but a miss is not counted: whoever asks this way will ask again, to prove it. */
  known(token: string): Identity | undefined
  /** @returns the identity as it is kept: asked about again, it is decided on faster */
  set(token: string, identity: Identity): Identity
  /** Lookups since the start. */
  lookups(): { readonly hits: number; readonly misses: number }
}

/** Of each of the two generations: tokens, and characters of all of them. */
export interface CacheBounds {
  readonly entries: number
  readonly characters: number
}

const fewestEntries = 8_192
/** Beyond this the memory is worth more than the signature checks. */
const mostEntries = 131_072
/** Longer than common tokens are. */
const charactersEach = 1_024
/** A client that makes one long token after the other fills no more. */
const mostCharacters = 64 * 1024 * 1024

/** Of the memory, for the characters of one generation. The rest is for policies, two while one takes the other's place. */
const memoryShare = 1 / 32
/** Of a common token, and about what its identity takes beside it. */
const charactersShared = 512

/**
 * A token for each client of the policy, and room for some more where they are few, as far as the memory allows.
 * @param memoryBytes that the process may have for this cache and its policy; undefined: it has no limit
 */
export function boundsFor(clients: number, memoryBytes?: number): CacheBounds {
  const wanted = memoryBytes === undefined ? mostCharacters : memoryBytes * memoryShare
  const share = Math.min(mostCharacters, Math.max(fewestEntries * charactersShared, wanted))
  const most = Math.min(mostEntries, Math.floor(share / charactersShared))
  const entries = Math.max(fewestEntries, Math.min(most, clients))
  return { entries, characters: Math.min(share, entries * charactersEach) }
}

/**
 * Two generations: when the young one is full it becomes the old one, and what is used moves back. So it needs no
 * timers and no lists, and forgets what is not used. Keyed by the whole token with its signature: a key of less would
 * accept a forgery of what was once good.
 * @param bounds as they are now
 */
export function createIdentityCache(bounds: () => CacheBounds): IdentityCache {
  let young = new Map<string, Identity>()
  let old = new Map<string, Identity>()
  let characters = 0
  let hits = 0
  let misses = 0

  function set(token: string, identity: Identity): Identity {
    const most = bounds()
    if (young.size >= most.entries || characters + token.length > most.characters) {
      old = young
      young = new Map()
      characters = 0
    }
    const known = knownIdentity(identity)
    young.set(token, known)
    characters += token.length
    return known
  }

  function known(token: string): Identity | undefined {
    const hit = young.get(token)
    const found = hit ?? old.get(token)
    if (found) hits++
    if (found && !hit) set(token, found)
    return found
  }

  return {
    set,
    known,
    lookups: () => ({ hits, misses }),
    get(token) {
      const found = known(token)
      if (!found) misses++
      return found
    },
  }
}
