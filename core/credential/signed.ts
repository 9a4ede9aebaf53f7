import type { KeyObject } from 'node:crypto'
import type { Algorithm } from '../api/access-key.ts'
import { algorithms } from '../jose/algorithms.ts'
import { verifySignature } from '../jose/signature.ts'
import type { Signed } from './compact.ts'

/** Whether a key signed a token. The algorithm is the key's: the token may only name it. */
export function isSignedBy(
  { header, signingInput, signature }: Signed,
  algorithm: Algorithm,
  publicKey: KeyObject | undefined,
): boolean {
  const { alg } = header
  if (typeof alg !== 'string' || !algorithms[algorithm].tokenAlgorithms.includes(alg)) return false
  return publicKey !== undefined && verifySignature(algorithm, publicKey, signingInput, signature)
}
