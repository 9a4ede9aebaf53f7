import { ed25519 } from '@noble/curves/ed25519.js'

/**
 * The y coordinates of the eight points of small order, little-endian, sign bit off. With such a key one constant
 * signature verifies every message. Two points share each of 0 and the last two; 1 and -1 stand for one each.
 */
const smallOrder: ReadonlySet<string> = new Set([
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
])

const firstBytes: ReadonlySet<number> = new Set([...smallOrder].map(point => Number.parseInt(point.slice(0, 2), 16)))

/** Whether the encoding is one of a point of order 1, 2, 4 or 8; the sign bit does not matter. */
export function hasSmallOrder(point: Buffer): boolean {
  return firstBytes.has(point[0] as number) && smallOrder.has(withoutSign(point).toString('hex'))
}

/**
 * Whether y is below p = 2^255 - 19. The other rule, no sign on x = 0, concerns points of small order only.
 * @see RFC 8032 section 5.1.3
 */
export function isCanonicalPoint(point: Buffer): boolean {
  const bytes = withoutSign(point)
  if (bytes[31] !== 0x7f) return true
  for (let index = 1; index < 31; index++) if (bytes[index] !== 0xff) return true
  return (bytes[0] ?? 0xff) < 0xed
}

/** Whether the encoding is on the curve. Takes about 0.1 ms. */
export function isOnEdwardsCurve(point: Buffer): boolean {
  try {
    ed25519.Point.fromBytes(point)
    return true
  } catch {
    return false
  }
}

/** Whether the point, which is on the curve, lies in the subgroup of prime order. Takes about 1 ms. */
export function isInPrimeSubgroup(point: Buffer): boolean {
  return ed25519.Point.fromBytes(point).isTorsionFree()
}

function withoutSign(point: Buffer): Buffer {
  const bytes = Buffer.from(point)
  bytes[31] = (bytes[31] ?? 0) & 0x7f
  return bytes
}
