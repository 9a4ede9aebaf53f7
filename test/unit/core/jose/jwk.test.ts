import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { describe, expect, test } from 'vitest'
import { checkKeyForm, checkPublicKey, importPublicKey, publicMembers, thumbprint } from '../../../../core/jose/jwk.ts'
import { verifySignature } from '../../../../core/jose/signature.ts'
import { smallOrderMiswritten, smallOrderPoints } from '../../../builders/ed25519-points.ts'
import { ed25519Key, es256Key, keyPair } from '../fixture.ts'

const okp = (bytes: Buffer) => ({ kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') })
const rsa = (bits: number, publicExponent = 65_537) =>
  createPublicKey(generateKeyPairSync('rsa', { modulusLength: bits, publicExponent }).privateKey).export({
    format: 'jwk',
  }) as Record<string, string>

// Made once: looking for primes of this size takes up to seconds.
const rsa4096 = {
  kty: 'RSA',
  e: 'AQAB',
  n: 'zkrUCDI1f2FJ3e4DLIW5w268lmwwDz_W33_0QB6hDzXQCxlTIfc4i2G795iUaOaSJrHXHUzSsCycOZCFZQvRxtJyB64A7_2GsRsLA2PwppduDmt5JWwlIDp6ZBJtE7TZIotW1V1MRIt9dnWg1i-x6VBI_2OdnnMlWl04E9vBMSNTh68DH1ESPlGwV3tfXQGhQ-mXE0AZgfnZdg5hxDrgV9izH317jhxaoY-Y-LwL5w6cbqMkusfCeSJy7q6NRekM4G6dRVu_mGAN_qQiHZGLnnk98NJCpJu-ET7rzk72B1MHyx9I2qI6SIh6zmCA8mta4qIlaGgKEachAcxYTGV0jYx98mxrx9QJsKZQGw52FCQC1uo4hVfe4hb25iBMNwyQcrhp2Bnly__lIVfYreERkVjta1fRfP0Uga7aBAcFtJ79YmtPJvZSZo2veyQXDkz3iuGVhKXY89hKb9Bf4Um1ResOQKbx0svgS38QpwzA3RbU1vi7_VSjUdlyLQre8e1-MBD0jY413RP_0WCXt52LJBFrwliVBAEQxlaSZeTbbbkrBrhk1IRReyhGKJYzJA1R2JJStsVjZXZNhtf3cMfoh91e4vcBN7KFOKXZod6kBosG5sAJdCKo9vy0UtrMr6oE2i2Hm6pv0yCWntKxI8x7q5BccCUe05o6K6MYjeJ_psc',
}

/** All encodings of the points of order 1, 2, 4 and 8, non-canonical ones too: y, and y + p where it fits. */
const smallOrderEncodings = [...smallOrderPoints, ...smallOrderMiswritten].map(hex => Buffer.from(hex, 'hex'))

describe('thumbprint', () => {
  test('is the one of RFC 7638 section 3.1 for RSA', () => {
    const jwk = {
      kty: 'RSA',
      n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
      e: 'AQAB',
      alg: 'RS256',
      kid: '2011-04-29',
    }
    expect(thumbprint(jwk)).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
    expect(checkPublicKey(jwk, 'RS256')).toBeUndefined()
  })

  test('is the one of RFC 8037 appendix A.3 for Ed25519', () => {
    const jwk = okp(Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex'))
    expect(thumbprint(jwk)).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
    expect(checkPublicKey(jwk, 'Ed25519')).toBeUndefined()
  })

  test('agrees with jose and ignores members that are not required', async () => {
    for (const key of [es256Key, ed25519Key('a')]) {
      const jwk = { ...key.publicKey, kid: 'x', alg: 'none', use: 'sig' }
      expect(thumbprint(jwk)).toBe(await calculateJwkThumbprint({ ...key.publicKey } as JWK))
    }
  })

  test('refuses a key of another type or without a member', () => {
    expect(() => thumbprint({ kty: 'oct', k: 'AAAA' })).toThrow('kty must be OKP, EC or RSA')
    expect(() => thumbprint({ kty: 'OKP', crv: 'Ed25519' })).toThrow('its member x is missing')
  })
})

test('the public half has nothing private in it, and no member that nobody knows', () => {
  const whole = { ...ed25519Key('a').publicKey, d: 'secret', k: 'secret', oth: [], kid: 'x', use: 'sig' }
  expect(publicMembers(whole)).toEqual(ed25519Key('a').publicKey)
})

describe('checkPublicKey', () => {
  test('takes good keys of all three algorithms', () => {
    expect(checkPublicKey(ed25519Key('a').publicKey, 'Ed25519')).toBeUndefined()
    expect(checkPublicKey(es256Key.publicKey, 'ES256')).toBeUndefined()
    expect(checkPublicKey(rsa(2048), 'RS256')).toBeUndefined()
    expect(checkPublicKey(rsa4096, 'RS256')).toBeUndefined()
  })

  test.each(smallOrderEncodings.map(point => [point.toString('hex'), point] as const))(
    'J15: refuses the small-order or non-canonical encoding %s, and never verifies the constant signature',
    (_, point) => {
      expect(checkPublicKey(okp(point), 'Ed25519')).toMatch(/small order|canonical/)
      expect(checkKeyForm(okp(point), 'Ed25519')).toMatch(/small order|canonical/)
      expect(() => importPublicKey(okp(point), 'Ed25519')).toThrow(/small order|canonical/)
    },
  )

  test('J15: refuses a key with a part of small order', () => {
    const torsion = ed25519.Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')
    const mixed = ed25519.Point.BASE.multiply(12_345n).add(torsion)
    expect(checkPublicKey(okp(Buffer.from(mixed.toBytes())), 'Ed25519')).toContain('part of small order')
  })

  test('refuses an Ed25519 key that is no point of the curve', () => {
    const off = Array.from({ length: 32 }, (_, index) => Buffer.alloc(32, index + 2)).find(bytes => {
      try {
        ed25519.Point.fromBytes(bytes)
        return false
      } catch {
        return true
      }
    })
    expect(checkPublicKey(okp(off ?? Buffer.alloc(0)), 'Ed25519')).toContain('no point of the curve Ed25519')
  })

  const good = ed25519Key('a').publicKey
  const off = { ...es256Key.publicKey, y: Buffer.alloc(32, 7).toString('base64url') }
  test.each([
    ['a private member', { ...good, d: 'AAAA' }, 'Ed25519', 'private member d'],
    ['kty oct', { kty: 'oct', k: 'AAAA' }, 'Ed25519', 'kty OKP'],
    ['another curve', { ...good, crv: 'X25519' }, 'Ed25519', 'crv Ed25519'],
    ['the wrong algorithm', good, 'ES256', 'kty EC'],
    ['use enc', { ...good, use: 'enc' }, 'Ed25519', 'use of the key must be sig'],
    ['key_ops without verify', { ...good, key_ops: ['sign'] }, 'Ed25519', 'key_ops'],
    ['padding', { ...good, x: `${good.x}=` }, 'Ed25519', '32 bytes'],
    ['31 bytes', { ...good, x: Buffer.alloc(31, 1).toString('base64url') }, 'Ed25519', '32 bytes'],
    ['no x', { kty: 'OKP', crv: 'Ed25519' }, 'Ed25519', '32 bytes'],
    ['a P-256 point off the curve', off, 'ES256', 'no point of the curve P-256'],
    ['a P-256 key without y', { ...off, y: undefined }, 'ES256', '32 bytes each'],
    ['RSA with 1024 bits', rsa(1024), 'RS256', '1024 bits'],
    ['RSA with exponent 3', rsa(2048, 3), 'RS256', '65537'],
    ['RSA with e = 1', { ...rsa(2048), e: 'AQ' }, 'RS256', '65537'],
    [
      'an RSA modulus with a zero in front',
      { ...rsa(2048), n: Buffer.alloc(257).toString('base64url') },
      'RS256',
      'leading zero',
    ],
    ['an even RSA modulus', { ...rsa(2048), n: Buffer.alloc(256, 0xf0).toString('base64url') }, 'RS256', 'even'],
    [
      'an RSA modulus of 5120 bits',
      { ...rsa(2048), n: Buffer.alloc(640, 0xff).toString('base64url') },
      'RS256',
      '5120 bits',
    ],
  ] as const)('J27: refuses %s and says what to do', (_, jwk, algorithm, words) => {
    expect(checkPublicKey(jwk, algorithm)).toContain(words)
    expect(() => importPublicKey(jwk, algorithm)).toThrow(words)
  })
})

describe('importPublicKey', () => {
  test('reads public members only', () => {
    const key = importPublicKey({ ...es256Key.publicKey, kid: 'x', alg: 'ES256' }, 'ES256')
    expect(key.type).toBe('public')
    expect(key.export({ format: 'jwk' })).toEqual(es256Key.publicKey)
  })

  test.each([
    [
      '',
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      '72',
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
    [
      'af82',
      'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    ],
  ])('verifies the vector of RFC 8032 section 7.1 over "%s"', (message, key, signature) => {
    const imported = importPublicKey(okp(Buffer.from(key, 'hex')), 'Ed25519')
    const input = Buffer.from(message, 'hex')
    expect(verifySignature('Ed25519', imported, input, Buffer.from(signature, 'hex'))).toBe(true)
    expect(
      verifySignature('Ed25519', imported, Buffer.from(`${message}00`, 'hex'), Buffer.from(signature, 'hex')),
    ).toBe(false)
  })

  test('verifies the signature of RFC 8037 appendix A.4', () => {
    const key = importPublicKey(
      okp(Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex')),
      'Ed25519',
    )
    const input = Buffer.from('eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc')
    const signature = 'hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg'
    expect(verifySignature('Ed25519', key, input, Buffer.from(signature, 'base64url'))).toBe(true)
  })
})

describe('verifySignature', () => {
  const order = {
    edwards: 2n ** 252n + 27742317777372353535851937790883648493n,
    p256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  }
  const big = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex')

  test('J14: refuses S + L, a cut-off signature and one with something behind', () => {
    const { publicKey } = ed25519Key('a')
    const secret = Buffer.alloc(32, 5)
    const input = Buffer.from('input')
    const key = importPublicKey(okp(Buffer.from(ed25519.getPublicKey(secret))), 'Ed25519')
    const signature = Buffer.from(ed25519.sign(input, secret))
    const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`)
    const malleated = Buffer.concat([signature.subarray(0, 32), big(s + order.edwards).reverse()])
    expect(verifySignature('Ed25519', key, input, signature)).toBe(true)
    for (const bad of [
      malleated,
      signature.subarray(0, 63),
      Buffer.concat([signature, Buffer.alloc(1)]),
      Buffer.alloc(0),
    ]) {
      expect(verifySignature('Ed25519', key, input, bad)).toBe(false)
    }
    expect(verifySignature('Ed25519', importPublicKey(publicKey, 'Ed25519'), input, signature)).toBe(false)
  })

  test('J13: refuses r and s of 0, n and above', () => {
    const key = importPublicKey(es256Key.publicKey, 'ES256')
    const edges = [0n, 1n, order.p256 - 1n, order.p256, 2n ** 256n - 1n]
    for (const r of edges) {
      for (const s of edges) {
        expect(verifySignature('ES256', key, Buffer.from('x'), Buffer.concat([big(r), big(s)]))).toBe(false)
      }
    }
  })

  test('J13: does not take a DER signature for ES256', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pair = keyPair('ES256', privateKey)
    const der = Buffer.from('3006020101020101', 'hex')
    expect(verifySignature('ES256', importPublicKey(pair.publicKey, 'ES256'), Buffer.from('x'), der)).toBe(false)
  })

  test('agrees with node:crypto on good RSA signatures and refuses short ones', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pair = keyPair('RS256', privateKey)
    const key = importPublicKey(pair.publicKey, 'RS256')
    expect(verifySignature('RS256', key, Buffer.from('x'), Buffer.alloc(255))).toBe(false)
    expect(verify('sha256', Buffer.from('x'), key, Buffer.alloc(256))).toBe(false)
  })
})
