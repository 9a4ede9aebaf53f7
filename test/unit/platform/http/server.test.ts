import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import tls from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { createHealthServer } from '../../../../platform/http/health.ts'
import { sendProblem } from '../../../../platform/http/problem.ts'
import { createServer, type HttpServer, type HttpServerOptions } from '../../../../platform/http/server.ts'
import { type CertificatePair, createTlsSource } from '../../../../platform/http/tls-source.ts'
import { createMetrics } from '../../../../platform/metrics.ts'
import { createAuthority, createServerCertificate } from '../../../../platform/x509.ts'
import { createQuietLog } from '../quiet-log.ts'

const host = '127.0.0.1'
const servers: HttpServer[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close(0)
})

async function serve(handler: HttpServerOptions['handler'], options: Partial<HttpServerOptions> = {}) {
  const { log, lines } = createQuietLog()
  const server = createServer({ name: 'test', host, port: 0, log, handler, ...options })
  servers.push(server)
  const { port } = await server.listen()
  return { server, port, lines }
}

interface Answer {
  status: number | undefined
  headers: http.IncomingHttpHeaders
  body: string
}

function get(port: number, options: http.RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host, port, path: '/', ...options }, response => {
      text(response).then(body => resolve({ status: response.statusCode, headers: response.headers, body }), reject)
    })
    request.on('error', reject)
  })
}

const refused = (port: number) =>
  new Promise<boolean>(resolve => {
    const socket = net.connect(port, host)
    socket.on('error', () => resolve(true))
    socket.on('connect', () => {
      socket.destroy()
      resolve(false)
    })
  })

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

test('S02 requests that end with their connection cost no stack each', async () => {
  const { stackTraceLimit } = Error
  const stacks: (string | undefined)[] = []
  const came = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  const { port } = await serve(request => {
    request.on('error', ({ stack }) => {
      stacks.push(stack)
      if (stacks.length === 3) ended.resolve()
    })
    if (request.url === '/3') came.resolve()
  })
  const socket = net.connect(port, host)
  socket.write(['/1', '/2', '/3'].map(path => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
  await came.promise
  socket.destroy()
  await ended.promise
  expect(stacks).toEqual(new Array(3).fill('Error: aborted'))
  await pause(0)
  expect([stackTraceLimit > 0, Error.stackTraceLimit]).toEqual([true, stackTraceLimit])
})

describe('problem', () => {
  test('is a problem body that no cache keeps', async () => {
    const { port } = await serve((_request, response) =>
      sendProblem(response, {
        status: 401,
        code: 'invalid_token',
        title: 'Invalid token',
        detail: 'It expired.',
        headers: { 'www-authenticate': 'Bearer' },
      }),
    )
    const { status, headers, body } = await get(port)
    expect(status).toBe(401)
    expect(headers).toMatchObject({
      'content-type': 'application/problem+json',
      'www-authenticate': 'Bearer',
      'cache-control': 'no-store',
    })
    expect(JSON.parse(body)).toEqual({
      title: 'Invalid token',
      status: 401,
      code: 'invalid_token',
      detail: 'It expired.',
    })
  })
})

describe('HTTP server', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('hunter2')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('hunter2')
      },
    ],
  ])('a handler that %s gives 500 and no detail, and the next request is served', async (_how, handler) => {
    const { port, lines } = await serve(handler)
    for (let i = 0; i < 2; i++) {
      const { status, body } = await get(port)
      expect(status).toBe(500)
      expect(JSON.parse(body)).toEqual({ title: 'Internal error', status: 500, code: 'internal_error' })
    }
    expect(lines.filter(line => line.msg === 'the handler failed')).toHaveLength(2)
  })

  test('an answer that fails half way is cut, not ended', async () => {
    const { port } = await serve((_request, response) => {
      response.writeHead(200).write('half')
      throw new Error('no')
    })
    await expect(get(port)).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  test('refuses headers beyond its limit, and headers that do not come', async () => {
    const { port } = await serve((_request, response) => void response.end(), {
      limits: { headBytes: 1_024, headMs: 100 },
    })
    expect((await get(port, { headers: { long: 'x'.repeat(2_000) } })).status).toBe(431)
    const socket = net.connect(port, host)
    let answer = ''
    socket.on('data', chunk => {
      answer += chunk
    })
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n')
    await new Promise(resolve => socket.on('close', resolve))
    expect(answer).toContain('408')
  })

  test('a port that is taken is an error', async () => {
    const { port } = await serve((_request, response) => void response.end())
    const second = createServer({ name: 'b', host, port, log: createQuietLog().log, handler: () => undefined })
    await expect(second.listen()).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  test('closing finishes the running request, tells its client to go, and accepts no other', async () => {
    let finish: (() => void) | undefined
    const { server, port } = await serve((_request: IncomingMessage, response: ServerResponse) => {
      finish = () => response.end('done')
    })
    const agent = new http.Agent({ keepAlive: true })
    const running = get(port, { agent })
    await expect.poll(() => finish).toBeDefined()
    const closed = server.close(5_000)
    expect(server.closing.aborted).toBe(true)
    await expect.poll(() => refused(port), { timeout: 4_000 }).toBe(true)
    finish?.()
    expect(await running).toMatchObject({ status: 200, body: 'done', headers: { connection: 'close' } })
    await closed
    agent.destroy()
  })

  test('a request that comes on an open connection while closing is served', async () => {
    const { server, port } = await serve((_request, response) => void response.end('ok'))
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    await get(port, { agent })
    const closed = server.close(600_000)
    expect(await get(port, { agent })).toMatchObject({ status: 200, headers: { connection: 'close' } })
    // The connection was the last one, so nobody waits for the deadline.
    await closed
    agent.destroy()
  })

  test('closing under load drops not one request', async () => {
    const { server, port } = await serve(async (_request, response) => {
      await pause(Math.random() * 5)
      response.end('ok')
    })
    let answered = 0
    const client = async () => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
      // A client goes elsewhere once it is told to, as a balancer does.
      for (let connection: string | undefined; connection !== 'close'; answered++) {
        const answer = await get(port, { agent })
        expect(answer.status).toBe(200)
        connection = answer.headers.connection
      }
      agent.destroy()
    }
    const clients = Promise.all(Array.from({ length: 32 }, client))
    await expect.poll(() => answered, { timeout: 10_000 }).toBeGreaterThan(100)
    await server.close(5_000)
    await clients
  })

  test('connections that do not end are ended after the time given', async () => {
    const { server, port } = await serve((_request, response) => void response.write('on and on'))
    const endless = get(port)
    const failed = expect(endless).rejects.toMatchObject({ code: 'ECONNRESET' })
    await pause(20)
    await server.close(100)
    await failed
  })

  test('counts answers by code', async () => {
    const metrics = createMetrics({ process: 'test' })
    const { port } = await serve((_request, response) => void response.writeHead(204).end(), { metrics })
    await get(port)
    expect((await metrics.exposition()).body).toContain('latchkey_http_requests_total{server="test",code="204"} 1')
  })
})

describe('TLS', () => {
  const pair = async (name: string): Promise<CertificatePair> => {
    const now = new Date()
    const authority = await createAuthority({ commonName: name, now, lifetimeMs: 3_600_000 })
    const issued = await createServerCertificate({ authority, hosts: [name], now, lifetimeMs: 3_600_000 })
    return { cert: issued.certificate, key: issued.privateKey }
  }
  const names = (port: number, servername?: string) =>
    new Promise<string | undefined>((resolve, reject) => {
      const socket = tls.connect({ host, port, rejectUnauthorized: false, ...(servername && { servername }) }, () => {
        resolve(socket.getPeerCertificate().subjectaltname)
        socket.destroy()
      })
      socket.on('error', reject)
    })

  test('a certificate is replaced without a restart, for clients that send a name and those that do not', async () => {
    const source = createTlsSource(await pair('old.test'))
    const { port } = await serve((_request, response) => void response.end(), { tls: source })
    expect(await names(port, 'old.test')).toContain('old.test')
    expect(await names(port)).toContain('old.test')
    source.replace(await pair('new.test'))
    expect(await names(port, 'new.test')).toContain('new.test')
    expect(await names(port)).toContain('new.test')
  })

  test('without a certificate handshakes fail until there is one', async () => {
    const source = createTlsSource()
    expect(() => source.current()).toThrow('no certificate yet')
    const { port } = await serve((_request, response) => void response.end(), { tls: source })
    await expect(names(port, 'a.test')).rejects.toThrow()
    source.replace(await pair('a.test'))
    expect(await names(port, 'a.test')).toContain('a.test')
    expect(await names(port)).toContain('a.test')
  })

  test('a key that does not fit is refused and the old pair stays', async () => {
    const source = createTlsSource(await pair('a.test'))
    const other = await pair('b.test')
    const before = source.current()
    expect(() => source.replace({ cert: other.cert, key: (source.pair() as CertificatePair).key })).toThrow()
    expect(source.current()).toBe(before)
  })
})

describe('health', () => {
  test('tells the reason when not live or not ready, and the metrics', async () => {
    const state: { live?: string; ready?: string } = { ready: 'policy not loaded' }
    const { log } = createQuietLog()
    const metrics = createMetrics({ process: 'test' })
    const server = createHealthServer({ port: 0, host, log, metrics, live: () => state.live, ready: () => state.ready })
    servers.push(server)
    const { port } = await server.listen()
    const answers = async () =>
      (await Promise.all(['/livez', '/readyz?verbose'].map(path => get(port, { path })))).map(({ status, body }) => [
        status,
        body,
      ])
    expect(await answers()).toEqual([
      [200, 'ok\n'],
      [503, 'policy not loaded\n'],
    ])
    delete state.ready
    state.live = 'no watch progress'
    expect(await answers()).toEqual([
      [503, 'no watch progress\n'],
      [200, 'ok\n'],
    ])
    expect((await get(port, { path: '/metrics' })).body).toContain('latchkey_build_info')
    expect((await get(port, { path: '/toString' })).status).toBe(404)
  })
})
