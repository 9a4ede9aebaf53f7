import { type KeyObject, verify } from 'node:crypto'
import type { Algorithm } from '../api/access-key.ts'
import { algorithms } from './algorithms.ts'
import { hasSmallOrder } from './ed25519-point.ts'

/** Order of the Ed25519 base point, big-endian: S must be below it (RFC 8032 section 5.1.7). */
const edwardsOrder = Buffer.from('1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed', 'hex')
/** Order of P-256, big-endian: r and s must be 1 to n - 1 (FIPS 186-5 section 6.4.2). */
const p256Order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
const zero = Buffer.alloc(32)

/**
 * Whether the signature is the key's over the input. The algorithm is the key's own, never the token's. What has a
 * second spelling (S + L, DER, r or s out of range) is refused here and does not depend on the library below. So is an
 * R of small order, on which verifiers disagree: no signer makes one.
 */
export function verifySignature(algorithm: Algorithm, key: KeyObject, input: Buffer, signature: Buffer): boolean {
  if (!inRange[algorithm](signature)) return false
  const options = algorithm === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' as const } : key
  return verify(algorithms[algorithm].hash, input, options, signature)
}

const inRange: Readonly<Record<Algorithm, (signature: Buffer) => boolean>> = {
  Ed25519: signature => signature.length === 64 && isBelowOrder(signature) && !hasSmallOrder(signature.subarray(0, 32)),
  ES256: signature =>
    signature.length === 64 && isScalar(signature.subarray(0, 32)) && isScalar(signature.subarray(32)),
  RS256: signature => signature.length >= 256 && signature.length <= 512,
}

/** @param signature R, then S in little-endian */
function isBelowOrder(signature: Buffer): boolean {
  // The order's own highest byte is 0x10, so nearly every S is told by its highest byte alone.
  return (signature[63] as number) < 0x10 || Buffer.from(signature.subarray(32)).reverse().compare(edwardsOrder) < 0
}

function isScalar(bytes: Buffer): boolean {
  return !bytes.equals(zero) && bytes.compare(p256Order) < 0
}
