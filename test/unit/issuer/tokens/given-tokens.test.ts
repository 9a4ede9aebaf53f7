import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { revocationId } from '../../../../core/credential/revocation.ts'
import {
  accessKey,
  assertion,
  issuerUrl,
  makePair,
  ordersAudience,
  ordersIssuer,
  readParts,
  startTokens,
  withAssertion,
} from './rig.ts'

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

  it('calls a token inactive whose key counts no more', async () => {
    const own = await startTokens()
    const second = makePair()
    await own.tell('accesskeys', 'ADDED', accessKey('second', 'checkout', second, '20'))
    const ask = (form: object, endpoint = 'token') => own.ask(form as never, { path: `${orders}/${endpoint}` })
    await expect.poll(async () => (await ask(withAssertion(assertion(second)))).status).toBe(200)
    const token = (await ask(withAssertion(assertion(second)))).body.access_token
    const introspected = () => ask(withAssertion(assertion(own.pair), { token }), 'introspect')
    expect((await introspected()).body.active).toBe(true)
    await own.tell(
      'accesskeys',
      'MODIFIED',
      accessKey('second', 'checkout', second, '21', { revoked: { reason: 'leak' } }),
    )
    await expect.poll(introspected).toEqual(inactive)
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

  it('tells guards which token it was, whose and until when, and nothing that could be used', async () => {
    const token = await newToken()
    const { iat, exp, jti } = readParts(token).claims as { iat: number; exp: number; jti: string }
    await revoke(asCheckout({ token }))
    const [record] = [...rig.memory.records.values()].filter(({ value }) => value?.issuedAt !== undefined).slice(-1)
    expect(record).toEqual({
      endsAt: exp + 30,
      value: {
        ...{ clientId: 'partners.checkout', audience: ordersAudience, issuedAt: iat },
        id: revocationId(ordersIssuer, jti),
      },
    })
  })

  it('beyond the share of a client takes all its earlier tokens back, of every server, and none that comes later', async () => {
    const own = await startTokens()
    const ask = (form: object, endpoint: string) => own.ask(form as never, { path: `${orders}/${endpoint}` })
    const get = async () => (await own.ask(withAssertion(assertion(own.pair)))).body.access_token as string
    const [token, another] = [await get(), await get()]
    const live = { clientId: 'partners.checkout', audience: ordersAudience, issuedAt: 1, endsAt: 9e9 }
    for (let at = 0; at < 1_000; at++) own.revocations.take({ ...live, id: `${at}` })
    const mine = (text: string) => withAssertion(assertion(own.pair), { token: text })
    expect((await ask(mine(token), 'revoke')).status).toBe(200)
    for (const text of [token, another]) expect(await ask(mine(text), 'introspect')).toEqual(inactive)
    const now = Math.floor(Date.now() / 1_000)
    const whole = [...own.memory.records].find(([name]) => name.includes('client partners.checkout'))?.[1]
    expect(whole?.value).toMatchObject({ clientId: 'partners.checkout' })
    expect(Number(whole?.value?.upTo)).toBeLessThanOrEqual(now)
    await vi.waitFor(() => expect(Math.floor(Date.now() / 1_000)).toBeGreaterThan(Number(whole?.value?.upTo)), 3_000)
    expect((await ask(mine(await get()), 'introspect')).body.active).toBe(true)
    await own.close()
  })

  it('leaves no answer about a token while the store is away', async () => {
    const token = await newToken()
    rig.memory.refuse('get')
    expect((await introspect(asCheckout({ token }))).status).toBe(503)
    rig.memory.comeBack()
  })
})
