import { createServer } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import { checkRequest } from '../../guard/probes/grpc-probe.ts'
import type { Probe } from '../../guard/probes/probes.ts'
import { alice, bob, rowsOf } from './policy-rows.ts'
import { openRaw, type RawAnswer, sendRaw } from './raw-socket.ts'
import { startApp, startGuard } from './rig.ts'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function portOf(server: Server | ReturnType<typeof createHttp2Server>): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(async () => void server.close())
  return (server.address() as AddressInfo).port
}

/** Answers of the admin port; the guard has no policy, unless rows are given. */
async function admin(options: { probes?: Probe[]; exposed?: string[]; rows?: ReturnType<typeof rowsOf> } = {}) {
  const rig = await startGuard(1, {
    rows: options.rows,
    probes: options.probes ?? [],
    exposed: async () => options.exposed ?? [],
  })
  cleanups.push(rig.close)
  return (path: string, method = 'GET'): Promise<RawAnswer> =>
    sendRaw(rig.adminPort, `${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
}

const probe = (action: Partial<Probe>): Probe => ({ container: 'app', kind: 'readiness', timeoutSeconds: 1, ...action })
const path = '/probes/app/readiness'

describe('the admin port', () => {
  it('says that the guard lives and listens, without a policy too', async () => {
    const get = await admin()
    expect((await get('/livez')).status).toBe(200)
    expect((await get('/startupz')).status).toBe(200)
    expect((await get('/readyz')).status).toBe(503)
  })
  it('counts what meets one of its limits, and not as callers who find no place', async () => {
    const rig = await startGuard(1)
    cleanups.push(rig.close)
    const greedy = await openRaw(rig.adminPort)
    greedy.send('GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(20))
    await greedy.closed()
    await expect.poll(rig.metrics).toContain('latchkey_guard_limits_hit_total{limit="flood"} 1\n')
    const many = await Promise.all(Array.from({ length: 80 }, () => openRaw(rig.adminPort).catch(() => undefined)))
    for (const one of many) cleanups.push(async () => void one?.socket.destroy())
    await expect.poll(rig.metrics).toContain('latchkey_guard_limits_hit_total{limit="memory"}')
    expect(await rig.metrics()).not.toContain('{limit="connections"}')
  })
  it('P33 is not ready while the app listens beyond loopback, unless the service only wants a report', async () => {
    const refuse = await admin({ exposed: ['0.0.0.0:8080'], rows: rowsOf() })
    const answer = await refuse('/readyz')
    expect(answer.status).toBe(503)
    expect(answer.body).toContain('listens beyond loopback (0.0.0.0:8080)')
    const report = await admin({ exposed: ['0.0.0.0:8080'], rows: rowsOf({ service: { directAccess: 'Report' } }) })
    expect((await report('/readyz')).status).toBe(200)
  })
  it('P33 fails the app’s readiness from the first moment on which it listens beyond loopback, never its liveness', async () => {
    const server = createServer((_request, response) => response.writeHead(200).end())
    const httpGet = { port: await portOf(server) }
    const probes = [probe({ httpGet }), probe({ kind: 'liveness', httpGet })]
    const get = await admin({ probes, exposed: ['0.0.0.0:8080'], rows: rowsOf() })
    expect(await get(path)).toMatchObject({ status: 503, body: expect.stringContaining('listens beyond loopback') })
    expect((await get('/probes/app/liveness')).status).toBe(200)
  })
  it('gives metrics', async () => {
    const get = await admin({ rows: rowsOf() })
    const { body } = await get('/metrics')
    expect(body).toMatch(/latchkey_guard_snapshot_age_seconds \d/)
    expect(body).toMatch(/latchkey_guard_snapshot_info\{revision="[0-9a-f]{12}"\} 1/)
    expect(body).toContain('latchkey_guard_exposed_ports 0')
    expect(body).toContain('latchkey_guard_audit_dropped_total 0')
  })
  it('counts what meets a limit, what the app did not answer, and the lookups of tokens', async () => {
    const rig = await startGuard(1)
    cleanups.push(rig.close)
    const send = (bytes: string) => sendRaw(rig.port, bytes)
    const token = alice.token()
    const call = `GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`
    expect((await send(call)).status).toBe(502)
    expect((await send(call)).status).toBe(502)
    expect((await send(`GET /${'x'.repeat(9_000)} HTTP/1.1\r\nHost: orders\r\n\r\n`)).status).toBe(414)
    expect((await send(`GET / HTTP/1.1\r\nHost: orders\r\n${'A: 1\r\n'.repeat(101)}\r\n`)).status).toBe(431)
    const body = await rig.metrics()
    for (const line of [
      'latchkey_guard_upstream_faults_total{fault="upstream_unreachable"} 2',
      'latchkey_guard_limits_hit_total{limit="target"} 1',
      'latchkey_guard_limits_hit_total{limit="head"} 1',
      'latchkey_guard_identity_cache_lookups_total{result="hit"} 1',
      'latchkey_guard_identity_cache_lookups_total{result="miss"} 1',
      'latchkey_guard_requests_in_flight 0',
      'latchkey_guard_draining 0',
      'latchkey_guard_snapshot_usable 1',
      'latchkey_guard_snapshot_max_age_seconds 86400',
      `latchkey_build_info{process="guard",version="dev",node="${process.version}"} 1`,
    ]) {
      expect(body).toContain(`${line}\n`)
    }
    rig.guard.announceStop()
    expect(await rig.metrics()).toContain('latchkey_guard_draining 1\n')
  })
  it('counts calls that are under way, and callers that do not read or stop sending', async () => {
    const app = await startApp((request, response) => {
      if (request.url === '/open/large') response.end(Buffer.alloc(32 * 1024 * 1024))
    })
    cleanups.push(app.close)
    const rig = await startGuard(app.port, { unreadMs: 50, bodyIdleMs: 50 })
    cleanups.push(rig.close)
    const call = await openRaw(rig.port)
    call.send('GET /open/waits HTTP/1.1\r\nHost: orders\r\n\r\n')
    await expect.poll(rig.metrics).toContain('latchkey_guard_requests_in_flight 1\n')
    call.socket.destroy()
    await expect.poll(rig.metrics, { timeout: 5_000 }).toContain('latchkey_guard_requests_in_flight 0\n')
    const unread = await openRaw(rig.port)
    unread.socket.pause()
    unread.send('GET /open/large HTTP/1.1\r\nHost: orders\r\n\r\n')
    await expect.poll(rig.metrics).toContain('latchkey_guard_limits_hit_total{limit="unread"} 1\n')
    unread.socket.destroy()
    const idle = await openRaw(rig.port)
    const authorization = `Authorization: Bearer ${alice.token()}`
    idle.send(`POST /api/x HTTP/1.1\r\nHost: orders\r\n${authorization}\r\nContent-Length: 9\r\n\r\nhalf`)
    await idle.closed()
    await expect.poll(rig.metrics).toContain('latchkey_guard_limits_hit_total{limit="body_idle"} 1\n')
  })
  it('counts callers that come when all connections are taken, and heads that do not end', async () => {
    const rig = await startGuard(1, { maxConnections: 1, headersTimeoutMs: 50 })
    cleanups.push(rig.close)
    const first = await openRaw(rig.port)
    first.send('GET /open/x HTTP/1.1\r\nHost:')
    const second = await openRaw(rig.port)
    await second.closed()
    expect((await first.answer()).status).toBe(408)
    const body = await rig.metrics()
    expect(body).toContain('latchkey_guard_limits_hit_total{limit="connections"} 1\n')
    expect(body).toContain('latchkey_guard_limits_hit_total{limit="head_timeout"} 1\n')
  })
  it('X06 E11 has as many series after any number of paths, methods, tokens and clients, and repeats nothing of them', async () => {
    const app = await startApp()
    cleanups.push(app.close)
    const rig = await startGuard(app.port)
    cleanups.push(rig.close)
    const connection = await openRaw(rig.port)
    async function burst(round: number): Promise<string[]> {
      for (let at = 0; at < 200; at++) {
        const own = `c4n4ry-${round}-${at}`
        const token = [alice.token(), bob.token(), `x.${own}.y`][at % 3]
        const method = ['GET', 'POST', 'PROPFIND'][at % 3]
        connection.send(
          `${method} /api/${own}?q=${own} HTTP/1.1\r\nHost: ${own}\r\nX-${own}: ${own}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
        )
        await connection.answer()
      }
      const lines = (await rig.metrics()).split('\n').filter(line => line.startsWith('latchkey_'))
      expect(lines.join('\n')).not.toMatch(/c4n4ry|alice|bob/i)
      return lines.map(line => line.slice(0, line.lastIndexOf(' ')))
    }
    const first = await burst(1)
    expect(await burst(2)).toEqual(first)
    connection.socket.destroy()
  })
  it('K15 has nothing else: no other path, no other method, no effect', async () => {
    const get = await admin({ probes: [probe({ tcpSocket: { port: 1 } })] })
    for (const other of [
      '/',
      '/probes',
      '/probes/app/liveness',
      '/probes/../livez',
      '/__proto__',
      '/constructor',
      '//livez',
    ]) {
      expect((await get(other)).status).toBe(404)
    }
    expect((await get('/livez', 'POST')).status).toBe(405)
  })
})

describe('/debug', () => {
  const paths = ['/debug/snapshot', '/debug/heap']
  const get = (port: number, path: string, host = '127.0.0.1') => fetch(`http://${host}:${port}${path}`)

  it('is not there unless it is asked for', async () => {
    const rig = await startGuard(1)
    cleanups.push(rig.close)
    for (const path of [...paths, '/debug']) expect((await get(rig.adminPort, path)).status).toBe(404)
  })
  it('counts, and names no client, no key, no token and no rule (E11)', async () => {
    const rig = await startGuard(1, { debug: 'on' })
    cleanups.push(rig.close)
    const token = alice.token()
    await sendRaw(rig.port, `GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`)
    const snapshot = (await (await get(rig.adminPort, '/debug/snapshot')).json()) as object
    expect(snapshot).toMatchObject({
      service: 'shop/orders',
      revision: rig.policy.snapshot()?.revision,
      unfit: null,
      mode: 'Enforce',
      counts: { clients: 2, clientsWithGrants: 1, routes: 0, publicPaths: 1, unsupportedRows: 0 },
      requestsInFlight: 0,
      draining: false,
      identityCache: { hits: 0, misses: 1 },
    })
    const heap = (await (await get(rig.adminPort, '/debug/heap')).json()) as { memory: { rss: number } }
    expect(heap.memory.rss).toBeGreaterThan(1_000_000)
    const told = JSON.stringify([snapshot, heap])
    const { x = '' } = alice.key.publicKey as { x?: string }
    for (const hidden of [...token.split('.'), alice.clientId, alice.key.kid, x, 'alice', 'bob', 'callers', 'tenant'])
      expect(told).not.toContain(hidden)
    expect((await get(rig.adminPort, '/debug')).status).toBe(404)
    expect((await get(rig.adminPort, '/debug/__proto__')).status).toBe(404)
  })
  it('answers nobody from outside the pod', async () => {
    const outside = Object.values(networkInterfaces())
      .flatMap(list => list ?? [])
      .find(({ family, internal }) => family === 'IPv4' && !internal)
    if (!outside) throw new Error('this machine has no address but loopback')
    const rig = await startGuard(1, { debug: 'on', adminListen: { port: 0 } })
    cleanups.push(rig.close)
    for (const path of paths) {
      expect((await get(rig.adminPort, path, outside.address)).status).toBe(404)
      expect((await get(rig.adminPort, path)).status).toBe(200)
      expect((await get(rig.adminPort, path, '[::1]')).status).toBe(200)
    }
    expect((await get(rig.adminPort, '/metrics', outside.address)).status).toBe(200)
  })
})

describe('P22 the app’s probes pass whatever the policy state', () => {
  it('by HTTP, with path and headers as declared', async () => {
    const seen: string[] = []
    const port = await portOf(
      createServer((request, response) => {
        seen.push(`${request.url} ${request.headers['x-probe']} ${request.headers.host}`)
        response.writeHead(request.url === '/broken' ? 500 : request.url === '/moved' ? 302 : 200).end()
      }),
    )
    const httpGet = {
      path: '/health?deep=1',
      port,
      httpHeaders: [
        { name: 'X-Probe', value: '1' },
        { name: 'Host', value: 'app' },
      ],
    }
    const get = await admin({
      probes: [
        probe({ httpGet }),
        probe({ kind: 'liveness', httpGet: { ...httpGet, path: '/broken' } }),
        probe({ kind: 'startup', httpGet: { port, path: '/moved' } }),
      ],
    })
    expect((await get(`${path}?x=1`)).status).toBe(200)
    expect(seen[0]).toBe('/health?deep=1 1 app')
    expect(await get('/probes/app/liveness')).toMatchObject({ status: 503, body: 'the app answered HTTP 500\n' })
    expect((await get('/probes/app/startup')).status).toBe(200)
  })
  it('by HTTP, and not when the app is slow or away', async () => {
    const port = await portOf(createServer(() => {}))
    const get = await admin({
      probes: [probe({ httpGet: { port }, timeoutSeconds: 0.1 }), probe({ kind: 'liveness', httpGet: { port: 1 } })],
    })
    expect((await get(path)).status).toBe(503)
    expect((await get('/probes/app/liveness')).body).toContain('ECONNREFUSED')
  })
  it('by TCP', async () => {
    const port = await portOf(createTcpServer(socket => void socket.destroy()))
    const get = await admin({
      probes: [probe({ tcpSocket: { port } }), probe({ kind: 'liveness', tcpSocket: { port: 1 } })],
    })
    expect((await get(path)).status).toBe(200)
    expect((await get('/probes/app/liveness')).status).toBe(503)
  })
  it.each([
    ['serving', [0x08, 1], '0', 200],
    ['not serving', [0x08, 2], '0', 503],
    ['unknown', [], '0', 503],
    ['without the health service', [], '12', 503],
  ])('by gRPC: %s', async (_what, message, status, expected) => {
    const server = createHttp2Server()
    let asked = ''
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        asked = `${headers[':path']} ${Buffer.concat(chunks).toString('hex')}`
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
        stream.end(Buffer.from([0, 0, 0, 0, message.length, ...message]))
      })
    })
    const port = await portOf(server)
    const get = await admin({ probes: [probe({ grpc: { port, service: 'orders' } })] })
    expect((await get(path)).status).toBe(expected)
    expect(asked).toBe(`/grpc.health.v1.Health/Check ${checkRequest('orders').toString('hex')}`)
    expect(checkRequest('orders').toString('hex')).toBe('00000000080a066f7264657273')
  })
})
