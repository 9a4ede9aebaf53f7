import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assertion, issuerUrl, ordersAudience, ordersIssuer, readParts, startTokens, withAssertion } from './rig.ts'

let rig: Awaited<ReturnType<typeof startTokens>>
beforeAll(async () => {
  rig = await startTokens()
})
afterAll(() => rig.close())

const partner = { iss: 'partners.partner', sub: 'partners.partner' }
const orders = '/services/shop/orders/oauth'

async function newToken(): Promise<string> {
  return (await rig.ask(withAssertion(assertion(rig.pair)))).body.access_token
}

const asCheckout = (more: object) => withAssertion(assertion(rig.pair), more as never)
const asPartner = (more: object) => withAssertion(assertion(rig.partner, { claims: partner }), more as never)
const introspect = (form: ReturnType<typeof asCheckout>, replica = 0) =>
  rig.ask(form, { path: `${orders}/introspect`, replica })
const revoke = (form: ReturnType<typeof asCheckout>, replica = 0) =>
  rig.ask(form, { path: `${orders}/revoke`, replica })
const inactive = { status: 200, body: { active: false } }

describe('introspection', () => {
  it('tells a client all that its own token says', async () => {
    const token = await newToken()
    const { iat, exp, jti } = readParts(token).claims
    expect(await introspect(asCheckout({ token }))).toEqual({
      status: 200,
      body: {
        ...{ active: true, iss: ordersIssuer, aud: ordersAudience, iat, exp, jti, token_type: 'Bearer' },
        ...{ sub: 'partners.checkout', client_id: 'partners.checkout', roles: ['orders-reader'] },
      },
    })
  })

  it('calls everything else inactive: a token of another client, of another server, a forged one, none at all', async () => {
    const token = await newToken()
    const [head, , signature] = token.split('.')
    const forged = `${head}.${Buffer.from(JSON.stringify({ ...readParts(token).claims, exp: 9e9 })).toString('base64url')}.${signature}`
    expect(await introspect(asPartner({ token }))).toEqual(inactive)
    for (const text of [forged, assertion(rig.pair), 'a.b.c', 'none']) {
      expect(await introspect(asCheckout({ token: text }))).toEqual(inactive)
    }
    const claims = { aud: issuerUrl }
    const elsewhere = withAssertion(assertion(rig.pair, { claims }), { token })
    expect(await rig.ask(elsewhere, { path: '/oauth/introspect' })).toEqual(inactive)
  })

  it('knows a token whose key signs no more, and none of a key that is gone', async () => {
    const own = await startTokens()
    const token = (await own.ask(withAssertion(assertion(own.pair)))).body.access_token
    const ask = () => own.ask(withAssertion(assertion(own.pair), { token }), { path: `${orders}/introspect` })
    own.rotateSigner()
    expect((await ask()).body.active).toBe(true)
    own.signing.keys = own.signing.keys.slice(0, 1)
    expect(await ask()).toEqual(inactive)
    await own.close()
  })

  it('is answered to nobody who does not prove to be a client, and needs a token', async () => {
    expect((await introspect(withAssertion('a.b.c', { token: await newToken() }))).status).toBe(401)
    const { status, body } = await introspect(asCheckout({}))
    expect([status, body.error]).toEqual([400, 'invalid_request'])
  })
})

describe('revocation', () => {
  it('makes a token inactive at every replica', async () => {
    const token = await newToken()
    expect(await revoke(asCheckout({ token }), 0)).toEqual({ status: 200, body: '' })
    expect(await introspect(asCheckout({ token }), 1)).toEqual(inactive)
  })

  it('O25 has no effect on a token of another client, and tells nobody so', async () => {
    const token = await newToken()
    expect(await revoke(asPartner({ token }))).toEqual({ status: 200, body: '' })
    expect((await introspect(asCheckout({ token }))).body.active).toBe(true)
  })

  it('takes what is no token, and keeps nothing of it', async () => {
    const { size } = rig.memory.records
    expect((await revoke(asCheckout({ token: 'none' }))).status).toBe(200)
    // The assertion.
    expect(rig.memory.records.size).toBe(size + 1)
    const { status, body } = await revoke(asCheckout({}))
    expect([status, body.error]).toEqual([400, 'invalid_request'])
  })

  it('O25 that cannot be kept is never called done', async () => {
    const token = await newToken()
    rig.memory.refuse('put')
    expect((await revoke(asCheckout({ token }))).status).toBe(503)
    rig.memory.comeBack()
    expect((await introspect(asCheckout({ token }))).body.active).toBe(true)
  })

  it('leaves no answer about a token while the store is away', async () => {
    const token = await newToken()
    rig.memory.refuse('get')
    expect((await introspect(asCheckout({ token }))).status).toBe(503)
    rig.memory.comeBack()
  })
})
