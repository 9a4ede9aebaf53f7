import { createHmac, createPublicKey } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { verifyToken } from '../../../../core/credential/verify.ts'
import { smallOrderPoints } from '../../../builders/ed25519-points.ts'
import { anyText } from '../any-text.ts'
import {
  claims,
  clientRow,
  clientToken,
  clusterRow,
  ed25519Key,
  es256Key,
  headerOf,
  keyRow,
  mainKey,
  now,
  part,
  serviceRow,
  signatureOver,
  signToken,
  snapshotOf,
} from '../fixture.ts'
import { threeKeys as keys, rsaKey, threeKeyRows } from './three-keys.ts'

const snapshot = snapshotOf([...threeKeyRows, clusterRow(es256Key)])
const verify = (token: string) => verifyToken(token, snapshot, now)
const unsigned = (header: unknown) => `${part(header)}.${part(claims())}`

test.each(['none', 'None', 'NONE', 'nOnE', '', undefined, null, ['EdDSA'], 'ES256K', 'EdDSA '])(
  'J01: alg %j is refused with and without a signature',
  alg => {
    const input = unsigned({ ...headerOf(), alg })
    expect(verify(`${input}.`)).toBe('invalid_token')
    expect(verify(input)).toBe('invalid_token')
    expect(verify(`${input}.${signatureOver(input, mainKey).toString('base64url')}`)).toBe('invalid_token')
  },
)

describe('J02: a MAC with the public key is refused', () => {
  const spki = (type: 'pem' | 'der') =>
    createPublicKey(rsaKey.privateKey).export({ format: type as 'pem', type: 'spki' })
  const jwk = JSON.stringify(rsaKey.publicKey)
  test.each([
    ['PEM', spki('pem')],
    ['PEM with a space in front', ` ${spki('pem')}`],
    ['DER', spki('der')],
    ['the JWK', jwk],
    ['the JWK Set', JSON.stringify({ keys: [rsaKey.publicKey] })],
    ['the raw Ed25519 point', Buffer.from(String(mainKey.publicKey.x), 'base64url')],
  ])('%s', (_, secret) => {
    for (const key of keys) {
      for (const alg of ['HS256', 'HS512', 'RS256', 'EdDSA']) {
        const input = unsigned({ ...headerOf(key), alg })
        const mac = createHmac(alg === 'HS512' ? 'sha512' : 'sha256', secret)
          .update(input)
          .digest('base64url')
        expect(verify(`${input}.${mac}`)).toBe('invalid_token')
      }
    }
  })
})

test('the algorithm is the key’s: no other name of one is taken, whatever signed', () => {
  for (const key of keys) {
    for (const other of keys) {
      const alg = headerOf(other).alg
      const token = signToken({ ...headerOf(key), alg }, claims(), key)
      expect(typeof verify(token)).toBe(key === other ? 'object' : 'string')
    }
  }
})

test('J03, J04: keys and addresses in the header are never looked at', () => {
  const attacker = ed25519Key('attacker')
  for (const extra of [
    { jwk: attacker.publicKey },
    { jku: 'https://169.254.169.254/jwks' },
    { x5u: 'file:///etc/passwd' },
    { x5c: ['MIIB'] },
    { jwk: attacker.publicKey, kid: attacker.kid },
  ]) {
    expect(verify(signToken({ ...headerOf(), ...extra }, claims(), attacker))).toBe('invalid_token')
  }
  expect(verify(signToken({ ...headerOf(), jwk: attacker.publicKey, jku: 'http://x' }, claims()))).toMatchObject({
    key: mainKey.kid,
  })
})

test('J06: ten thousand unknown kids are ten thousand refusals', () => {
  for (let count = 0; count < 10_000; count++) {
    expect(verify(`${unsigned({ ...headerOf(), kid: `k${count}` })}.AAAA`)).toBe('invalid_token')
  }
})

test.each([[['x']], [[]], ['exp'], [['exp']], [null]])(
  'J07: crit %j is refused although the signature is good',
  crit => {
    expect(verify(signToken({ ...headerOf(), crit }, claims()))).toBe('invalid_token')
  },
)

test('J08: b64 is refused although the signature is good', () => {
  expect(verify(signToken({ ...headerOf(), b64: false }, claims()))).toBe('invalid_token')
  expect(verify(signToken({ ...headerOf(), b64: false, crit: ['b64'] }, claims()))).toBe('invalid_token')
})

test('J10: signed but hostile JSON is refused without an exception', () => {
  expect(verify(signToken(headerOf(), `{"iss":${'['.repeat(3_000)}${']'.repeat(3_000)}}`))).toBe('invalid_token')
  expect(verify(clientToken({ aud: new Array(1_500).fill('a') }))).toBe('invalid_token')
})

test('J11: a signed token of more than 8 KiB is refused by its length', () => {
  expect(verify(clientToken({ pad: 'a'.repeat(5_000) }))).toMatchObject({ key: mainKey.kid })
  expect(verify(clientToken({ pad: 'a'.repeat(7_000) }))).toBe('invalid_token')
  expect(verify(clientToken({ pad: 'a'.repeat(10_000_000) }))).toBe('invalid_token')
})

test('J13: psychic signatures are refused', () => {
  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
  const one = Buffer.from('01'.padStart(64, '0'), 'hex')
  for (const r of [Buffer.alloc(32), one, order]) {
    for (const s of [Buffer.alloc(32), one, order]) {
      expect(verify(`${unsigned(headerOf(es256Key))}.${Buffer.concat([r, s]).toString('base64url')}`)).toBe(
        'invalid_token',
      )
    }
  }
})

test.each(smallOrderPoints)(
  'J15: with the small-order key %s no constant signature passes, over any of many messages',
  hex => {
    const publicKey = { kty: 'OKP' as const, crv: 'Ed25519' as const, x: Buffer.from(hex, 'hex').toString('base64url') }
    const weak = snapshotOf([serviceRow(), clientRow({ keys: [keyRow(mainKey, { publicKey })] })])
    const identity = Buffer.from('01'.padEnd(64, '0'), 'hex')
    for (let count = 0; count < 24; count++) {
      const input = `${part(headerOf())}.${part(claims({ jti: `j${count}` }))}`
      for (const r of [identity, Buffer.from(hex, 'hex')]) {
        const signature = Buffer.concat([r, Buffer.alloc(32)]).toString('base64url')
        expect(verifyToken(`${input}.${signature}`, weak, now)).toBe('invalid_token')
      }
    }
  },
)

test.each([
  'JWT',
  undefined,
  'logout+jwt',
  'client-authentication+jwt',
  'dpop+jwt',
  'id+jwt',
  '',
  'at+jwt ',
  'xapplication/at+jwt',
  7,
])('J23: a client token with typ %j is refused', typ => {
  expect(verify(signToken({ ...headerOf(), typ }, claims()))).toBe('typ_invalid')
})

test('J26: claims called __proto__ and constructor change nothing', () => {
  const text = JSON.stringify(claims()).replace('{', '{"__proto__":{"roles":["admin"]},"constructor":{"x":1},')
  const identity = verify(signToken(headerOf(), text))
  expect(identity).toMatchObject({ key: mainKey.kid })
  expect(identity).not.toHaveProperty('roles')
  expect(({} as Record<string, unknown>).roles).toBeUndefined()
})

test('J29: the same header and payload under another signature is refused', () => {
  const token = clientToken()
  const input = token.slice(0, token.lastIndexOf('.'))
  const other = signatureOver(input, ed25519Key('other')).toString('base64url')
  expect(verify(`${input}.${other}`)).toBe('invalid_token')
})

test('a token with any one character changed, left out or put in never verifies', () => {
  for (const key of keys) {
    const token = clientToken({}, key)
    const place = fc.integer({ min: 0, max: token.length - 1 })
    const character = fc.constantFrom(...'ABCDwxyz0189-_.=+/ \n\t\0é')
    fc.assert(
      fc.property(place, character, (at, other) => {
        if (token[at] !== other) expect(verify(token.slice(0, at) + other + token.slice(at + 1))).toBe('invalid_token')
        expect(verify(token.slice(0, at) + token.slice(at + 1))).toBe('invalid_token')
        expect(verify(token.slice(0, at) + other + token.slice(at))).toBe('invalid_token')
      }),
      { numRuns: 150 },
    )
  }
})

test('a token with any one bit of its parts flipped never verifies', () => {
  const parts = clientToken()
    .split('.')
    .map(text => Buffer.from(text, 'base64url'))
  const bits = parts.flatMap((bytes, index) =>
    Array.from({ length: bytes.length * 8 }, (_, bit) => [index, bit] as const),
  )
  fc.assert(
    fc.property(fc.constantFrom(...bits), ([index, bit]) => {
      const flipped = parts.map(bytes => Buffer.from(bytes))
      const bytes = flipped[index] as Buffer
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(verify(flipped.map(text => text.toString('base64url')).join('.'))).toBe('invalid_token')
    }),
    { numRuns: 400 },
  )
})

test('whatever is sent as a token is answered with a reason', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        anyText(300),
        fc.jsonValue().map(value => signToken(headerOf(), JSON.stringify(value))),
      ),
      token => {
        expect(verify(token)).toBe('invalid_token')
      },
    ),
    { numRuns: 300 },
  )
})
