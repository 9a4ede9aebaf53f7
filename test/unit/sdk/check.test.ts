import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type CheckRequest, verifier } from '../../../sdk/verifier.ts'
import { type AnsweringIssuer, startAnsweringIssuer } from './answering-issuer.ts'

const allowed = { pass: true, decision: 'allow', reason: 'granted', status: 200 }
const call = { authorization: 'Bearer secret-of-a-caller', method: 'GET', path: '/orders' }
let issuer: AnsweringIssuer

beforeAll(async () => {
  issuer = await startAnsweringIssuer()
})
afterAll(() => issuer.close())
beforeEach(() =>
  issuer.answerWith(({ body }) => ({
    status: 200,
    body: {
      results: (JSON.parse(body).checks as CheckRequest[]).map(one => ({
        ...allowed,
        route: 'path' in one ? one.path : '',
      })),
    },
  })),
)

const newVerifier = (token: string | (() => string) = () => 'own', more: object = {}) =>
  verifier({ issuer: issuer.url, audience: 'a', ca: issuer.ca, check: { service: 'shop/orders', token }, ...more })
const errorOf = (promise: Promise<unknown>) => promise.then(() => undefined).catch(error => error)

test('asks for the service, as its own service account', async () => {
  expect(await newVerifier().check(call)).toEqual({ ...allowed, route: '/orders' })
  expect(issuer.asked).toEqual([
    {
      path: '/default/v1/check',
      authorization: 'Bearer own',
      body: JSON.stringify({ service: 'shop/orders', checks: [call] }),
    },
  ])
})

test('reads the token from its file at each request', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-token-'))
  const file = join(directory, 'token')
  const one = newVerifier(file)
  for (const text of ['first\n', 'second\n']) {
    writeFileSync(file, text)
    await one.check({ permission: { action: 'read', resource: 'orders/7' } })
  }
  expect(issuer.asked.map(({ authorization }) => authorization)).toEqual(['Bearer first', 'Bearer second'])
  rmSync(directory, { recursive: true })
  expect((await errorOf(one.check(call))).code).toBe('key_missing')
})

test('asks in batches that the issuer takes, and keeps the order', async () => {
  const calls = Array.from({ length: 205 }, (_, at) => ({ ...call, path: `/${at}` }))
  const results = await newVerifier().check(calls)
  expect(results.map(({ route }) => route)).toEqual(calls.map(({ path }) => path))
  expect(issuer.asked.map(({ body }) => JSON.parse(body).checks.length)).toEqual([100, 100, 5])
  issuer.asked.length = 0
  await newVerifier().check(calls.slice(0, 20).map(one => ({ ...one, authorization: `Bearer ${'x'.repeat(10_000)}` })))
  for (const { body } of issuer.asked) expect(Buffer.byteLength(body)).toBeLessThanOrEqual(131_072)
  expect(issuer.asked).toHaveLength(2)
  expect(await newVerifier().check([])).toEqual([])
})

test('denies what no guard would read, without asking', async () => {
  const long = { ...call, path: `/${'x'.repeat(16_384)}` }
  expect(await newVerifier().check([long, call])).toMatchObject([
    { pass: false, status: 400, reason: 'request_malformed' },
    { pass: true },
  ])
  expect(issuer.asked).toHaveLength(1)
})

describe('lets nobody pass', () => {
  test.each([
    ['is too busy', { status: 503, body: {} }, 'check_unavailable'],
    ['is asked too often', { status: 429, body: {} }, 'check_unavailable'],
    ['answers no JSON', { status: 200, body: 'yes' }, 'check_unavailable'],
    ['answers fewer than were asked', { status: 200, body: { results: [] } }, 'check_unavailable'],
    [
      'does not say what is to be done',
      { status: 200, body: { results: [{ pass: 'yes', reason: '' }] } },
      'check_unavailable',
    ],
    ['does not know who asks', { status: 401, body: { code: 'invalid_token' } }, 'check_refused'],
    ['may not tell who asks', { status: 403, body: { code: 'forbidden' } }, 'check_refused'],
    ['cannot read what is asked', { status: 400, body: { code: 'request_malformed' } }, 'check_refused'],
  ])('when the issuer %s', async (_, answer, code) => {
    issuer.answerWith(() => answer)
    const error = await errorOf(newVerifier().check(call))
    expect(error.code).toBe(code)
    expect(error.message).not.toContain('secret-of-a-caller')
  })

  test('when the issuer cannot be reached, or names no endpoint', async () => {
    issuer.answerWith(
      () => ({ status: 200, body: {} }),
      (url: string) => ({ issuer: url }),
    )
    expect((await errorOf(newVerifier().check(call))).code).toBe('check_unavailable')
    expect((await errorOf(newVerifier(() => 'own', { ca: undefined }).check(call))).code).toBe('check_unavailable')
  })

  test('when it was not said whose policy decides', async () => {
    const none = verifier({ issuer: issuer.url, audience: 'a', ca: issuer.ca })
    expect((await errorOf(none.check(call))).code).toBe('option_invalid')
    expect(() => newVerifier(() => 'own', { check: { service: 'orders' } })).toThrow('namespace/name')
  })
})
