import type { Identity } from '../../core/policy/decision.ts'
import { knownIdentity } from '../../core/policy/known-identity.ts'

/** Proved identities by token. A hit saves the signature check and nothing else: `decide` looks at it each time. */
export interface IdentityCache {
  get(token: string): Identity | undefined
  set(token: string, identity: Identity): void
  /** Lookups since the start. */
  lookups(): { readonly hits: number; readonly misses: number }
}

/**
 * Two generations: when the young one is full it becomes the old one, and what is used moves back. So it needs no
 * timers and no lists, and forgets what is not used. Keyed by the whole token with its signature: a key of less would
 * accept a forgery of what was once good.
 * @param bounds per generation: entries, and characters of tokens
 */
export function createIdentityCache(bounds: { entries: number; characters: number }): IdentityCache {
  let young = new Map<string, Identity>()
  let old = new Map<string, Identity>()
  let characters = 0
  let hits = 0
  let misses = 0

  function set(token: string, identity: Identity): void {
    if (young.size >= bounds.entries || characters + token.length > bounds.characters) {
      old = young
      young = new Map()
      characters = 0
    }
    young.set(token, knownIdentity(identity))
    characters += token.length
  }

  return {
    set,
    lookups: () => ({ hits, misses }),
    get(token) {
      const hit = young.get(token)
      const found = hit ?? old.get(token)
      if (found) hits++
      else misses++
      if (found && !hit) set(token, found)
      return found
    },
  }
}
