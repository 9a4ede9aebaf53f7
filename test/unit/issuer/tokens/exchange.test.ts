import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  accessTokenType,
  bearerGrant,
  clientToken,
  exchangeOf,
  holding,
  jwtType,
  pod,
  startExchange,
} from './exchange-rig.ts'
import {
  accessKey,
  assertion,
  issuerUrl,
  makePair,
  nowSeconds,
  ordersAudience,
  ordersIssuer,
  readParts,
  withAssertion,
} from './rig.ts'

let rig: Awaited<ReturnType<typeof startExchange>>
beforeAll(async () => {
  rig = await startExchange()
})
afterAll(() => rig.close())

const told = async (asked: ReturnType<typeof rig.ask>) => {
  const { status, body } = await asked
  return [status, body.error]
}
const cart = 'partners/cart'
const accountToken = (claims: object = {}) => rig.cluster.token(cart, claims)
const installation = { path: '/oauth/token' }
const grants: [string, (token: string, more?: object) => ReturnType<typeof rig.ask>, string][] = [
  ['token exchange', (token, more = {}) => rig.ask(exchangeOf(token, more as never)), 'invalid_request'],
  [
    'the JWT bearer grant',
    (token, more = {}) => rig.ask({ grant_type: bearerGrant, assertion: token, ...more }),
    'invalid_grant',
  ],
]

describe.each(grants)('%s', (_, ask, refusal) => {
  it.each<[string, () => string, () => string]>([
    ['a service account token', accountToken, () => 'serviceaccount:cart'],
    ['a client token', () => clientToken(rig.pair), () => rig.pair.kid],
  ])('gives an access token for %s, without any secret', async (_, token, key) => {
    const { status, body } = await ask(token())
    expect(status).toBe(200)
    const { claims } = readParts(body.access_token)
    expect(claims).toEqual({
      ...{ iss: ordersIssuer, sub: 'partners.checkout', client_id: 'partners.checkout', aud: ordersAudience },
      ...{ roles: ['orders-reader'], jti: expect.any(String), key_id: key() },
      ...{ iat: expect.any(Number), exp: Number(claims.iat) + 300 },
    })
  })

  it('says the type of what it gives where the RFC has it', async () => {
    const { body } = await ask(accountToken())
    const issued = refusal === 'invalid_request' ? { issued_token_type: accessTokenType } : {}
    const rest = { access_token: expect.any(String), token_type: 'Bearer', expires_in: 300 }
    expect(body).toEqual({ ...rest, ...issued })
  })

  it('gives scopes that roles of the client look for, and refuses any other', async () => {
    expect((await ask(accountToken(), { scope: 'read' })).body.scope).toBe('read')
    expect(await told(ask(accountToken(), { scope: 'read admin' }))).toEqual([400, 'invalid_scope'])
  })

  const now = nowSeconds()
  it.each<[string, () => string, string]>([
    ['for the API server', () => accountToken({ aud: ['https://kubernetes.default.svc'] }), 'wrong_audience'],
    ['for the installation, not this server', () => accountToken({ aud: [issuerUrl] }), 'wrong_audience'],
    ['for this server and another', () => accountToken({ aud: [ordersIssuer, issuerUrl] }), 'aud_invalid'],
    ['that lives longer than a day', () => accountToken({ exp: now + 90_000 }), 'lifetime_invalid'],
    ['that has ended', () => accountToken({ iat: now - 7_200, exp: now - 3_600 }), 'token_expired'],
    ['of another cluster', () => accountToken({ iss: 'https://other.test' }), 'invalid_token'],
    ['of an account that no client holds', () => rig.cluster.token('partners/none'), 'invalid_token'],
    ['of an account of that name elsewhere', () => rig.cluster.token('other/cart'), 'invalid_token'],
    ['that was changed', () => `${accountToken().slice(0, -4)}AAAA`, 'invalid_token'],
    ['of a client, for a service', () => clientToken(rig.pair, { aud: ordersAudience }), 'wrong_audience'],
    ['of a client, by a foreign key', () => clientToken({ ...makePair(), kid: rig.pair.kid }), 'invalid_token'],
    ['of a client, for an hour', () => clientToken(rig.pair, { exp: now + 3_600 }), 'lifetime_invalid'],
    ['of a client, of the type of assertions', () => assertion(rig.pair), 'invalid_token'],
    ['that is none', () => 'none', 'invalid_token'],
  ])('refuses a token %s', async (_, token, reason) => {
    const { status, body } = await ask(token())
    expect([status, body.error]).toEqual([400, refusal])
    expect(body.error_description).toContain(reason)
  })

  it('refuses a token whose pod runs as another account, or has another uid', async () => {
    const bound = { serviceaccount: { name: 'cart', uid: 'uid-cart' }, pod: { name: 'cart-0', uid: 'another' } }
    const { body } = await ask(accountToken({ 'kubernetes.io': { namespace: 'partners', ...bound } }))
    expect([body.error, body.error_description]).toEqual([refusal, expect.stringContaining('pod_unknown')])
  })

  it('O12 takes the proof of the client beside it, and no proof of another client', async () => {
    const proof = (text: string) => ({ ...withAssertion(text), grant_type: undefined })
    const asCheckout = proof(assertion(rig.pair))
    const partner = { iss: 'partners.partner', sub: 'partners.partner' }
    const asPartner = proof(assertion(rig.partner, { claims: partner }))
    const without = ({ grant_type: _, ...more }: typeof asCheckout) => more
    expect(await told(ask(accountToken(), without(asCheckout)))).toEqual([200, undefined])
    expect(await told(ask(accountToken(), without(asPartner)))).toEqual([400, refusal])
    expect(await told(ask(accountToken(), { client_id: 'partners.checkout' }))).toEqual([200, undefined])
    expect(await told(ask(accountToken(), { client_id: 'partners.partner' }))).toEqual([400, refusal])
    expect(await told(ask(accountToken(), without(proof('a.b.c'))))).toEqual([401, 'invalid_client'])
  })

  it('O12 refuses an audience where nothing is granted, as one that nobody has', async () => {
    const refusals = ['https://billing.shop.svc', 'https://no.where'].map(resource => ask(accountToken(), { resource }))
    const [granted, none] = await Promise.all(refusals)
    expect([granted?.status, granted?.body.error]).toEqual([400, 'invalid_target'])
    expect(granted).toEqual(none)
  })

  it('takes no access token that the issuer gave', async () => {
    const { body } = await ask(accountToken())
    const again = await ask(body.access_token, { subject_token_type: accessTokenType })
    expect([again.status, again.body.error]).toEqual([400, refusal])
    expect(again.body.error_description).toContain('by the service it was made for alone')
  })
})

describe('a token exchange', () => {
  const ask = (more: Record<string, string | undefined>) => rig.ask(exchangeOf(accountToken(), more))

  it('names the service by audience or resource, at the endpoint of the installation too', async () => {
    const token = () => rig.cluster.token(cart, { aud: [issuerUrl] })
    for (const name of ['resource', 'audience']) {
      const { body } = await rig.ask(exchangeOf(token(), { [name]: ordersAudience }), installation)
      expect(readParts(body.access_token).claims).toMatchObject({ iss: issuerUrl, aud: ordersAudience })
    }
    const two = { resource: ordersAudience, audience: 'https://billing.shop.svc' }
    expect(await told(rig.ask(exchangeOf(token(), two), installation))).toEqual([400, 'invalid_target'])
    expect(await told(rig.ask(exchangeOf(token()), installation))).toEqual([400, 'invalid_target'])
  })

  it.each<[string, Record<string, string | undefined>]>([
    ['without a subject token', { subject_token: undefined }],
    ['without its type', { subject_token_type: undefined }],
    ['with a type that is not taken', { subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' }],
    ['for a token of another type', { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }],
  ])('%s is refused', async (_, more) => {
    expect(await told(ask(more))).toEqual([400, 'invalid_request'])
  })

  it.each<[string, Record<string, string>]>([
    ['an actor token without its type', { actor_token: 'a.b.c' }],
    ['the type of an actor token without it', { actor_token_type: jwtType }],
    ['an actor token', { actor_token: 'a.b.c', actor_token_type: jwtType }],
  ])('O14 with %s is refused, and the actor never dropped', async (_, more) => {
    expect(await told(ask(more))).toEqual([400, 'invalid_request'])
  })

  it.each(['subject_token', 'audience', 'subject_token_type'])('O08 with %s twice is refused', async name => {
    const form = new URLSearchParams({ ...exchangeOf(accountToken()), audience: ordersAudience })
    form.append(name, form.get(name) ?? '')
    expect(await told(rig.ask(form))).toEqual([400, 'invalid_request'])
  })

  it('works while the store is away: nothing of it is remembered', async () => {
    rig.memory.refuse('claim')
    expect((await ask({})).status).toBe(200)
    rig.memory.comeBack()
  })
})

it('a JWT bearer grant without an assertion is refused', async () => {
  expect(await told(rig.ask({ grant_type: bearerGrant }))).toEqual([400, 'invalid_request'])
})

it('gives no token from the request on in which the client is suspended, its pod has ended or its key is revoked', async () => {
  const own = await startExchange()
  const ofAccount = () => told(own.ask(exchangeOf(own.cluster.token(cart))))
  const ofKey = () => told(own.ask(exchangeOf(clientToken(own.pair))))
  expect([await ofAccount(), await ofKey()]).toEqual([
    [200, undefined],
    [200, undefined],
  ])
  const refused = [400, 'invalid_request']
  await own.tell('pods', 'MODIFIED', pod('cart', '2', 'Succeeded'))
  expect(await ofAccount()).toEqual(refused)
  await own.tell(
    'accesskeys',
    'MODIFIED',
    accessKey('checkout', 'checkout', own.pair, '3', { revoked: { reason: 'Lost' } }),
  )
  expect(await ofKey()).toEqual(refused)
  await own.tell('pods', 'MODIFIED', pod('cart', '4'))
  expect(await ofAccount()).toEqual([200, undefined])
  await own.tell('apiclients', 'MODIFIED', holding('checkout', 'cart', '5', { suspended: true }))
  expect(await ofAccount()).toEqual(refused)
  own.cluster.row = undefined
  expect(await ofAccount()).toEqual(refused)
  await own.close()
})

it('narrows a token to the roles of the key that signed the client token', async () => {
  const own = await startExchange()
  const narrowed = { roles: [{ namespace: 'shop', name: 'billing-reader' }] }
  await own.tell('accesskeys', 'MODIFIED', accessKey('checkout', 'checkout', own.pair, '2', narrowed))
  expect(await told(own.ask(exchangeOf(clientToken(own.pair))))).toEqual([400, 'invalid_target'])
  await own.close()
})

it('refuses two keys that are both narrowed: the token could name one of them only', async () => {
  const own = await startExchange()
  const narrowed = { roles: [{ namespace: 'shop', name: 'orders-reader' }] }
  await own.tell('accesskeys', 'MODIFIED', accessKey('checkout', 'checkout', own.pair, '2', narrowed))
  const { grant_type: _, ...proof } = withAssertion(assertion(own.pair))
  expect(await told(own.ask(exchangeOf(clientToken(own.pair), proof)))).toEqual([400, 'invalid_request'])
  const { body } = await own.ask(exchangeOf(clientToken(own.pair)))
  expect(readParts(body.access_token).claims.key_id).toBe(own.pair.kid)
  const account = await own.ask({ ...withAssertion(assertion(own.pair)), ...exchangeOf(own.cluster.token(cart)) })
  expect(readParts(account.body.access_token).claims.key_id).toBe(own.pair.kid)
  await own.close()
})
