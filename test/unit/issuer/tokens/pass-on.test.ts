import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { grantOf, roleFor } from '../installation.ts'
import { accessTokenType, clientToken, exchangeOf, holding, startExchange } from './exchange-rig.ts'
import { accessKey, assertion, issuerUrl, ordersAudience, ordersIssuer, readParts, withAssertion } from './rig.ts'

type Rig = Awaited<ReturnType<typeof startExchange>>
const billing = { path: '/services/shop/billing/oauth/token' }
const billingIssuer = `${issuerUrl}/services/shop/billing`
const service = 'partners/orders'

/** The service orders runs as the account orders, whose client partner has billing; its caller checkout has both. */
async function start(change?: Parameters<typeof startExchange>[0]) {
  const own = await startExchange(change)
  own.cluster.allow(service, 'shop/orders')
  return own
}
let rig: Rig
beforeAll(async () => {
  rig = await start()
})
afterAll(() => rig.close())

async function tokenOf(own: Rig, more: object = {}): Promise<string> {
  return (await own.ask(withAssertion(assertion(own.pair), more as never))).body.access_token
}
const passOn = (own: Rig, token: string, more: object = {}, headers = { authorization: own.cluster.bearer(service) }) =>
  own.ask(exchangeOf(token, { subject_token_type: accessTokenType, ...more }), { ...billing, headers })
const told = async (asked: ReturnType<Rig['ask']>) => {
  const { status, body } = await asked
  return [status, body.error]
}

describe('a service that calls on for its caller', () => {
  it('gets a token of the caller for where it calls, which says who acts', async () => {
    const { status, body } = await passOn(rig, await tokenOf(rig))
    expect([status, body.issued_token_type]).toEqual([200, accessTokenType])
    expect(readParts(body.access_token).claims).toMatchObject({
      ...{
        iss: billingIssuer,
        aud: 'https://billing.shop.svc',
        sub: 'partners.checkout',
        client_id: 'partners.checkout',
      },
      ...{ roles: ['billing-reader'], act: { sub: 'partners.partner' } },
    })
  })

  it('O15 has no more scopes than the token it comes from', async () => {
    const token = await tokenOf(rig, { scope: 'read' })
    expect((await passOn(rig, token, { scope: 'read' })).body.scope).toBe('read')
    expect(await told(passOn(rig, token, { scope: 'write' }))).toEqual([400, 'invalid_scope'])
    expect(await told(passOn(rig, await tokenOf(rig), { scope: 'read' }))).toEqual([400, 'invalid_scope'])
  })

  it('has a token that does not outlive the one it comes from', async () => {
    const token = await tokenOf(rig)
    const { claims } = readParts((await passOn(rig, token)).body.access_token)
    expect(Number(claims.exp)).toBeLessThanOrEqual(Number(readParts(token).claims.exp))
  })

  it('gets nothing where it, or its caller, has nothing itself', async () => {
    const own = await start(listed => ({
      ...listed,
      accessgrants: [grantOf('orders', ['checkout']), grantOf('billing', ['checkout'])],
    }))
    expect(await told(passOn(own, await tokenOf(own)))).toEqual([400, 'invalid_target'])
    await own.tell('accessgrants', 'MODIFIED', grantOf('billing', ['partner'], '2'))
    expect(await told(passOn(own, await tokenOf(own)))).toEqual([400, 'invalid_target'])
    await own.tell('accessgrants', 'MODIFIED', grantOf('billing', ['partner', 'checkout'], '3'))
    expect(await told(passOn(own, await tokenOf(own)))).toEqual([200, undefined])
    await own.close()
  })

  it('gets no role that the key of its caller is narrowed away from', async () => {
    const own = await start()
    const narrow = (version: string, name: string) =>
      own.tell(
        'accesskeys',
        'MODIFIED',
        accessKey('checkout', 'checkout', own.pair, version, { roles: [{ namespace: 'shop', name }] }),
      )
    await narrow('2', 'orders-reader')
    const token = await tokenOf(own)
    expect(readParts(token).claims.key_id).toBe(own.pair.kid)
    expect(await told(passOn(own, token))).toEqual([400, 'invalid_target'])
    await own.tell('accesskeys', 'DELETED', accessKey('checkout', 'checkout', own.pair, '3'))
    expect(await told(passOn(own, token))).toEqual([400, 'invalid_request'])
    await own.close()
  })

  it('gets at its own audience no role that the token has not', async () => {
    const own = await start()
    own.cluster.allow(service, 'shop/orders')
    const token = await tokenOf(own)
    await own.tell('accessgrants', 'MODIFIED', grantOf('orders', ['checkout', 'partner'], '2'))
    await own.tell('roles', 'ADDED', {
      ...roleFor('orders', '3'),
      metadata: { ...roleFor('orders', '3').metadata, name: 'second' },
    })
    const { body } = await own.ask(exchangeOf(token), { headers: { authorization: own.cluster.bearer(service) } })
    expect(readParts(body.access_token).claims.roles).toEqual(['orders-reader'])
    await own.close()
  })

  it('is refused from the request on in which its caller, or itself, is suspended, or the token revoked', async () => {
    const own = await start()
    const token = await tokenOf(own)
    expect((await passOn(own, token)).status).toBe(200)
    await own.tell('apiclients', 'MODIFIED', holding('checkout', 'cart', '2', { suspended: true }))
    expect(await told(passOn(own, token))).toEqual([400, 'invalid_request'])
    await own.tell('apiclients', 'MODIFIED', holding('checkout', 'cart', '3'))
    await own.tell('apiclients', 'MODIFIED', holding('partner', 'orders', '4', { suspended: true }))
    expect(await told(passOn(own, token))).toEqual([400, 'unauthorized_client'])
    await own.tell('apiclients', 'MODIFIED', holding('partner', 'orders', '5'))
    expect((await passOn(own, token)).status).toBe(200)
    await own.ask(withAssertion(assertion(own.pair), { token }), { path: '/services/shop/orders/oauth/revoke' })
    expect(await told(passOn(own, token))).toEqual([400, 'invalid_request'])
    await own.close()
  })
})

describe('an access token is passed on by nobody else:', () => {
  it.each<[string, () => Record<string, string>, number, string]>([
    [
      'an account without the verb enforce',
      () => ({ authorization: rig.cluster.bearer('partners/cart') }),
      400,
      'invalid_request',
    ],
    [
      'a token that is not for the issuer',
      () => ({ authorization: rig.cluster.bearer(service, { aud: [ordersIssuer] }) }),
      401,
      'invalid_token',
    ],
    ['a bearer that is none', () => ({ authorization: 'Bearer' }), 401, 'invalid_token'],
    ['nobody', () => ({}), 400, 'invalid_request'],
  ])('%s', async (_, headers, status, error) => {
    expect(await told(passOn(rig, await tokenOf(rig), {}, headers() as never))).toEqual([status, error])
  })

  it('an account that is no client', async () => {
    const own = await start()
    own.cluster.allow('partners/nobody', 'shop/orders')
    const headers = { authorization: own.cluster.bearer('partners/nobody') }
    expect(await told(passOn(own, await tokenOf(own), {}, headers))).toEqual([400, 'unauthorized_client'])
    await own.close()
  })

  it('a service that authenticates in another way too', async () => {
    expect(await told(passOn(rig, await tokenOf(rig), { client_secret: 's', client_id: 'a' }))).toEqual([
      400,
      'invalid_request',
    ])
  })

  it('a service for which it was not made, or with what is no access token', async () => {
    const other = await rig.ask(withAssertion(assertion(rig.pair, { claims: { aud: billingIssuer } })), billing)
    for (const token of [other.body.access_token, clientToken(rig.pair), 'none', rig.cluster.token('partners/cart')]) {
      expect(await told(passOn(rig, token))).toEqual([400, 'invalid_request'])
    }
  })

  it('a service while the API server, or the store, is away', async () => {
    const own = await start()
    const token = await tokenOf(own)
    own.memory.refuse('get')
    expect(await told(passOn(own, token))).toEqual([503, 'temporarily_unavailable'])
    own.memory.comeBack()
    own.cluster.away = true
    expect(await told(passOn(own, token))).toEqual([503, 'temporarily_unavailable'])
    await own.close()
  })
})

it('O14 keeps who acted before, one level more each time, and five at most', async () => {
  const own = await start()
  own.cluster.allow(service, 'shop/billing')
  let token = await tokenOf(own)
  const again = () => passOn(own, token)
  let depth = 0
  for (let answer = await again(); answer.status === 200; answer = await again()) {
    token = answer.body.access_token
    depth++
    let act: unknown = readParts(token).claims.act
    for (let level = 0; level < depth; level++) {
      expect(act).toMatchObject({ sub: 'partners.partner' })
      act = (act as { act?: unknown }).act
    }
    expect(act).toBeUndefined()
  }
  expect(depth).toBe(5)
  expect(await told(again())).toEqual([400, 'invalid_request'])
  await own.close()
})

it('tells a service whom a token is of and who acts, where that was said', async () => {
  const token = (await passOn(rig, await tokenOf(rig))).body.access_token
  const asked = withAssertion(assertion(rig.pair, { claims: { aud: billingIssuer } }), { token })
  const { body } = await rig.ask(asked, { path: '/services/shop/billing/oauth/introspect' })
  expect(body).toMatchObject({ active: true, sub: 'partners.checkout', act: { sub: 'partners.partner' } })
  expect(body.aud).not.toBe(ordersAudience)
})
