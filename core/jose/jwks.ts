import type { Algorithm, PublicJwk } from '../api/access-key.ts'
import { algorithms } from './algorithms.ts'

/** A key that may be published. Times in seconds since epoch. */
export interface PublishableKey {
  readonly kid: string
  readonly algorithm: Algorithm
  readonly publicKey: PublicJwk
  readonly notAfter?: number
  readonly revoked?: boolean
}

/** One published key: public members only. */
export type PublishedJwk = Readonly<Record<string, string>>

/**
 * The JWK Set of these keys at this time: neither revoked nor ended ones, each `kid` once, in the given order, only the
 * public members of the key's own type, `use: sig`, and `alg` for EC and RSA.
 * @param now seconds since epoch
 * @see RFC 7517 section 5
 */
export function jwksOf(keys: readonly PublishableKey[], now: number): { readonly keys: readonly PublishedJwk[] } {
  const published = new Map<string, PublishedJwk>()
  for (const key of keys) {
    if (key.revoked || (key.notAfter !== undefined && key.notAfter <= now) || published.has(key.kid)) continue
    published.set(key.kid, publishedJwk(key))
  }
  return { keys: [...published.values()] }
}

function publishedJwk(key: PublishableKey): PublishedJwk {
  const { members, publishedAlgorithm } = algorithms[key.algorithm]
  const jwk: Record<string, string> = {}
  for (const member of members) {
    const value = key.publicKey[member]
    if (typeof value === 'string') jwk[member] = value
  }
  jwk.kid = key.kid
  jwk.use = 'sig'
  if (publishedAlgorithm) jwk.alg = publishedAlgorithm
  return jwk
}
