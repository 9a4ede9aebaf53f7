import type { KeyObject } from 'node:crypto'
import { isRecord } from '../core/base/is-record.ts'
import { algorithms } from '../core/jose/algorithms.ts'
import { checkPublicKey, importPublicKey } from '../core/jose/jwk.ts'
import { algorithmOf, type SignatureAlgorithm } from './private-key.ts'

/** A published key, with the one algorithm it verifies. */
export interface VerificationKey {
  readonly algorithm: SignatureAlgorithm
  readonly key: KeyObject
}

/** The keys of one client by their `kid`. */
export interface KeySet {
  readonly size: number
  has(kid: string): boolean
  get(kid: string): VerificationKey | undefined
}

export const noKeys: KeySet = new Map()

/**
 * Reads a JWK Set, however many keys are in it: one is checked and imported when it is asked for. The algorithm is fixed
 * by each key's type, never by a token; a key that is no signature key of ours is left out, as RFC 7517 section 5
 * demands, and so is one that anybody could sign for.
 * @throws Error when it is no JWK Set
 */
export function readKeySet(text: string): KeySet {
  const document: unknown = JSON.parse(text)
  const keys = isRecord(document) ? document.keys : undefined
  if (!Array.isArray(keys)) throw new Error('the answer is not a JWK Set')
  const unread = new Map<string, Jwk>()
  for (const jwk of keys)
    if (isRecord(jwk) && typeof jwk.kid === 'string' && !unread.has(jwk.kid)) unread.set(jwk.kid, jwk)
  const read = new Map<string, VerificationKey | undefined>()
  const get = (kid: string): VerificationKey | undefined => {
    const jwk = unread.get(kid)
    if (jwk) {
      unread.delete(kid)
      read.set(kid, readKey(jwk))
    }
    return read.get(kid)
  }
  return {
    get size() {
      return unread.size + read.size
    },
    has: kid => get(kid) !== undefined,
    get,
  }
}

type Jwk = Readonly<Record<string, unknown>>

function readKey(jwk: Jwk): VerificationKey | undefined {
  const algorithm = algorithmOf(jwk)
  if (algorithm === undefined || (jwk.alg !== undefined && !fits(algorithm, jwk.alg))) return undefined
  if (checkPublicKey(jwk, algorithm) !== undefined) return undefined
  return { algorithm, key: importPublicKey(jwk, algorithm) }
}

function fits(algorithm: SignatureAlgorithm, name: unknown): boolean {
  return typeof name === 'string' && algorithms[algorithm].tokenAlgorithms.includes(name)
}
