import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { readDecision } from '../../../sdk/decision-header.ts'
import { createFetch } from '../../../sdk/fetch.ts'
import { tokenProvider } from '../../../sdk/token-provider.ts'
import { clientJwk, decode } from './mounted-secret.ts'

const audience = 'https://orders.shop.svc'
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections()
})

interface Seen {
  readonly method: string
  readonly authorization: string | undefined
  readonly body: string
}

/** A server that notes what it is sent. @param answer gets the number of the request, from 1 */
async function serve(answer: (response: ServerResponse, number: number, request: IncomingMessage) => void) {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    seen.push({ method: request.method ?? '', authorization: request.headers.authorization, body })
    answer(response, seen.length, request)
  })
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

const deny = (reason: string, by = 'guard') => ({ 'latchkey-decision': `deny; reason=${reason}; by=${by}` })
const here = () => audience

test('carries a token for the audience of the service', async () => {
  const { url, seen } = await serve(response => response.end('fine'))
  const call = createFetch(tokenProvider({ key: clientJwk() }), { audience: here })
  const answer = await call(`${url}/orders`, { method: 'POST', body: 'one', headers: { 'x-mine': 'kept' } })
  expect(await answer.text()).toBe('fine')
  expect(seen).toHaveLength(1)
  expect(decode(seen[0]?.authorization?.slice('Bearer '.length) ?? '').claims.aud).toBe(audience)
  expect(seen[0]?.body).toBe('one')
})

test('sends no token to a host from which no audience follows', async () => {
  const { url, seen } = await serve(response => response.end())
  await createFetch(tokenProvider({ key: clientJwk() }))(url)
  expect(seen).toEqual([{ method: 'GET', authorization: undefined, body: '' }])
})

test('derives the audience from a Service’s host name', async () => {
  const fetch = vi.fn(async (_input: unknown, _init?: RequestInit) => new Response())
  await createFetch(tokenProvider({ key: clientJwk() }), { fetch })('http://orders.shop/orders')
  const sent = new Headers(fetch.mock.calls[0]?.[1]?.headers).get('authorization') ?? ''
  expect(decode(sent.slice('Bearer '.length)).claims.aud).toBe(audience)
})

test('leaves a request with its own Authorization alone', async () => {
  const { url, seen } = await serve(response => response.end())
  const call = createFetch(tokenProvider({ key: clientJwk() }), { audience: here })
  await call(new Request(url, { headers: { authorization: 'Basic own' } }))
  expect(seen[0]?.authorization).toBe('Basic own')
})

test('follows a redirect to another origin without the token', async () => {
  const stranger = await serve(response => response.end())
  const { url, seen } = await serve(response => response.writeHead(307, { location: `${stranger.url}/steal` }).end())
  await createFetch(tokenProvider({ key: clientJwk() }), { audience: here })(url, { method: 'POST', body: 'one' })
  expect(seen[0]?.authorization).toMatch(/^Bearer /)
  expect(stranger.seen).toEqual([{ method: 'POST', authorization: undefined, body: 'one' }])
})

describe('after a guard’s 401', () => {
  test.each(['token_expired', 'token_revoked', 'token_predates_key', 'invalid_token', 'key_revoked', 'key_expired'])(
    'for %s sends once more with a new token',
    async reason => {
      const { url, seen } = await serve((response, number) =>
        number === 1 ? response.writeHead(401, deny(reason)).end('no') : response.end('yes'),
      )
      const call = createFetch(tokenProvider({ key: clientJwk() }), { audience: here })
      const answer = await call(url, { method: 'PUT', body: new TextEncoder().encode('one') })
      expect(await answer.text()).toBe('yes')
      expect(seen.map(({ body }) => body)).toEqual(['one', 'one'])
      expect(seen[1]?.authorization).not.toBe(seen[0]?.authorization)
    },
  )

  test('sends each of twenty calls that were refused together once more, with one new token', async () => {
    let refused: string | undefined
    const { url, seen } = await serve((response, _number, request) => {
      const { authorization } = request.headers
      refused ??= authorization
      if (authorization === refused) response.writeHead(401, deny('token_expired')).end('no')
      else response.end('yes')
    })
    const call = createFetch(tokenProvider({ key: clientJwk() }), { audience: here })
    const answers = await Promise.all(Array.from({ length: 20 }, () => call(url).then(answer => answer.text())))
    expect(answers).toEqual(Array(20).fill('yes'))
    expect(seen).toHaveLength(40)
    expect(new Set(seen.map(({ authorization }) => authorization)).size).toBe(2)
  })

  test('sends a call once more whose token was replaced while it was under way', async () => {
    const key = tokenProvider({ key: clientJwk() })
    const old = await key.token(audience)
    const { url, seen } = await serve(async (response, _number, request) => {
      if (request.headers.authorization !== `Bearer ${old}`) return void response.end('yes')
      await key.refresh()
      response.writeHead(401, deny('token_expired')).end('no')
    })
    const answer = await createFetch(key, { audience: () => audience })(url)
    expect([await answer.text(), seen.length]).toEqual(['yes', 2])
  })

  test('gives up after the second one', async () => {
    const { url, seen } = await serve(response => response.writeHead(401, deny('key_revoked')).end())
    const answer = await createFetch(tokenProvider({ key: clientJwk() }), { audience: here })(url)
    expect(answer.status).toBe(401)
    expect(seen).toHaveLength(2)
  })

  test.each([
    ['the API’s own', {}],
    ['another proxy’s', deny('invalid_token', 'gateway')],
    ['for another audience', deny('wrong_audience')],
    ['for a suspended client', deny('client_suspended')],
  ])('that is %s does nothing', async (_, headers) => {
    const { url, seen } = await serve(response => response.writeHead(401, headers).end())
    const answer = await createFetch(tokenProvider({ key: clientJwk() }), { audience: here })(url)
    expect([answer.status, seen.length]).toEqual([401, 1])
  })

  test.each([
    ['a stream', { method: 'POST', body: new Blob(['one']).stream(), duplex: 'half' } as RequestInit],
    [
      'an iterable',
      {
        method: 'POST',
        body: generate() as unknown as NonNullable<RequestInit['body']>,
        duplex: 'half',
      } as RequestInit,
    ],
  ])('does not send %s twice', async (_, init) => {
    const { url, seen } = await serve(response => response.writeHead(401, deny('token_expired')).end())
    await createFetch(tokenProvider({ key: clientJwk() }), { audience: here })(url, init)
    expect(seen).toHaveLength(1)
  })

  test('does not send a Request’s body twice, but a Request without one', async () => {
    const { url, seen } = await serve(response => response.writeHead(401, deny('token_expired')).end())
    const call = createFetch(tokenProvider({ key: clientJwk() }), { audience: here })
    await call(new Request(url, { method: 'POST', body: 'one' }))
    expect(seen).toHaveLength(1)
    await call(new Request(url))
    expect(seen).toHaveLength(3)
  })
})

async function* generate() {
  yield new TextEncoder().encode('one')
}

test.each([
  ['allow; reason=granted; by=guard', { decision: 'allow', reason: 'granted', by: 'guard' }],
  ['deny; by=guard; reason=not_granted', { decision: 'deny', reason: 'not_granted', by: 'guard' }],
  ['deny', { decision: 'deny', reason: '', by: '' }],
  ['perhaps; by=guard', undefined],
  [null, undefined],
])('Latchkey-Decision %j is read', (value, expected) => {
  expect(readDecision(value)).toEqual(expected)
})
