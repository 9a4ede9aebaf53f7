import { afterEach, describe, expect, it } from 'vitest'
import type { Row } from '../../../../core/rows/rows.ts'
import { writeApiKey, writeStaticSecret } from '../../../../core/secret/presented.ts'
import { maxCheckBytes, maxChecks } from '../../../../issuer/check/read-checks.ts'
import { alice, audience, bob, nowSeconds, rowsOf } from '../../../guard/policy-rows.ts'
import { knownSecrets } from '../../core/secret/secrets.ts'
import { guardToken, secretRows, sliceOfRows, startCheck } from './rig.ts'

const [staticOne, keyOne] = knownSecrets
const secret = writeStaticSecret({ clientId: alice.clientId, ...staticOne })
const key = writeApiKey(keyOne)
const call = { method: 'GET', path: '/api/x' }

let running: Awaited<ReturnType<typeof startCheck>> | undefined
afterEach(async () => {
  await running?.close()
  running = undefined
})
async function start(rows: Row[] = rowsOf(), change: Parameters<typeof startCheck>[1] = {}) {
  running = await startCheck([sliceOfRows(rows)], change)
  return running
}

describe('a check', () => {
  it('says what a guard would, and whose call it is', async () => {
    const { check } = await start()
    expect(await check({ authorization: `Bearer ${alice.token()}`, ...call })).toEqual([
      {
        ...{ pass: true, decision: 'allow', reason: 'granted', status: 200 },
        client: {
          ...{ id: alice.clientId, name: 'callers/alice', subject: alice.clientId, key: alice.key.kid },
          ...{ credential: 'ClientToken', scopes: [] },
        },
        ...{ roles: ['caller'], rule: 'role/caller#0', grant: 'alice-calls' },
        attributes: { tenant: 'acme', note: 'a, "b"\r\nX-Evil: 1' },
      },
    ])
  })

  it('tells apart whose fault a refusal is: in reason, detail and challenge', async () => {
    const { check } = await start(
      rowsOf({ alice: { keys: [alice.key] } }).map(row =>
        row.type === 'client' && row.name === 'bob' ? { ...row, keys: [{ ...bob.key, revoked: true as const }] } : row,
      ),
    )
    const past = { iat: nowSeconds() - 600, exp: nowSeconds() - 300 }
    const authorizations = [
      alice.token(past),
      bob.token(),
      alice.token({ aud: 'https://billing.shop.svc' }),
      `${alice.token().slice(0, -8)}AAAAAAAA`,
    ].map(token => `Bearer ${token}`)
    const results = await check(...authorizations.map(authorization => ({ authorization, ...call })), call)
    expect(results.map(({ status, reason }) => `${status} ${reason}`)).toEqual([
      '401 token_expired',
      '401 key_revoked',
      '401 wrong_audience',
      '401 invalid_token',
      '401 credential_missing',
    ])
    for (const member of ['reason', 'detail', 'challenge'])
      expect(new Set(results.map(result => result[member])).size).toBe(results.length)
    expect(results.at(-1)?.challenge).toBe(`Bearer realm="${audience}"`)
    expect(results.every(result => result.pass === false && !('client' in result))).toBe(true)
  })

  it('says of a client that may not what it lacks', async () => {
    const grant = { type: 'grant', name: 'b', role: 'caller', clients: [bob.clientId] } as const
    const { check } = await start([...rowsOf(), grant])
    const [result] = await check({ authorization: `Bearer ${bob.token()}`, method: 'GET', path: '/other' })
    expect(result).toMatchObject({ pass: false, status: 403, reason: 'not_granted', missing: 'GET /other' })
    expect(result).toMatchObject({
      client: { name: 'callers/bob' },
      challenge: expect.stringMatching(/insufficient_scope/),
    })
  })

  it.each([
    ['a static secret', { authorization: `Bearer ${secret}` }, 'StaticSecret'],
    ['an API key behind Basic', { authorization: `Basic ${key}` }, 'ApiKey'],
    ['an API key of a header', { apiKey: key }, 'ApiKey'],
    ['an API key that is still in the query', { path: `/api/x?api-key=${key}` }, 'ApiKey'],
  ])('proves %s', async (_, credential, kind) => {
    const { check, log } = await start(secretRows())
    const [result] = await check({ ...call, ...credential })
    expect(result).toMatchObject({ pass: true, client: { credential: kind } })
    expect(JSON.stringify([result, log.lines])).not.toMatch(/lks_|YWNjX/)
  })

  it('proves an API key where the service takes it in the query alone', async () => {
    const { check } = await start(secretRows({ apiKey: { query: 'api-key' } }))
    expect(await check({ ...call, apiKey: key })).toMatchObject([{ pass: true }])
  })

  it.each([
    [
      'an API key at a service that names no place for one',
      { apiKey: undefined },
      { apiKey: key },
      'credential_unsupported',
    ],
    ['a kind that the service does not take', { accepts: ['ClientToken'] }, { apiKey: key }, 'credential_unsupported'],
    ['two credentials', {}, { apiKey: key, authorization: `Bearer ${secret}` }, 'credential_ambiguous'],
    ['an API key given twice', {}, { apiKey: key, path: `/api/x?api-key=${key}` }, 'credential_ambiguous'],
    ['a secret with a typo', {}, { authorization: `Bearer ${secret.slice(0, -1)}!` }, 'invalid_token'],
    ['a path that can be read in two ways', {}, { path: '/api/../x' }, 'path_malformed'],
    ['a target that is no path', {}, { path: 'https://orders/x' }, 'request_malformed'],
  ])('refuses %s', async (_, service, check, reason) => {
    const one = await start(secretRows(service))
    expect(await one.check({ ...call, ...check })).toMatchObject([{ pass: false, reason }])
  })

  it('lets public paths pass without a credential, and says so', async () => {
    const { check } = await start()
    expect(await check({ method: 'GET', path: '/open/x' })).toEqual([
      { pass: true, decision: 'allow', reason: 'public', status: 200 },
    ])
  })

  it('lets through what audit mode would, and says that it is denied', async () => {
    const { check } = await start(rowsOf({ service: { mode: 'Audit' } }))
    expect(await check(call)).toMatchObject([{ pass: true, decision: 'deny', reason: 'credential_missing' }])
  })

  it('may ask about a permission, with no path at hand', async () => {
    const rules = [{ index: 0, permissions: [{ action: 'read', resources: ['orders/{id}'] }] }]
    const role = { type: 'role', name: 'caller', rules } as const
    const { check } = await start([...rowsOf().filter(({ type }) => type !== 'role'), role])
    const authorization = `Bearer ${alice.token()}`
    const about = (resource: string) => ({ authorization, permission: { action: 'read', resource } })
    expect(await check(about('orders/7'), about('orders'))).toMatchObject([
      { pass: true, grant: 'alice-calls' },
      { pass: false, reason: 'not_granted', missing: 'read orders' },
    ])
  })

  it('counts a revocation that came between two', async () => {
    const slice = sliceOfRows(rowsOf())
    running = await startCheck([slice])
    const one = { authorization: `Bearer ${alice.token()}`, ...call }
    expect(await running.check(one)).toMatchObject([{ reason: 'granted' }])
    slice.renew([{ ...alice.row, keys: [{ ...alice.key, revoked: true }] }])
    expect(await running.check(one)).toMatchObject([{ reason: 'key_revoked' }])
    slice.replace(rowsOf().filter(({ type }) => type !== 'grant'))
    expect(await running.check(one)).toMatchObject([{ reason: 'not_granted' }])
  })

  it('is refused where the service has no policy that could be made', async () => {
    const { check } = await start([])
    expect(await check(call)).toMatchObject([{ pass: false, status: 503, reason: 'policy_missing' }])
  })

  it('says what a hundred would get, in their order', async () => {
    const { check } = await start()
    const checks = Array.from({ length: maxChecks }, (_, at) => ({
      method: 'GET',
      path: at % 2 ? '/open/x' : '/api/x',
    }))
    expect((await check(...checks)).map(({ pass }) => pass)).toEqual(checks.map((_, at) => at % 2 === 1))
  })
})

describe('who asks', () => {
  const body = { service: 'shop/orders', checks: [call] }

  it.each([
    ['without a token', {}, 401, 'Bearer'],
    ['with one that is not good', { authorization: 'Bearer x.y.z' }, 401, 'Bearer error="invalid_token"'],
  ])('%s is told to bring one', async (_, headers, status, challenge) => {
    const { send, asked } = await start()
    const answer = await send(body, { headers: { 'content-type': 'application/json', ...headers } as never })
    expect([answer.status, answer.headers.get('www-authenticate'), asked]).toEqual([status, challenge, []])
  })

  it('needs the verb enforce on the service that is asked about', async () => {
    const { send, asked } = await start()
    const answer = await send({ ...body, service: 'other/orders' })
    expect([answer.status, answer.body.code]).toEqual([403, 'forbidden'])
    expect(asked).toEqual(['system:serviceaccount:shop:orders other/orders'])
  })

  it.each([
    ['there is none', 'shop/none', 404, 'service_not_found'],
    ['its policy is held back', 'shop/held-back', 503, 'not_ready'],
  ])('is told of a service when %s', async (_, service, status, code) => {
    const answer = await (await start()).send({ ...body, service })
    expect([answer.status, answer.body.code]).toEqual([status, code])
  })

  it('waits while too much is under way, or nothing can be said', async () => {
    const busy = { review: async () => 'busy' as const, mayEnforce: async () => true }
    expect((await (await start(rowsOf(), { callers: busy })).send(body)).body.code).toBe('too_busy')
    await running?.close()
    const lost = { ...busy, review: () => Promise.reject(new Error('no answer')) }
    expect((await (await start(rowsOf(), { callers: lost })).send(body)).body.code).toBe('unavailable')
    await running?.close()
    const answer = await (await start(rowsOf(), { ready: () => false })).send(body)
    expect([answer.status, answer.body.code, answer.headers.get('retry-after')]).toEqual([503, 'not_ready', '1'])
  })

  it('is slowed down that asks too often', async () => {
    const { send } = await start(rowsOf(), { rate: { perSecond: 0.5, burst: 1 } })
    expect((await send(body)).status).toBe(200)
    const slowed = await send(body)
    expect([slowed.status, slowed.headers.get('retry-after')]).toEqual([429, '2'])
  })
})

describe('a body', () => {
  const checks = [call]
  it.each([
    ['no JSON', '{'],
    ['a list', []],
    ['a member twice', '{"service":"shop/orders","service":"shop/orders","checks":[]}'],
    ['no service', { checks }],
    ['a service without its namespace', { service: 'orders', checks }],
    ['a member that nobody knows', { service: 'shop/orders', checks, dryRun: true }],
    ['no checks', { service: 'shop/orders', checks: [] }],
    ['more than a hundred', { service: 'shop/orders', checks: Array(maxChecks + 1).fill(call) }],
    ['a check that is none', { service: 'shop/orders', checks: [null] }],
    ['a misspelt member', { service: 'shop/orders', checks: [{ ...call, authorisation: 'Bearer x' }] }],
    ['a method without a path', { service: 'shop/orders', checks: [{ method: 'GET' }] }],
    [
      'a path and a permission',
      { service: 'shop/orders', checks: [{ ...call, permission: { action: 'a', resource: 'b' } }] },
    ],
    ['half a permission', { service: 'shop/orders', checks: [{ permission: { action: 'a' } }] }],
    [
      'a resource in no normal form',
      { service: 'shop/orders', checks: [{ permission: { action: 'a', resource: '/b' } }] },
    ],
    ['a credential that is no text', { service: 'shop/orders', checks: [{ ...call, authorization: ['Bearer x'] }] }],
    ['a key that is no text', { service: 'shop/orders', checks: [{ ...call, apiKey: 7 }] }],
  ])('with %s is refused, and nothing of it is told', async (_, body) => {
    const { send, log } = await start()
    const answer = await send(body)
    expect([answer.status, answer.body.code]).toEqual([400, 'request_malformed'])
    expect(JSON.stringify([answer.body, log.lines])).not.toContain('Bearer x')
  })

  it('says which check is wrong', async () => {
    const { body } = await (await start()).send({ service: 'shop/orders', checks: [call, { path: '/' }] })
    expect(body.detail).toBe('checks[1]: it must have method and path, or permission')
  })

  it.each([
    ['of another type', { 'content-type': 'text/plain' }, 415],
    ['in another encoding', { 'content-type': 'application/json; charset=latin1' }, 415],
    ['compressed', { 'content-type': 'application/json', 'content-encoding': 'gzip' }, 415],
  ])('%s is refused', async (_, headers, status) => {
    const { send } = await start()
    const answer = await send('{}', { headers: { ...headers, authorization: `Bearer ${guardToken}` } as never })
    expect(answer.status).toBe(status)
  })

  it('that is too long is refused, with a length or without', async () => {
    const { send, url } = await start()
    const text = ' '.repeat(maxCheckBytes + 1)
    expect((await send(text)).status).toBe(413)
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${guardToken}` }
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode(text))
        controller.close()
      },
    })
    const streamed = await fetch(url, { method: 'POST', headers, body, duplex: 'half' } as RequestInit)
    expect(streamed.status).toBe(413)
  })

  it('is sent by POST', async () => {
    const { url } = await start()
    const answer = await fetch(url)
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
  })
})
