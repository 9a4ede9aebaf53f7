import { crc32 as zlibCrc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32 } from '../../../../core/secret/crc32.ts'
import { hashOf, isHash, isSecret, isSecretOf, keyIdOf, writeSecret } from '../../../../core/secret/secret.ts'
import { knownSecrets } from './secrets.ts'

const random = fc.uint8Array({ minLength: 32, maxLength: 32 })
const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

describe('a secret', () => {
  test.each(knownSecrets)('is $secret, as another implementation writes it', ({ random, secret, hash, keyId }) => {
    expect(writeSecret(random)).toBe(secret)
    expect(isSecret(secret)).toBe(true)
    expect(hashOf(secret)).toBe(hash)
    expect(keyIdOf(hash)).toBe(keyId)
    expect(isSecretOf(secret, hash)).toBe(true)
  })

  test('holds all 256 bits: other bytes give another one', () => {
    fc.assert(
      fc.property(random, random, (one, other) => {
        fc.pre(Buffer.compare(one, other) !== 0)
        expect(writeSecret(one)).not.toBe(writeSecret(other))
      }),
    )
  })

  test.each([0, 31, 33])('is not made of %i bytes', length => {
    expect(() => writeSecret(new Uint8Array(length))).toThrow(RangeError)
  })

  test('with one character written down wrongly is none', () => {
    fc.assert(
      fc.property(random, fc.nat(48), fc.constantFrom(...letters), (bytes, at, letter) => {
        const secret = writeSecret(bytes)
        const place = 4 + at
        fc.pre(secret[place] !== letter)
        expect(isSecret(secret.slice(0, place) + letter + secret.slice(place + 1))).toBe(false)
      }),
    )
  })

  test('with two neighbours exchanged is none', () => {
    fc.assert(
      fc.property(random, fc.nat(47), (bytes, at) => {
        const secret = writeSecret(bytes)
        const [one = '', other = ''] = [secret[4 + at], secret[5 + at]]
        fc.pre(one !== other)
        expect(isSecret(secret.slice(0, 4 + at) + other + one + secret.slice(6 + at))).toBe(false)
      }),
    )
  })

  const [{ secret }] = knownSecrets
  test.each([
    ['nothing', ''],
    ['its beginning alone', 'lks_'],
    ['one that is cut off', secret.slice(0, -1)],
    ['one with a character behind it', `${secret}0`],
    ['one with a line end behind it', `${secret}\n`],
    ['one with a space before it', ` ${secret}`],
    ['one with another beginning', secret.replace('lks_', 'LKS_')],
    ['one in capitals', `lks_${secret.slice(4).toUpperCase()}`],
    ['one with a character that base62 does not have', secret.replace('0', '-')],
  ])('is not %s', (_, text) => {
    expect(isSecret(text)).toBe(false)
  })
})

describe('the hash of a secret', () => {
  const [one, other] = knownSecrets

  test('is of this secret alone', () => {
    expect(isSecretOf(one.secret, other.hash)).toBe(false)
    expect(isSecretOf(other.secret, one.hash)).toBe(false)
  })

  test.each([
    ['nothing', ''],
    ['cut off', one.hash.slice(0, -2)],
    ['longer', `${one.hash}AAAA`],
    ['no base64url', '!'.repeat(43)],
    ['the secret itself', one.secret],
  ])('that is %s is nobody’s, and no hash', (_, hash) => {
    expect(isSecretOf(one.secret, hash)).toBe(false)
    expect(isHash(hash)).toBe(false)
  })

  test('has one spelling', () => {
    fc.assert(
      fc.property(random, fc.constantFrom(...letters, '-', '_'), (bytes, last) => {
        const hash = Buffer.from(bytes).toString('base64url')
        expect(isHash(hash)).toBe(true)
        fc.pre(!hash.endsWith(last))
        const respelt = hash.slice(0, -1) + last
        const isCanonical = Buffer.from(respelt, 'base64url').toString('base64url') === respelt
        expect(isHash(respelt)).toBe(isCanonical)
      }),
    )
  })
})

test('the checksum is the CRC-32 of zlib', () => {
  expect(crc32('123456789')).toBe(0xcbf43926)
  const ascii = fc.string({ unit: fc.integer({ min: 0, max: 127 }).map(code => String.fromCharCode(code)) })
  fc.assert(fc.property(ascii, text => void expect(crc32(text)).toBe(zlibCrc32(text))))
})
