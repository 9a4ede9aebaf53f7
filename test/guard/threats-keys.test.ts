import { createHash, createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ed25519 } from '@noble/curves/ed25519.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Algorithm, PublicJwk } from '../../core/api/access-key.ts'
import { thumbprint } from '../../core/jose/jwk.ts'
import type { KeyRow } from '../../core/rows/rows.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'
import { smallOrderPoints } from '../builders/ed25519-points.ts'
import { guardForAll } from '../builders/guard.ts'
import { alice, audience, createCaller, grant, nowSeconds, rowsOf } from './policy-rows.ts'
import { type RawAnswer, sendRaw } from './raw-socket.ts'
import { type Rig, startGuard } from './rig.ts'

// Lines J of the threat list that turn on keys, signatures and times, against the running guard.

const guarded = guardForAll()

const call = (token: string, port = guarded.rig.port): Promise<RawAnswer> =>
  sendRaw(port, `GET /api/things HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`)
const outcome = async (token: string, port?: number): Promise<string> => {
  const answer = await call(token, port)
  return answer.status === 200 ? 'allowed' : `${answer.status} ${JSON.parse(answer.body).code}`
}
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const claims = (): object => ({
  iss: alice.row.issuer,
  sub: alice.clientId,
  client_id: alice.clientId,
  aud: audience,
  iat: nowSeconds(),
  exp: nowSeconds() + 300,
  jti: 'one',
})
const inputOf = (kid: string, alg: string, header: object = {}): string =>
  `${part({ typ: 'at+jwt', alg, kid, ...header })}.${part(claims())}`
const keyRowOf = (publicKey: PublicJwk, algorithm: Algorithm = 'Ed25519'): KeyRow => ({
  ...alice.key,
  kid: thumbprint(publicKey),
  algorithm,
  publicKey,
})

describe('J02 a MAC with what is public', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
  const jwkOf = (key: KeyObject): PublicJwk => key.export({ format: 'jwk' }) as PublicJwk
  const forms = (key: KeyObject): [string, string | Buffer][] => [
    ['PEM', key.export({ type: 'spki', format: 'pem' }) as string],
    ['PEM after white space', ` \n${key.export({ type: 'spki', format: 'pem' })}`],
    ['DER', key.export({ type: 'spki', format: 'der' })],
    ['JWK', JSON.stringify(jwkOf(key))],
    ['JWKS', JSON.stringify({ keys: [{ ...jwkOf(key), kid: thumbprint(jwkOf(key)) }] })],
  ]
  const cases = (
    [
      ['RS256', rsa],
      ['ES256', ec],
      ['Ed25519', createPublicKey({ key: alice.key.publicKey as never, format: 'jwk' })],
    ] as const
  ).flatMap(([algorithm, key]) => forms(key).map(([form, secret]) => [form, algorithm, key, secret] as const))

  it.each(cases)('the %s of a key for %s', async (_form, algorithm, key, secret) => {
    const row = keyRowOf(jwkOf(key), algorithm)
    guarded.rig.apply(rowsOf({ alice: { keys: [row] } }))
    for (const alg of ['HS256', 'HS384', 'HS512']) {
      const input = inputOf(row.kid, alg)
      const mac = createHmac(`sha${alg.slice(2)}`, secret)
        .update(input)
        .digest('base64url')
      expect(await outcome(`${input}.${mac}`)).toBe('401 invalid_token')
    }
    expect(guarded.app.seen).toEqual([])
    guarded.rig.apply(rowsOf())
  })
})

it('J04 opens no connection for what a token names, under a kid it knows and one it does not', async () => {
  let connections = 0
  const trap = createServer((_request, response) => response.end('{"keys":[]}')).on('connection', () => connections++)
  await new Promise<void>(resolve => trap.listen(0, '127.0.0.1', resolve))
  const { port } = trap.address() as AddressInfo
  const attacker = generateKeyPairSync('ed25519')
  const url = `http://127.0.0.1:${port}/keys`
  const headers: object[] = [
    { jku: url },
    { x5u: url },
    { jwk: { ...attacker.publicKey.export({ format: 'jwk' }), kid: url } },
    { x5c: ['MIIB'], x5t: url },
    { kid: url },
  ]
  for (const header of headers) {
    for (const kid of [alice.key.kid, 'unknown']) {
      const input = inputOf(kid, 'EdDSA', header)
      const signature = sign(null, Buffer.from(input), attacker.privateKey).toString('base64url')
      expect(await outcome(`${input}.${signature}`)).toBe('401 invalid_token')
    }
  }
  // An issuer that names the trap: nobody asks it for its keys.
  expect(await outcome(alice.token({ iss: `http://127.0.0.1:${port}` }))).toBe('401 invalid_token')
  expect(connections).toBe(0)
  await new Promise(resolve => trap.close(resolve))
})

const nonCanonical = [
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]

describe('J15 keys and points with which anybody could sign', () => {
  it.each([...smallOrderPoints, ...nonCanonical])('the key %s came by a slice and verifies nothing', async hex => {
    const x = Buffer.from(hex, 'hex').toString('base64url')
    const row = keyRowOf({ kty: 'OKP', crv: 'Ed25519', x })
    guarded.rig.apply(rowsOf({ alice: { keys: [row] } }))
    const point = Buffer.from(hex, 'hex')
    const identity = Buffer.from(smallOrderPoints[0] as string, 'hex')
    for (const r of [identity, point]) {
      const signature = Buffer.concat([r, Buffer.alloc(32)]).toString('base64url')
      expect(await outcome(`${inputOf(row.kid, 'EdDSA')}.${signature}`)).toBe('401 invalid_token')
    }
    guarded.rig.apply(rowsOf())
  })

  it('the key of a client beside it goes on being good', async () => {
    const weak = keyRowOf({ kty: 'OKP', crv: 'Ed25519', x: Buffer.alloc(32).toString('base64url') })
    guarded.rig.apply(rowsOf({ alice: { keys: [weak, alice.key] } }))
    expect(await outcome(alice.token())).toBe('allowed')
    guarded.rig.apply(rowsOf())
  })

  const seed = Buffer.alloc(32, 9)
  const { scalar, pointBytes } = ed25519.utils.getExtendedPublicKey(seed)
  const order = ed25519.Point.Fn.ORDER
  const row = keyRowOf({ kty: 'OKP', crv: 'Ed25519', x: Buffer.from(pointBytes).toString('base64url') })
  const littleEndian = (bytes: Buffer): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
  /** Signs with R = nonce * B + part, given as the bytes that go into the signature. */
  function signed(input: string, nonce: bigint, r: Uint8Array): string {
    const digest = createHash('sha512').update(r).update(pointBytes).update(input).digest()
    const s = (nonce + (littleEndian(digest) % order) * scalar) % order
    const bytes = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()
    return `${input}.${Buffer.concat([r, bytes]).toString('base64url')}`
  }
  const nonce = 123_456_789n
  const good = ed25519.Point.BASE.multiply(nonce)

  it('an R of the client’s own making is taken', async () => {
    guarded.rig.apply(rowsOf({ alice: { keys: [row] } }))
    expect(await outcome(signed(inputOf(row.kid, 'EdDSA'), nonce, good.toBytes()))).toBe('allowed')
  })
  it.each(smallOrderPoints)('an R of small order is refused: %s', async hex => {
    const r = Buffer.from(hex, 'hex')
    expect(await outcome(signed(inputOf(row.kid, 'EdDSA'), 0n, r))).toBe('401 invalid_token')
  })
  it.each(smallOrderPoints.slice(1))('an R with a part of small order is refused: %s', async hex => {
    const r = good.add(ed25519.Point.fromHex(hex)).toBytes()
    expect(await outcome(signed(inputOf(row.kid, 'EdDSA'), nonce, r))).toBe('401 invalid_token')
  })
  it.each(nonCanonical)('an R that is not canonical is refused: %s', async hex => {
    expect(await outcome(signed(inputOf(row.kid, 'EdDSA'), 0n, Buffer.from(hex, 'hex')))).toBe('401 invalid_token')
    guarded.rig.apply(rowsOf())
  })
})

describe('J11 tokens without end', () => {
  it.each([
    ['1 MB', 1_000_000, 'a'],
    ['10 MB', 10_000_000, 'a'],
    ['a million dots', 1_000_000, '.'],
  ])('%s: refused while it is still being sent, and the guard serves on', async (_what, length, character) => {
    const answer = await call(character.repeat(length))
    expect([answer.status, answer.headers.connection]).toEqual([431, ['close']])
    expect(guarded.app.seen).toEqual([])
    expect(await outcome(alice.token())).toBe('allowed')
  })
  it.each([
    ['8,193 characters in three parts', () => `${alice.token()}${'A'.repeat(8_193)}`.slice(0, 8_193)],
    ['12,000 dots', () => '.'.repeat(12_000)],
    ['deep JSON that fits', () => `${'WyJh'.repeat(2_000)}.e30.AA`],
  ])('%s: 401 by its length', async (_what, token) => {
    expect(await outcome(token())).toBe('401 invalid_token')
  })
  it('a good token padded to the cap passes, and one character more does not', async () => {
    const sized = (length: number): string => {
      const bare = alice.token({ pad: '' }).length
      const token = alice.token({ pad: 'a'.repeat(Math.floor(((length - bare) * 3) / 4)) })
      return token.length > length ? alice.token({ pad: 'a'.repeat(Math.floor(((length - bare) * 3) / 4) - 1) }) : token
    }
    const [fits, long] = [sized(8_192), sized(8_196)]
    expect(fits.length).toBeGreaterThan(8_188)
    expect([fits.length <= 8_192, long.length > 8_192]).toEqual([true, true])
    expect([await outcome(fits), await outcome(long)]).toEqual(['allowed', '401 invalid_token'])
  })
})

describe('J10 JSON that exhausts', () => {
  it.each([
    ['objects in objects', `${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}`],
    ['arrays in arrays', `{"a":${'['.repeat(2_900)}${']'.repeat(2_900)}}`],
    ['brackets that never close', '['.repeat(5_900)],
    ['a member twice', '{"iss":"a","iss":"b"}'],
    ['a wide array', `{"aud":[${'1,'.repeat(2_900)}1]}`],
  ])('%s, in the payload and in the header, signed', async (_what, text) => {
    const key = createCaller('json')
    const bytes = Buffer.from(text).toString('base64url')
    const [header, payload, signature] = key.token().split('.')
    expect(await outcome(`${header}.${bytes}.${signature}`)).toBe('401 invalid_token')
    expect(await outcome(`${bytes}.${payload}.${signature}`)).toBe('401 invalid_token')
  })
})

describe('J19 the edges of time, to the second', () => {
  const at = 1_900_000_000
  const still: Clock = { ...systemClock, wallMs: () => at * 1_000 }
  let stopped: Rig
  beforeAll(async () => {
    stopped = await startGuard(guarded.app.port, { clock: still })
  })
  afterAll(() => stopped.close())
  it.each([
    ['exp = now', { iat: at - 60, exp: at }, 'allowed'],
    ['exp = now - 29', { iat: at - 60, exp: at - 29 }, 'allowed'],
    ['exp = now - 30', { iat: at - 60, exp: at - 30 }, '401 token_expired'],
    ['exp = now - 31', { iat: at - 60, exp: at - 31 }, '401 token_expired'],
    ['iat = now + 30', { iat: at + 30, exp: at + 90 }, 'allowed'],
    ['iat = now + 31', { iat: at + 31, exp: at + 90 }, '401 token_not_yet_valid'],
    ['nbf = now + 30', { iat: at, nbf: at + 30, exp: at + 90 }, 'allowed'],
    ['nbf = now + 31', { iat: at, nbf: at + 31, exp: at + 90 }, '401 token_not_yet_valid'],
    ['nbf as a text', { iat: at, nbf: String(at), exp: at + 90 }, '401 nbf_invalid'],
    ['a life of 900 s', { iat: at, exp: at + 900 }, 'allowed'],
    ['a life of 901 s', { iat: at, exp: at + 901 }, '401 lifetime_invalid'],
    ['a life of 0 s', { iat: at, exp: at }, '401 lifetime_invalid'],
    ['exp before iat', { iat: at, exp: at - 1 }, '401 lifetime_invalid'],
  ])('%s', async (_what, times, expected) => {
    expect(await outcome(alice.token(times), stopped.port)).toBe(expected)
  })
})

it('J25 a grant that is taken away is missed at the next request', async () => {
  const token = alice.token()
  expect(await outcome(token)).toBe('allowed')
  guarded.rig.apply(rowsOf({ grant: { clients: [] } }))
  expect(await outcome(token)).toBe('403 not_granted')
  guarded.rig.apply(rowsOf({ grant: { clients: grant.clients } }))
  expect(await outcome(token)).toBe('allowed')
})
