import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assertion, ordersAudience, ordersIssuer, startTokens, withAssertion } from './rig.ts'

type Rig = Awaited<ReturnType<typeof startTokens>>
const account = 'shop/orders'
const orders = '/services/shop/orders/oauth'
const inactive = { status: 200, body: { active: false } }

async function start() {
  const own = await startTokens()
  own.cluster.allow(account, 'shop/orders')
  return own
}
let rig: Rig
beforeAll(async () => {
  rig = await start()
})
afterAll(() => rig.close())

async function newToken(own = rig): Promise<string> {
  return (await own.ask(withAssertion(assertion(own.pair)))).body.access_token
}
const ask = (own: Rig, endpoint: string, form: Record<string, string>, authorization = own.cluster.bearer(account)) =>
  own.ask(form, { path: `${orders}/${endpoint}`, headers: { authorization } })

describe('a service account that may enforce at a service', () => {
  it('is told all of a token for that service', async () => {
    const { body } = await ask(rig, 'introspect', { token: await newToken() })
    expect(body).toMatchObject({
      active: true,
      aud: ordersAudience,
      client_id: 'partners.checkout',
      roles: ['orders-reader'],
    })
  })

  it('revokes it, at every replica', async () => {
    const token = await newToken()
    expect(await ask(rig, 'revoke', { token })).toEqual({ status: 200, body: '' })
    expect(await ask(rig, 'introspect', { token })).toEqual(inactive)
    const own = { path: `${orders}/introspect`, replica: 1 }
    expect(await rig.ask(withAssertion(assertion(rig.pair), { token }), own)).toEqual(inactive)
  })

  it('asks the API server once in ten seconds about its token and its right', async () => {
    const own = await start()
    const token = await newToken(own)
    const authorization = own.cluster.bearer(account)
    for (let index = 0; index < 10; index++) await ask(own, 'introspect', { token }, authorization)
    expect([own.cluster.reviews, own.cluster.asked]).toEqual([1, 1])
    await own.close()
  })

  it('is told of nothing that is no token of this server, without its right being asked for', async () => {
    const own = await start()
    for (const token of ['none', assertion(own.pair)]) {
      expect(await ask(own, 'introspect', { token })).toEqual(inactive)
    }
    expect(own.cluster.asked).toBe(0)
    const elsewhere = { path: '/oauth/introspect', headers: { authorization: own.cluster.bearer(account) } }
    expect(await own.ask({ token: await newToken(own) }, elsewhere)).toEqual(inactive)
    await own.close()
  })
})

describe('a service account without the verb enforce', () => {
  it.each(['shop/billing', 'partners/orders'])('O25 %s is told of no token, and revokes none', async other => {
    const token = await newToken()
    const authorization = rig.cluster.bearer(other)
    expect(await ask(rig, 'introspect', { token }, authorization)).toEqual(inactive)
    expect((await ask(rig, 'revoke', { token }, authorization)).status).toBe(200)
    expect((await ask(rig, 'introspect', { token })).body.active).toBe(true)
  })
})

describe('a bearer token', () => {
  it.each<[string, () => string]>([
    ['that is none', () => 'Bearer'],
    ['of another form', () => 'Bearer a b'],
    ['for another audience', () => rig.cluster.bearer(account, { aud: [ordersIssuer] })],
    ['that has ended', () => rig.cluster.bearer(account, { exp: 1 })],
    ['that is an access token', () => `Bearer ${assertion(rig.pair)}`],
  ])('%s is refused with what RFC 6750 says', async (_, authorization) => {
    for (const endpoint of ['introspect', 'revoke']) {
      const init = {
        method: 'POST',
        headers: { authorization: authorization() },
        body: new URLSearchParams({ token: 'a' }),
      }
      const { status, headers, body } = await rig.send(`${orders}/${endpoint}`, init)
      expect([status, body.error]).toEqual([401, 'invalid_token'])
      expect(headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
    }
  })

  it('beside another proof, or without the parameter token, is refused', async () => {
    for (const form of [withAssertion(assertion(rig.pair), { token: 'a' }), {}]) {
      const { status, body } = await ask(rig, 'introspect', form as Record<string, string>)
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    }
  })

  it('gets no access token by client_credentials', async () => {
    const { status, body } = await ask(rig, 'token', { grant_type: 'client_credentials' })
    expect([status, body.error]).toEqual([401, 'invalid_client'])
  })
})

it('O25 says that it does not know while the API server or the store is away, and nothing is lost by that', async () => {
  const own = await start()
  const token = await newToken(own)
  const authorization = own.cluster.bearer(account)
  own.cluster.away = true
  for (const endpoint of ['introspect', 'revoke']) {
    const { status, body } = await ask(own, endpoint, { token }, authorization)
    expect([status, body.error]).toEqual([503, 'temporarily_unavailable'])
  }
  own.cluster.away = false
  own.memory.refuse('put')
  expect((await ask(own, 'revoke', { token }, authorization)).status).toBe(503)
  own.memory.comeBack()
  expect((await ask(own, 'introspect', { token }, authorization)).body.active).toBe(true)
  expect((await ask(own, 'revoke', { token }, authorization)).status).toBe(200)
  expect(await ask(own, 'introspect', { token }, authorization)).toEqual(inactive)
  await own.close()
})
