import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type ClientJwk, readClientKey } from '../../../sdk/private-key.ts'
import { tokenProvider } from '../../../sdk/token-provider.ts'
import { type VerifierOptions, verifier } from '../../../sdk/verifier.ts'
import { type LocalIssuer, makeKey, startLocalIssuer } from '../../strangers/local-issuer.ts'
import { tamperedTokens } from '../../strangers/tampered.ts'
import { signAnything } from './sign-anything.ts'

const audience = 'https://orders.shop.svc'
let issuer: LocalIssuer
let ca: string
let jwk: ClientJwk
let requestsBefore: number

const newVerifier = (options: Partial<VerifierOptions> = {}) =>
  verifier({ issuer: issuer.url, audience, ca, ...options })
const requests = () => issuer.requests.length - requestsBefore
const pass = (seconds: number) => vi.advanceTimersByTime(seconds * 1_000)

beforeAll(async () => {
  issuer = await startLocalIssuer()
  ca = await readFile(issuer.caFile, 'utf8')
})
afterAll(() => issuer.close())
beforeEach(() => {
  vi.useFakeTimers({ now: Date.now(), toFake: ['Date', 'performance'] })
  jwk = issuer.addClient('sc_checkout', 'Ed25519')
  requestsBefore = issuer.requests.length
})
afterEach(() => {
  issuer.failWith(undefined)
  vi.useRealTimers()
})

test.each(['Ed25519', 'ES256', 'RS256'] as const)('proves who calls with %s', async algorithm => {
  const key = issuer.addClient('shop.caller', algorithm)
  const token = await tokenProvider({ key }).token(audience)
  expect(await newVerifier({ clients: ['shop.caller'] }).verify(token)).toEqual({
    clientId: 'shop.caller',
    issuer: `${issuer.url}/v1/clients/shop.caller`,
    subject: 'shop.caller',
    keyId: key.kid,
    audience,
    tokenId: expect.any(String),
    expiresAt: Math.floor(Date.now() / 1_000) + 300,
  })
})

describe('refuses', () => {
  const codes: Record<string, string> = {
    'another audience': 'wrong_audience',
    'an end that has passed': 'token_expired',
  }

  test.each(['Ed25519', 'ES256', 'RS256'] as const)('every tampered token of a %s client', async algorithm => {
    const key = readClientKey(issuer.addClient('sc_tampered', algorithm))
    const verify = newVerifier().verify
    for (const [what, token] of Object.entries(tamperedTokens(key, audience))) {
      await expect(verify(token), what).rejects.toMatchObject({ code: codes[what] ?? 'invalid_token' })
    }
  })

  test.each([
    ['no exp', { exp: undefined }],
    ['no iat', { iat: undefined }],
    ['no jti', { jti: undefined }],
    ['no sub', { sub: undefined }],
    ['no aud', { aud: undefined }, 'wrong_audience'],
    ['an exp that is text', { exp: '9999999999' }],
    ['an exp with a fraction', { exp: 1e10 + 0.5 }],
    ['an exp beyond all time', { exp: 1e308 }],
    ['a life of an hour', { exp: Math.floor(Date.now() / 1_000) + 3_600 }],
    ['an iat to come', { iat: Math.floor(Date.now() / 1_000) + 60, exp: Math.floor(Date.now() / 1_000) + 120 }],
    ['an nbf to come', { nbf: Math.floor(Date.now() / 1_000) + 60 }],
    ['two audiences', { aud: [audience, 'https://other.shop.svc'] }, 'wrong_audience'],
    ['an empty list of audiences', { aud: [] }, 'wrong_audience'],
    ['an audience with a slash more', { aud: `${audience}/` }, 'wrong_audience'],
    ['another client_id', { client_id: 'sc_other' }],
    ['an iss that is a list', { iss: [`https://elsewhere.example/default/v1/clients/sc_checkout`] }],
    ['an iss elsewhere', { iss: 'https://elsewhere.example/default/v1/clients/sc_checkout' }],
    ['a client id that climbs', { sub: '../sc_checkout', client_id: '../sc_checkout' }],
  ])('a signed token with %s (J17, J18, J19, J20, J21)', async (_, claims, code = 'invalid_token') => {
    const token = signAnything(readClientKey(jwk), { claims: { aud: audience, ...claims } })
    await expect(newVerifier().verify(token)).rejects.toMatchObject({ code })
  })

  test.each([
    ['JWT', { typ: 'JWT' }],
    ['no typ', { typ: undefined }],
    ['another credential’s typ', { typ: 'client-authentication+jwt' }],
    ['no kid', { kid: undefined }],
    ['an alg of another key type', { alg: 'ES256' }],
    ['crit', { crit: ['exp'] }],
    ['b64', { b64: false }],
  ])('a signed token whose header has %s (J07, J08, J23)', async (_, header) => {
    const token = signAnything(readClientKey(jwk), { header, claims: { aud: audience } })
    await expect(newVerifier().verify(token)).rejects.toMatchObject({ code: 'invalid_token' })
  })

  test('keys that a token brings or points to, without asking anybody (J03, J04)', async () => {
    const { published, secret } = makeKey('Ed25519')
    const own = readClientKey({ ...jwk, ...secret })
    const header = { jwk: published, jku: `${issuer.url}/trap`, x5u: `${issuer.url}/trap` }
    const token = signAnything(own, { header, claims: { aud: audience } })
    await expect(newVerifier().verify(token)).rejects.toMatchObject({ code: 'invalid_token' })
    expect(issuer.requests.slice(requestsBefore)).toEqual(['/default/v1/clients/sc_checkout/.well-known/jwks.json'])
  })

  test('a published key of small order, for which anybody can sign (J15)', async () => {
    const x = Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]).toString('base64url')
    issuer.publish('sc_checkout', [{ kty: 'OKP', crv: 'Ed25519', x, kid: 'weak' }])
    const token = signAnything(readClientKey(jwk), { header: { kid: 'weak' }, claims: { aud: audience } })
    const forged = `${token.slice(0, token.lastIndexOf('.'))}.${x}${'A'.repeat(43)}`
    await expect(newVerifier().verify(forged)).rejects.toMatchObject({ code: 'invalid_token' })
  })

  test('a published secret key, whatever it signs', async () => {
    issuer.publish('sc_checkout', [{ kty: 'oct', k: 'c2VjcmV0', kid: 'mac', alg: 'HS256' }])
    const [header, claims] = signAnything(readClientKey(jwk), { header: { kid: 'mac', alg: 'HS256' } }).split('.')
    const mac = createHmac('sha256', 'secret').update(`${header}.${claims}`).digest('base64url')
    await expect(newVerifier().verify(`${header}.${claims}.${mac}`)).rejects.toMatchObject({ code: 'invalid_token' })
  })

  test.each(['', 'a', 'a.b.c', '..', 'x'.repeat(8_193), '.'.repeat(1_000_000)])('what is no token', async token => {
    await expect(newVerifier().verify(token)).rejects.toMatchObject({ code: 'invalid_token' })
    expect(requests()).toBe(0)
  })

  test('a proved client that is not listed', async () => {
    const token = await tokenProvider({ key: jwk }).token(audience)
    await expect(newVerifier({ clients: ['sc_other'] }).verify(token)).rejects.toMatchObject({
      code: 'client_not_listed',
      status: 403,
    })
  })

  test('a client that is not listed before anything is asked for', async () => {
    const { verify } = newVerifier({ clients: ['sc_other'] })
    const unproved = signAnything(readClientKey(jwk), { header: { kid: 'none' }, claims: { aud: audience } })
    for (const token of [unproved, await tokenProvider({ key: jwk }).token(audience)]) {
      await expect(verify(token)).rejects.toMatchObject({ code: 'client_not_listed' })
    }
    expect(requests()).toBe(0)
  })

  test.each(['http://issuer.example', 'issuer', ''])('to be made for the issuer %j', url => {
    expect(() => newVerifier({ issuer: url })).toThrow(expect.objectContaining({ code: 'option_invalid' }))
  })
})

describe('the keys of a client', () => {
  test('are read once a minute, by one request for many callers', async () => {
    const token = await tokenProvider({ key: jwk, lifetimeSeconds: 900 }).token(audience)
    const { verify } = newVerifier()
    await Promise.all(Array.from({ length: 50 }, () => verify(token)))
    expect(requests()).toBe(1)
    pass(59)
    await verify(token)
    expect(requests()).toBe(1)
    pass(1)
    await verify(token)
    expect(requests()).toBe(2)
  })

  test('are read again for an unknown kid, at most once per cooldown (J06)', async () => {
    const { verify } = newVerifier()
    await verify(await tokenProvider({ key: jwk }).token(audience))
    pass(10)
    const random = (kid: string) => signAnything(readClientKey(jwk), { header: { kid }, claims: { aud: audience } })
    const refused = await Promise.allSettled(Array.from({ length: 200 }, (_, n) => verify(random(`kid-${n}`))))
    expect(refused.every(({ status }) => status === 'rejected')).toBe(true)
    expect(requests()).toBe(2)
  })

  test('follow a rotation at the first token of the new key', async () => {
    const { verify } = newVerifier()
    await verify(await tokenProvider({ key: jwk }).token(audience))
    pass(10)
    const next = issuer.addClient('sc_checkout', 'ES256')
    expect(await verify(await tokenProvider({ key: next }).token(audience))).toMatchObject({ keyId: next.kid })
  })

  test.each([
    ['a suspended client', []],
    ['a client that is gone', undefined],
  ])('of %s are none after the cache’s minute (J25)', async (_, keys) => {
    const token = await tokenProvider({ key: jwk }).token(audience)
    const { verify } = newVerifier()
    await verify(token)
    issuer.publish('sc_checkout', keys)
    pass(60)
    await expect(verify(token)).rejects.toMatchObject({ code: 'invalid_token' })
  })

  test('serve on for ten minutes while the issuer fails, then no more', async () => {
    const key = jwk
    const { verify } = newVerifier()
    await verify(await tokenProvider({ key }).token(audience))
    issuer.failWith({ status: 500 })
    pass(599)
    await verify(await tokenProvider({ key }).token(audience))
    pass(1)
    const token = await tokenProvider({ key }).token(audience)
    await expect(verify(token)).rejects.toMatchObject({ code: 'keys_unavailable', status: 503 })
    issuer.failWith(undefined)
    pass(10)
    await verify(token)
  })

  test.each([
    ['redirected', { status: 302, headers: { location: '/elsewhere' }, body: '' }],
    ['cut off at 256 KiB', { status: 200, body: JSON.stringify({ keys: [], padding: 'x'.repeat(270_000) }) }],
    ['no JWK Set', { status: 200, body: '{"keys":7}' }],
    ['no JSON', { status: 200, body: '<html>' }],
    ['never sent', 'silence'],
    ['begun and never ended', 'stall'],
  ] as const)('that are %s are not there', async (_, failure) => {
    issuer.failWith(failure)
    const token = await tokenProvider({ key: jwk }).token(audience)
    const { verify } = newVerifier({ timeoutMs: 100 })
    await expect(verify(token)).rejects.toMatchObject({ code: 'keys_unavailable' })
    expect(requests()).toBe(1)
  })

  test.each([65, 1_500])('are %s of one client, and the last one counts', async count => {
    const { kid, kty, crv, x } = jwk
    const others = Array.from({ length: count - 1 }, (_, n) => ({ kid: `other-${n}`, kty, crv, x, alg: 'EdDSA' }))
    issuer.failWith({ status: 200, body: JSON.stringify({ keys: [...others, { kid, kty, crv, x, alg: 'EdDSA' }] }) })
    const token = await tokenProvider({ key: jwk }).token(audience)
    expect(await newVerifier().verify(token)).toMatchObject({ clientId: 'sc_checkout', keyId: kid })
  })

  test('are not read from a server that the CA does not vouch for', async () => {
    const token = await tokenProvider({ key: jwk }).token(audience)
    const { verify } = verifier({ issuer: issuer.url, audience })
    await expect(verify(token)).rejects.toMatchObject({ code: 'keys_unavailable' })
    expect(requests()).toBe(0)
  })

  describe('while tokens of made-up clients come in numbers (J06)', () => {
    const madeUp = (count: number): string[] =>
      Array.from({ length: count }, (_, n) => {
        const clientId = `sc_made-up-${n}`
        const claims = {
          aud: audience,
          sub: clientId,
          client_id: clientId,
          iss: `${issuer.url}/v1/clients/${clientId}`,
        }
        return signAnything(readClientKey(jwk), { claims })
      })

    test('stay where they are, however many names are asked for', async () => {
      const { verify } = newVerifier()
      const token = await tokenProvider({ key: jwk }).token(audience)
      await verify(token)
      const refused = await Promise.allSettled(madeUp(1_200).map(verify))
      expect(refused.every(({ status }) => status === 'rejected')).toBe(true)
      const before = requests()
      await verify(token)
      expect(requests()).toBe(before)
    })

    test('are read for clients that are known and for new ones, when the issuer leaves the others waiting', async () => {
      const { verify } = newVerifier({ timeoutMs: 1_000 })
      await verify(await tokenProvider({ key: jwk }).token(audience))
      issuer.failWith('silence')
      const refused = Promise.allSettled(madeUp(40).map(verify))
      await vi.waitFor(() => expect(requests()).toBeGreaterThanOrEqual(17))
      issuer.failWith(undefined)
      pass(10)
      const rotated = issuer.addClient('sc_checkout', 'ES256')
      await verify(await tokenProvider({ key: rotated }).token(audience))
      const fresh = issuer.addClient('sc_new', 'Ed25519')
      const kept = verify(await tokenProvider({ key: fresh }).token(audience))
      expect((await refused).every(({ status }) => status === 'rejected')).toBe(true)
      expect(await kept).toMatchObject({ clientId: 'sc_new' })
    })
  })
})
