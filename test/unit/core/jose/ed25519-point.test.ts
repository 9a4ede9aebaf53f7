import { describe, expect, test } from 'vitest'
import { hasSmallOrder, isCanonicalPoint, isOnEdwardsCurve } from '../../../../core/jose/ed25519-point.ts'
import { checkPublicKey } from '../../../../core/jose/jwk.ts'
import { smallOrderPoints } from '../../../builders/ed25519-points.ts'
import { ed25519Key } from '../fixture.ts'

const pointOf = (name: string) => Buffer.from(String(ed25519Key(name).publicKey.x), 'base64url')
/** 32 bytes: the first, 30 of the same, the last. */
const bytes = (first: number, between: number, last: number) => Buffer.from([first, ...Array(30).fill(between), last])

describe('a point of small order', () => {
  test.each(smallOrderPoints)('%s is one', hex => {
    expect(hasSmallOrder(Buffer.from(hex, 'hex'))).toBe(true)
  })

  test('is not taken for one by its first byte: a good key that begins alike is a good key', () => {
    const firsts = new Set(smallOrderPoints.map(hex => Number.parseInt(hex.slice(0, 2), 16)))
    const names = Array.from({ length: 2_000 }, (_, at) => `key ${at}`)
    const alike = [...firsts].map(first => names.find(name => pointOf(name)[0] === first) ?? '')
    expect(alike).not.toContain('')
    for (const name of alike) {
      expect(hasSmallOrder(pointOf(name))).toBe(false)
      expect(checkPublicKey(ed25519Key(name).publicKey, 'Ed25519')).toBeUndefined()
    }
  })
})

describe('y is below p = 2^255 - 19', () => {
  test.each([
    ['at p - 1', bytes(0xec, 0xff, 0x7f)],
    ['at p - 1 with the sign bit', bytes(0xec, 0xff, 0xff)],
    ['far below it with the same last byte', bytes(0xff, 0x00, 0x7f)],
    ['with one byte between that is less', Buffer.from([0xff, ...Array(29).fill(0xff), 0xfe, 0x7f])],
    ['with the first byte between that is less', Buffer.from([0xff, 0xfe, ...Array(29).fill(0xff), 0x7f])],
    ['with a last byte that is less', bytes(0xff, 0xff, 0x7e)],
  ])('%s', (_, point) => {
    expect(isCanonicalPoint(point)).toBe(true)
  })

  test.each([
    ['at p', bytes(0xed, 0xff, 0x7f)],
    ['at p with the sign bit', bytes(0xed, 0xff, 0xff)],
    ['at the highest there is', bytes(0xff, 0xff, 0x7f)],
  ])('and not %s', (_, point) => {
    expect(isCanonicalPoint(point)).toBe(false)
  })
})

test('half of all y have no point on the curve: it is said, without an exception', () => {
  expect(isOnEdwardsCurve(pointOf('main'))).toBe(true)
  expect(isOnEdwardsCurve(Buffer.alloc(32, 2))).toBe(false)
})
