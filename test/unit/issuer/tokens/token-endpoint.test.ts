import { createPublicKey, verify } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { maxFormBytes } from '../../../../issuer/tokens/read-form.ts'
import { roleFor } from '../installation.ts'
import {
  assertion,
  issuerUrl,
  makePair,
  nowSeconds,
  ordersAudience,
  ordersIssuer,
  readParts,
  startTokens,
  withAssertion,
} from './rig.ts'

type Rig = Awaited<ReturnType<typeof startTokens>>
let rig: Rig

const scoped = (role: ReturnType<typeof roleFor>) => ({
  ...role,
  spec: {
    rules: [
      { services: ['orders'], methods: ['GET'], paths: ['/a'], when: [{ scopeContains: { scope: 'orders:read' } }] },
      { services: ['billing'], methods: ['GET'], paths: ['/a'], when: [{ scopeContains: { scope: 'bills:read' } }] },
    ],
  },
})

beforeAll(async () => {
  rig = await startTokens(listed => ({ ...listed, roles: [scoped(roleFor('orders')), roleFor('billing')] }))
})
afterAll(() => rig.close())

const failed = { status: 401, body: { error: 'invalid_client', error_description: 'client authentication failed' } }
const told = async (asked: ReturnType<Rig['ask']>) => {
  const { status, body } = await asked
  return [status, body.error]
}
const installationToken = { path: '/oauth/token' }

describe('the token endpoint of a service', () => {
  it('gives a client that proves its key an access token for that service alone', async () => {
    const { status, body } = await rig.ask(withAssertion(assertion(rig.pair)))
    expect([status, body]).toEqual([200, { access_token: expect.any(String), token_type: 'Bearer', expires_in: 300 }])
    const { header, claims } = readParts(body.access_token)
    const now = Number(claims.iat)
    expect(header).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: rig.signing.keys[0]?.kid })
    expect(claims).toEqual({
      iss: ordersIssuer,
      sub: 'partners.checkout',
      client_id: 'partners.checkout',
      aud: ordersAudience,
      key_id: rig.pair.kid,
      roles: ['orders-reader'],
      iat: now,
      exp: now + 300,
      jti: expect.stringMatching(/^[\w-]{20,}$/),
    })
    const [head, payload, signature] = body.access_token.split('.')
    const key = createPublicKey({ key: rig.signing.keys[0]?.publicKey as never, format: 'jwk' })
    expect(verify(null, Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, 'base64url'))).toBe(true)
  })

  it('lets no cache keep it, and no page of another origin read it', async () => {
    const body = new URLSearchParams(withAssertion(assertion(rig.pair)))
    const { headers } = await rig.send('/services/shop/orders/oauth/token', { method: 'POST', body })
    const names = ['cache-control', 'x-content-type-options', 'set-cookie', 'access-control-allow-origin']
    expect(names.map(name => headers.get(name))).toEqual(['no-store', 'nosniff', null, null])
  })

  it('takes its own audience as resource and no other', async () => {
    const ask = (resource: string) => rig.ask(withAssertion(assertion(rig.pair), { resource }))
    expect((await ask(ordersAudience)).status).toBe(200)
    for (const other of [
      `${ordersAudience}/`,
      'https://ORDERS.shop.svc',
      'https://billing.shop.svc',
      'https://no.where',
    ]) {
      expect(await told(ask(other))).toEqual([400, 'invalid_target'])
    }
  })

  it('O15 gives the scopes that are asked for, and refuses all when one is of no role there', async () => {
    const ask = (scope: string) => rig.ask(withAssertion(assertion(rig.pair), { scope }))
    const { body } = await ask('orders:read')
    expect([body.scope, readParts(body.access_token).claims.scope]).toEqual(['orders:read', 'orders:read'])
    for (const scope of ['bills:read', 'orders:read admin', 'orders:read"', 'orders:read\r\n', 'a'.repeat(9_000)]) {
      expect(await told(ask(scope))).toEqual([400, 'invalid_scope'])
    }
  })

  it('refuses a client that is granted nothing there, as it does where there is no such service', async () => {
    const claims = { iss: 'partners.partner', sub: 'partners.partner' }
    const ask = (aud: string, more: object, path?: string) =>
      rig.ask(
        withAssertion(assertion(rig.partner, { claims: { ...claims, aud } }), more as never),
        path ? { path } : {},
      )
    const ungranted = await ask(ordersIssuer, {})
    expect([ungranted.status, ungranted.body.error]).toEqual([400, 'invalid_target'])
    const unknown = await ask(issuerUrl, { resource: 'https://no.where' }, '/oauth/token')
    expect(unknown).toEqual(ungranted)
  })

  it('is there for services that are published, and for no other path', async () => {
    for (const path of [
      '/services/shop/none/oauth/token',
      '/services/shop/orders/oauth/authorize',
      '/oauth/token/',
      '/services/shop%2forders/oauth/token',
    ]) {
      expect((await rig.send(path, { method: 'POST' })).status).toBe(404)
    }
  })
})

describe('the token endpoint of the installation', () => {
  it('gives a token for the one service that is named', async () => {
    const ask = (more: object) =>
      rig.ask(withAssertion(assertion(rig.pair, { claims: { aud: issuerUrl } }), more as never), installationToken)
    const { body } = await ask({ resource: ordersAudience })
    expect(readParts(body.access_token).claims).toMatchObject({
      iss: issuerUrl,
      aud: ordersAudience,
      roles: ['orders-reader'],
    })
    expect(await told(ask({}))).toEqual([400, 'invalid_target'])
  })

  it('refuses two services for one token', async () => {
    const form = new URLSearchParams(withAssertion(assertion(rig.pair, { claims: { aud: issuerUrl } })))
    form.append('resource', ordersAudience)
    form.append('resource', 'https://billing.shop.svc')
    expect(await told(rig.ask(form, installationToken))).toEqual([400, 'invalid_target'])
  })
})

describe('an assertion (threats O01 to O06)', () => {
  it('O01 is good once, of 50 uses at two replicas at once', async () => {
    const text = assertion(rig.pair)
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, index) => rig.ask(withAssertion(text), { replica: index % 2 })),
    )
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(all.filter(({ status, body }) => status === 401 && body.error === 'invalid_client')).toHaveLength(49)
  })

  it('does not use up an id of another client', async () => {
    const ask = (text: string) => told(rig.ask(withAssertion(text), { path: '/services/shop/billing/oauth/token' }))
    const aud = `${issuerUrl}/services/shop/billing`
    const partner = { iss: 'partners.partner', sub: 'partners.partner' }
    expect(await ask(assertion(rig.pair, { claims: { aud, jti: 'same' } }))).toEqual([200, undefined])
    expect(await ask(assertion(rig.partner, { claims: { aud, jti: 'same', ...partner } }))).toEqual([200, undefined])
  })

  const now = nowSeconds()
  it.each<[string, { header?: object; claims?: object }]>([
    ['O02 for another server', { claims: { aud: issuerUrl } }],
    ['O02 for several', { claims: { aud: [ordersIssuer, issuerUrl] } }],
    ['O02 for this one, as a list', { claims: { aud: [ordersIssuer] } }],
    ['O02 for the URL of the endpoint', { claims: { aud: `${ordersIssuer}/oauth/token` } }],
    ['O02 with a slash behind the issuer', { claims: { aud: `${ordersIssuer}/` } }],
    ['O02 for a part of the issuer', { claims: { aud: ordersIssuer.slice(0, -1) } }],
    ['O03 without a type', { header: { typ: undefined } }],
    ['O03 of the type JWT', { header: { typ: 'JWT' } }],
    ['O03 of the type of access tokens', { header: { typ: 'at+jwt' } }],
    ['O04 of another issuer', { claims: { iss: 'partners.partner' } }],
    ['O05 without an id', { claims: { jti: undefined } }],
    ['O05 with an empty id', { claims: { jti: '' } }],
    ['O05 with an id of 129 characters', { claims: { jti: 'a'.repeat(129) } }],
    ['O05 without an end', { claims: { exp: undefined } }],
    ['O05 without a begin', { claims: { iat: undefined } }],
    ['O05 that lives for ten years', { claims: { exp: now + 315_360_000 } }],
    ['O05 that lives for 61 seconds', { claims: { iat: now, exp: now + 61 } }],
    ['O05 that has ended', { claims: { iat: now - 120, exp: now - 60 } }],
    ['O05 that begins in an hour', { claims: { iat: now + 3_600, exp: now + 3_660 } }],
    ['O05 that must not be used yet', { claims: { nbf: now + 3_600 } }],
    ['O05 with a time that is a text', { claims: { exp: String(now + 60) } }],
  ])('%s is refused, and used up by no one', async (_, about) => {
    const { size } = rig.memory.records
    expect(await told(rig.ask(withAssertion(assertion(rig.pair, about))))).toEqual([401, 'invalid_client'])
    expect(rig.memory.records.size).toBe(size)
  })

  it('O04 is refused beside the id of another client', async () => {
    const form = withAssertion(assertion(rig.pair), { client_id: 'partners.partner' })
    expect(await told(rig.ask(form))).toEqual([401, 'invalid_client'])
  })

  it('O06 O26 says the same of an unknown client, a foreign key, a foreign signature, no key and no JWT', async () => {
    const foreign = makePair()
    const texts = [
      assertion(rig.pair, { claims: { iss: 'partners.none', sub: 'partners.none' } }),
      assertion(foreign),
      assertion({ ...foreign, kid: rig.pair.kid }),
      assertion(rig.partner),
      assertion(rig.pair, { header: { kid: undefined } }),
      assertion(rig.pair, { header: { alg: 'none' } }),
      assertion(rig.pair, { header: { crit: ['x'] } }),
      'no.jwt',
    ]
    for (const text of texts) expect(await rig.ask(withAssertion(text))).toEqual(failed)
  })
})

describe('a request to the token endpoint (threats O08, O09)', () => {
  it.each<[string, Record<string, string | undefined>, number, string]>([
    ['O09 without a grant type', { grant_type: undefined }, 400, 'invalid_request'],
    ['O09 with the grant password', { grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ['O09 with the grant implicit', { grant_type: 'implicit' }, 400, 'unsupported_grant_type'],
    ['O09 with a grant nobody knows', { grant_type: 'urn:example:none' }, 400, 'unsupported_grant_type'],
    ['without a proof', { client_assertion: undefined }, 401, 'invalid_client'],
    [
      'with a secret',
      { client_assertion: undefined, client_secret: 's', client_id: 'partners.checkout' },
      401,
      'invalid_client',
    ],
    ['with two proofs', { client_secret: 's' }, 400, 'invalid_request'],
    ['with another type of assertion', { client_assertion_type: 'urn:x' }, 401, 'invalid_client'],
    ['without the type of the assertion', { client_assertion_type: undefined }, 401, 'invalid_client'],
  ])('%s is refused', async (_, more, status, error) => {
    expect(await told(rig.ask(withAssertion(assertion(rig.pair), more)))).toEqual([status, error])
  })

  it.each(['grant_type', 'scope', 'client_id', 'client_assertion'])('O08 with %s twice is refused', async name => {
    const form = new URLSearchParams(
      withAssertion(assertion(rig.pair), { scope: 'orders:read', client_id: 'partners.checkout' }),
    )
    form.append(name, form.get(name) ?? '')
    expect(await told(rig.ask(form))).toEqual([400, 'invalid_request'])
  })

  const form = (type: string, body: string) => ({ method: 'POST', body, headers: { 'content-type': type } })
  const urlencoded = 'application/x-www-form-urlencoded'
  it.each<[string, RequestInit, number]>([
    ['O09 by GET', { method: 'GET' }, 405],
    ['O09 as JSON', form('application/json', '{}'), 415],
    ['O09 in UTF-7', form(`${urlencoded}; charset=utf-7`, 'a=b'), 415],
    [
      'compressed',
      { ...form(urlencoded, 'a'), headers: { 'content-type': urlencoded, 'content-encoding': 'gzip' } },
      415,
    ],
    ['without a type', { method: 'POST' }, 415],
    ['O09 that is too long', form(urlencoded, 'a'.repeat(maxFormBytes + 1)), 413],
    ['with a bad escape', form(urlencoded, 'grant_type=%zz'), 400],
    ['with bytes that are no UTF-8', form(urlencoded, 'grant_type=%ff'), 400],
    ['with 33 parameters', form(urlencoded, Array.from({ length: 33 }, (_, index) => `p${index}=1`).join('&')), 400],
  ])('%s is refused', async (_, init, status) => {
    const answer = await rig.send('/services/shop/orders/oauth/token', init)
    expect([answer.status, answer.body.error]).toEqual([status, 'invalid_request'])
  })

  it('with parameters in its URL is refused', async () => {
    const { status } = await rig.send('/oauth/token?client_id=a', { method: 'POST' })
    expect(status).toBe(400)
  })

  it('with an Authorization header is told how to authenticate', async () => {
    const headers = { authorization: 'Basic YTpi' }
    const body = new URLSearchParams({ grant_type: 'client_credentials' })
    const answer = await rig.send('/services/shop/orders/oauth/token', { method: 'POST', headers, body })
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="latchkey"'])
  })
})
