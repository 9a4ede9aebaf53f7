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

export type KeySet = ReadonlyMap<string, VerificationKey>

const maxKeys = 64

/**
 * Reads a JWK Set. The algorithm is fixed by each key's type, never by a token; a key that is no signature key of ours
 * is left out, as RFC 7517 section 5 demands, and so is one that anybody could sign for.
 * @throws Error when it is no JWK Set
 */
export function readKeySet(text: string): KeySet {
  const document: unknown = JSON.parse(text)
  const keys = isRecord(document) ? document.keys : undefined
  if (!Array.isArray(keys) || keys.length > maxKeys) throw new Error('the answer is not a JWK Set')
  const set = new Map<string, VerificationKey>()
  for (const jwk of keys) {
    if (!isRecord(jwk) || typeof jwk.kid !== 'string' || set.has(jwk.kid)) continue
    const algorithm = algorithmOf(jwk)
    if (algorithm === undefined || (jwk.alg !== undefined && !fits(algorithm, jwk.alg))) continue
    if (checkPublicKey(jwk, algorithm) !== undefined) continue
    set.set(jwk.kid, { algorithm, key: importPublicKey(jwk, algorithm) })
  }
  return set
}

function fits(algorithm: SignatureAlgorithm, name: unknown): boolean {
  return typeof name === 'string' && algorithms[algorithm].tokenAlgorithms.includes(name)
}
