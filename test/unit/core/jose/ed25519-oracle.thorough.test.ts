import { createHash } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkPublicKey, importPublicKey } from '../../../../core/jose/jwk.ts'
import { verifySignature } from '../../../../core/jose/signature.ts'
import { smallOrderPoints } from '../../../builders/ed25519-points.ts'

// OpenSSL verifies for us; @noble/curves, which shares no line with it, says here what it should have said. Both refuse
// or both accept, but for one strictness of ours: a nonce point R with a part of small order, or of small order itself.
// Noble multiplies that part away (RFC 8032 section 5.1.7 lets a verifier do so); we compare R byte for byte, and take
// none of small order.

const { Point } = ed25519
const order = Point.Fn.ORDER
const torsion = smallOrderPoints.map(hex => Point.fromHex(hex))

const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
const bytesOf = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()
const jwkOf = (point: Uint8Array) => ({ kty: 'OKP', crv: 'Ed25519', x: Buffer.from(point).toString('base64url') })

interface Signed {
  readonly publicKey: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/** Signs with a nonce point of our choosing: R = nonce * B + part, and S to match. */
function signWith(seed: Uint8Array, message: Uint8Array, nonce: bigint, part: number): Signed {
  const { scalar, pointBytes } = ed25519.utils.getExtendedPublicKey(seed)
  const free = nonce % order === 0n ? Point.ZERO : Point.BASE.multiply(nonce % order)
  const r = free.add(torsion[part] ?? Point.ZERO).toBytes()
  const digest = createHash('sha512').update(r).update(pointBytes).update(message).digest()
  const s = ((nonce % order) + (numberOf(digest) % order) * scalar) % order
  return { publicKey: pointBytes, message, signature: Buffer.concat([r, bytesOf(s)]) }
}

function ours({ publicKey, message, signature }: Signed): boolean {
  const jwk = jwkOf(publicKey)
  if (checkPublicKey(jwk, 'Ed25519') !== undefined) return false
  return verifySignature('Ed25519', importPublicKey(jwk, 'Ed25519'), Buffer.from(message), Buffer.from(signature))
}

function noble({ publicKey, message, signature }: Signed): boolean {
  try {
    return (
      Point.fromBytes(publicKey).isTorsionFree() && ed25519.verify(signature, message, publicKey, { zip215: false })
    )
  } catch {
    return false
  }
}

const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 })
const messages = fc.uint8Array({ maxLength: 96 })
const nonces = fc.bigInt({ min: 1n, max: order - 1n })
const noncePoints = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 7 }))

type Change = (signed: Signed) => Signed
const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = Buffer.from(bytes)
  const at = bit % (copy.length * 8)
  copy[at >> 3] = (copy[at >> 3] as number) ^ (1 << (at & 7))
  return copy
}
const withS = (signed: Signed, change: (s: bigint) => bigint): Signed => {
  const s = change(numberOf(signed.signature.subarray(32)))
  return s >= 1n << 256n
    ? signed
    : { ...signed, signature: Buffer.concat([signed.signature.subarray(0, 32), bytesOf(s)]) }
}
const changes: fc.Arbitrary<Change> = fc.oneof(
  fc.constant<Change>(signed => signed),
  fc.nat(511).map<Change>(bit => signed => ({ ...signed, signature: flipped(signed.signature, bit) })),
  fc.nat(255).map<Change>(bit => signed => ({ ...signed, publicKey: flipped(signed.publicKey, bit) })),
  fc.nat(7).map<Change>(bit => signed => ({
    ...signed,
    message: signed.message.length === 0 ? Buffer.of(bit) : flipped(signed.message, bit),
  })),
  fc.bigInt({ min: 1n, max: 15n }).map<Change>(times => signed => withS(signed, s => s + times * order)),
  fc.constant<Change>(signed => withS(signed, s => (order - s) % order)),
  fc.nat(64).map<Change>(length => signed => ({ ...signed, signature: signed.signature.subarray(0, length) })),
  fc.constant<Change>(signed => ({ ...signed, signature: Buffer.concat([signed.signature, Buffer.alloc(1)]) })),
  fc.nat(7).map<Change>(part => signed => ({ ...signed, publicKey: (torsion[part] ?? Point.ZERO).toBytes() })),
)

test('J14 J15 an untouched signature is accepted, and with a part of small order in R by noble alone', () => {
  fc.assert(
    fc.property(seeds, messages, nonces, noncePoints, (seed, message, nonce, part) => {
      const signed = signWith(seed, message, nonce, part)
      expect(noble(signed)).toBe(true)
      expect(ours(signed)).toBe(part === 0)
    }),
    { numRuns: 60 },
  )
})

test.each(torsion.map((_, part) => part))('J15 R is point %i of small order: noble takes it, we do not', part => {
  const signed = signWith(Buffer.alloc(32, 7), Buffer.from('message'), 0n, part)
  expect([noble(signed), ours(signed)]).toEqual([true, false])
})

test('J14 J15 whatever is changed, both refuse or both accept', () => {
  fc.assert(
    fc.property(seeds, messages, nonces, changes, (seed, message, nonce, change) => {
      const signed = change(signWith(seed, message, nonce, 0))
      expect(ours(signed)).toBe(noble(signed))
    }),
    { numRuns: 300 },
  )
})

test('what node signs, noble takes, and the other way round', () => {
  fc.assert(
    fc.property(seeds, messages, (seed, message) => {
      const publicKey = ed25519.getPublicKey(seed)
      const signed = { publicKey, message, signature: ed25519.sign(message, seed) }
      expect([ours(signed), noble(signed)]).toEqual([true, true])
    }),
    { numRuns: 40 },
  )
})
