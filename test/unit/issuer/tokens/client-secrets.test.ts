import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiClient } from '../installation.ts'
import { assertion, nowSeconds, ordersAudience, readParts, startTokens, withAssertion } from './rig.ts'
import { basic, makeSecret, secretKey } from './secret-keys.ts'

type Rig = Awaited<ReturnType<typeof startTokens>>
const clientId = 'partners.checkout'
const at = (seconds: number) => new Date((nowSeconds() + seconds) * 1_000).toISOString()
const current = makeSecret()
const before = makeSecret({ state: 'Retiring', notAfter: at(600) })
const ended = makeSecret({ state: 'Retiring', notAfter: at(-5) })
const revoked = makeSecret({ state: 'Revoked' })
const all = [current, before, ended, revoked]
const grant_type = 'client_credentials'

const start = () => startTokens(listed => ({ ...listed, accesskeys: [...(listed.accesskeys ?? []), secretKey(all)] }))
let rig: Rig
beforeAll(async () => {
  rig = await start()
})
afterAll(() => rig.close())

const failed = { status: 401, body: { error: 'invalid_client', error_description: 'client authentication failed' } }
const inForm = (secret: string, more: object = {}) =>
  rig.ask({ grant_type, client_id: clientId, client_secret: secret, ...more })
const inHeader = (headers: Record<string, string>, more: object = {}) => rig.ask({ grant_type, ...more }, { headers })
const told = async (asked: ReturnType<Rig['ask']>) => {
  const { status, body } = await asked
  return [status, body.error]
}

describe('a client secret', () => {
  it('gets an access token, in the form and in the header', async () => {
    for (const { status, body } of [await inForm(current.secret), await inHeader(basic(clientId, current.secret))]) {
      expect(status).toBe(200)
      expect(readParts(body.access_token).claims).toMatchObject({
        ...{ sub: clientId, client_id: clientId, aud: ordersAudience, roles: ['orders-reader'] },
      })
    }
  })

  it('counts beside the one that takes its place, until its own end', async () => {
    expect((await inForm(before.secret)).status).toBe(200)
    expect(await inForm(ended.secret)).toEqual(failed)
    expect(await inForm(revoked.secret)).toEqual(failed)
  })

  it('is read from the header as it is form-urlencoded there', async () => {
    const encoded = `partners%2echeckout:${current.secret.replace('_', '%5F')}`
    const authorization = `Basic ${Buffer.from(encoded).toString('base64')}`
    expect((await inHeader({ authorization })).status).toBe(200)
    expect((await inHeader({ authorization: authorization.replace('Basic', 'bAsIc') })).status).toBe(200)
  })

  it('introspects and revokes tokens of its client', async () => {
    const token = (await inForm(current.secret)).body.access_token
    const path = '/services/shop/orders/oauth'
    const ask = (endpoint: string) =>
      rig.ask({ token }, { path: `${path}/${endpoint}`, headers: basic(clientId, current.secret) })
    expect((await ask('introspect')).body.active).toBe(true)
    expect((await ask('revoke')).status).toBe(200)
    expect((await ask('introspect')).body).toEqual({ active: false })
  })

  it('gives what its AccessKey is narrowed to, and nothing from the request on in which that is revoked', async () => {
    const own = await start()
    const ask = () => told(own.ask({ grant_type, client_id: clientId, client_secret: current.secret }))
    expect(await ask()).toEqual([200, undefined])
    const narrowed = { roles: [{ namespace: 'shop', name: 'billing-reader' }] }
    await own.tell('accesskeys', 'MODIFIED', secretKey(all, '2', narrowed))
    expect(await ask()).toEqual([400, 'invalid_target'])
    await own.tell('accesskeys', 'MODIFIED', secretKey(all, '3', { revoked: { reason: 'Lost' } }))
    expect(await ask()).toEqual([401, 'invalid_client'])
    await own.close()
  })

  it('is of no use while its type, or the id of its hash, is another than the AccessKey vouches for', async () => {
    const own = await start()
    const ask = () => told(own.ask({ grant_type, client_id: clientId, client_secret: current.secret }))
    await own.tell('accesskeys', 'MODIFIED', secretKey([current], '2', { type: 'StaticSecret', services: [] }))
    expect(await ask()).toEqual([401, 'invalid_client'])
    const foreign = { ...current, key: { ...current.key, kid: before.key.kid } }
    await own.tell('accesskeys', 'MODIFIED', secretKey([foreign], '3'))
    expect(await ask()).toEqual([401, 'invalid_client'])
    await own.close()
  })
})

describe('a client secret that is refused', () => {
  it('O26 is told the same for an unknown client, a wrong secret, a client without secrets and a suspended one', async () => {
    const own = await start()
    const stranger = makeSecret().secret
    const ask = (client_id: string) => own.ask({ grant_type, client_id, client_secret: stranger })
    for (const one of ['partners.none', clientId, 'partners.partner', 'a'.repeat(2_000)]) {
      expect(await ask(one)).toEqual(failed)
    }
    await own.tell('apiclients', 'MODIFIED', apiClient('checkout', '2', { suspended: true }))
    expect(await own.ask({ grant_type, client_id: clientId, client_secret: current.secret })).toEqual(failed)
    await own.close()
  })

  it('is told of a typo before anything is looked up, whoever is named', async () => {
    const typo = current.secret.replace(/.$/, last => (last === 'a' ? 'b' : 'a'))
    const answers = [await inForm(typo), await inForm(typo, { client_id: 'partners.none' })]
    const description = 'the client secret is not written as one: its checksum says so'
    for (const answer of answers) {
      expect(answer).toEqual({ status: 401, body: { error: 'invalid_client', error_description: description } })
    }
  })

  it.each<[string, () => Record<string, string>, Record<string, string>, number, string]>([
    [
      'header and form',
      () => basic(clientId, current.secret),
      { client_secret: current.secret },
      400,
      'invalid_request',
    ],
    [
      'header and assertion',
      () => basic(clientId, current.secret),
      { client_assertion: 'a.b.c' },
      400,
      'invalid_request',
    ],
    ['the id of another in the form', () => basic(clientId, current.secret), { client_id: 'x' }, 401, 'invalid_client'],
    ['no client id', () => ({}), { client_secret: current.secret }, 400, 'invalid_request'],
    ['an empty secret', () => ({}), { client_secret: '', client_id: clientId }, 401, 'invalid_client'],
    ['an empty password', () => basic(clientId, ''), {}, 401, 'invalid_client'],
    ['no base64', () => ({ authorization: 'Basic %%%' }), {}, 401, 'invalid_client'],
    ['base64 of another spelling', () => ({ authorization: 'Basic YTpi=' }), {}, 401, 'invalid_client'],
    ['no colon', () => ({ authorization: 'Basic YWI=' }), {}, 401, 'invalid_client'],
    ['a bad escape', () => ({ authorization: `Basic ${btoa('a%zz:b')}` }), {}, 401, 'invalid_client'],
    ['another scheme', () => ({ authorization: 'Digest a' }), {}, 401, 'invalid_client'],
  ])('with %s has the code of the RFC', async (_, headers, more, status, error) => {
    expect(await told(inHeader(headers(), more))).toEqual([status, error])
  })

  it('is told of the scheme where it stood in the header, and only there', async () => {
    const send = (headers: Record<string, string>, form: Record<string, string>) =>
      rig.send('/oauth/token', { method: 'POST', headers, body: new URLSearchParams({ grant_type, ...form }) })
    const wrong = makeSecret().secret
    const header = await send(basic('partners.none', wrong), {})
    const form = await send({}, { client_id: 'partners.none', client_secret: wrong })
    const scheme = 'Basic realm="latchkey"'
    expect([header, form].map(({ status, headers }) => [status, headers.get('www-authenticate')])).toEqual([
      [401, scheme],
      [401, null],
    ])
  })
})

describe('who guesses a secret', () => {
  it('is refused after ten wrong ones of a client, and delays nobody else', async () => {
    const own = await start()
    const ask = (secret: string, client_id = clientId) => own.ask({ grant_type, client_id, client_secret: secret })
    const wrong = await Promise.all(Array.from({ length: 14 }, () => ask(makeSecret().secret)))
    const statuses = wrong.map(({ status }) => status)
    expect(statuses.filter(status => status === 401).length).toBeLessThanOrEqual(12)
    expect(statuses.at(-1)).toBe(429)
    expect(await ask(makeSecret().secret)).toMatchObject({ status: 429, body: { error: 'slow_down' } })
    expect((await ask(makeSecret().secret, 'partners.partner')).status).toBe(401)
    expect((await own.ask(withAssertion(assertion(own.pair)))).status).toBe(200)
    await own.close()
  })
})

describe('a client', () => {
  it('that asks more often than it may is told to wait, and others are not', async () => {
    const own = await startTokens(undefined, undefined, { clientRate: 1 })
    const path = '/services/shop/billing/oauth/token'
    const aud = 'https://i.test/default/services/shop/billing'
    const other = { iss: 'partners.partner', sub: 'partners.partner', aud }
    const { size } = own.memory.records
    const asked = [0, 1, 2, 3].map(() => own.ask(withAssertion(assertion(own.pair, { claims: { aud } })), { path }))
    expect((await Promise.all(asked)).map(({ status }) => status).sort()).toEqual([200, 200, 200, 429])
    // What is refused so takes no place in the store.
    expect(own.memory.records.size).toBe(size + 3)
    expect((await own.ask(withAssertion(assertion(own.partner, { claims: other })), { path })).status).toBe(200)
    await own.close()
  })

  it('fills no more than its share of a server with assertions', async () => {
    const own = await startTokens(undefined, undefined, { assertionsOfClient: 2 })
    const path = '/services/shop/billing/oauth/token'
    const aud = 'https://i.test/default/services/shop/billing'
    const other = { iss: 'partners.partner', sub: 'partners.partner', aud }
    const ask = () => own.ask(withAssertion(assertion(own.pair, { claims: { aud } })), { path })
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 200])
    expect(await ask()).toMatchObject({ status: 429, body: { error: 'slow_down' } })
    expect((await own.ask(withAssertion(assertion(own.partner, { claims: other })), { path })).status).toBe(200)
    expect((await own.ask(withAssertion(assertion(own.pair)))).status).toBe(200)
    await own.close()
  })
})

it('an address that asks more often than it may is told when to come again, before anything of it is read', async () => {
  const own = await startTokens(undefined, undefined, { peerRate: 1 })
  const ask = () => own.send('/oauth/token', { method: 'POST', body: 'x' })
  const answers = [await ask(), await ask(), await ask(), await ask()]
  expect(answers.map(({ status }) => status)).toEqual([415, 415, 415, 429])
  expect([answers[3]?.body.error, answers[3]?.headers.get('retry-after')]).toEqual(['slow_down', '1'])
  await own.close()
})
