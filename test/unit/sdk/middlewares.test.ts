import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import fastify from 'fastify'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expressLatchkey, type NodeMiddleware } from '../../../sdk/express.ts'
import { fastifyLatchkey } from '../../../sdk/fastify.ts'
import { honoLatchkey } from '../../../sdk/hono.ts'
import { callerOf } from '../../../sdk/request-caller.ts'
import { tokenProvider } from '../../../sdk/token-provider.ts'
import { type Verifier, verifier } from '../../../sdk/verifier.ts'
import { type LocalIssuer, startLocalIssuer } from '../../strangers/local-issuer.ts'

const audience = 'https://orders.shop.svc'
let issuer: LocalIssuer
let verify: Verifier
let tokens: { allowed: string; other: string; elsewhere: string }

beforeAll(async () => {
  issuer = await startLocalIssuer()
  verify = verifier({ issuer: issuer.url, audience, ca: await readFile(issuer.caFile, 'utf8') })
  const [allowed, other] = ['sc_allowed', 'sc_other'].map(id => tokenProvider({ key: issuer.addClient(id, 'Ed25519') }))
  tokens = {
    allowed: (await allowed?.token(audience)) ?? '',
    other: (await other?.token(audience)) ?? '',
    elsewhere: (await allowed?.token('https://else.shop.svc')) ?? '',
  }
})
afterAll(() => issuer.close())

/** What a framework's app answers with, whoever serves it. */
type Ask = (headers: string[]) => Promise<{ status: number; headers: Record<string, unknown>; body: string }>
interface App {
  readonly ask: Ask
  readonly close: () => Promise<unknown>
}

const authorize = (caller: { clientId: string }) => caller.clientId === 'sc_allowed'

/** What is used of Express, which brings no types of its own. */
type ExpressApp = RequestListener & {
  use(middleware: NodeMiddleware): void
  get(path: string, handler: (request: IncomingMessage, response: { send(body: unknown): void }) => void): void
}
const express: () => ExpressApp = createRequire(import.meta.url)('express')

/** Raw headers, so that a header can be sent twice. */
async function listen(listener: RequestListener): Promise<App> {
  const server = createServer(listener)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return { ask: headers => askPort(port, headers), close: async () => server.close() }
}

async function askPort(port: number, headers: string[]) {
  const asking = httpRequest({
    port,
    host: '127.0.0.1',
    agent: false,
    headers: ['host', 'orders.shop', ...headers],
  }).end()
  const [answer] = await once(asking, 'response')
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer) }
}

const apps: Record<string, () => Promise<App>> = {
  async Express() {
    const app = express()
    app.use(expressLatchkey(verify, { authorize }))
    app.get('/', (request, response) => response.send(callerOf(request)?.clientId))
    return listen(app)
  },
  async Fastify() {
    const app = fastify()
    app.addHook('onRequest', fastifyLatchkey(verify, { authorize }))
    app.get('/', async request => callerOf(request)?.clientId)
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    return { ask: headers => askPort(port, headers), close: () => app.close() }
  },
  async Hono() {
    const app = new Hono()
    app.use(honoLatchkey(verify, { authorize }))
    app.get('/', context => context.text(callerOf(context.req.raw)?.clientId ?? ''))
    const ask: Ask = async pairs => {
      const headers = new Headers()
      for (let at = 0; at < pairs.length; at += 2) headers.append(pairs[at] ?? '', pairs[at + 1] ?? '')
      const answer = await app.request('http://orders.shop/', { headers })
      return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() }
    }
    return { ask, close: async () => {} }
  },
}

describe.each(Object.keys(apps))('%s', name => {
  let app: App
  beforeAll(async () => {
    app = (await apps[name]?.()) as App
  })
  afterAll(() => app.close())
  const bearer = (token: string) => ['authorization', `Bearer ${token}`]

  test('lets a proved caller through and says who it is', async () => {
    expect(await app.ask(bearer(tokens.allowed))).toMatchObject({ status: 200, body: 'sc_allowed' })
  })

  test('asks whoever sends nothing for a token', async () => {
    const { status, headers, body } = await app.ask([])
    expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer'])
    expect(headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(JSON.parse(body)).toEqual({
      title: 'Unauthorized',
      status: 401,
      code: 'credential_missing',
      detail: 'Send a client token in the Authorization header.',
    })
  })

  test('tells a bad token from a wrong audience, as RFC 6750 has it', async () => {
    const bad = await app.ask(bearer(`${tokens.allowed.slice(0, -4)}AAAA`))
    expect([bad.status, JSON.parse(bad.body).code]).toEqual([401, 'invalid_token'])
    expect(bad.headers['www-authenticate']).toMatch(/^Bearer error="invalid_token", error_description="[^"]+"$/)
    const wrong = await app.ask(bearer(tokens.elsewhere))
    expect([wrong.status, JSON.parse(wrong.body).code]).toEqual([401, 'wrong_audience'])
  })

  test('takes exactly one credential (P20)', async () => {
    const { status, body } = await app.ask([...bearer(tokens.allowed), ...bearer(tokens.other)])
    expect([status, JSON.parse(body).code]).toEqual([400, 'credential_ambiguous'])
  })

  test('takes no other scheme', async () => {
    expect(await app.ask(['authorization', 'Basic YTpi'])).toMatchObject({ status: 401 })
  })

  test('asks the service’s own rule', async () => {
    const { status, body } = await app.ask(bearer(tokens.other))
    expect([status, JSON.parse(body).code]).toEqual([403, 'not_granted'])
  })
})
