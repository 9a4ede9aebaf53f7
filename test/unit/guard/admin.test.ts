import { createServer } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { checkRequest } from '../../../webhook/guard/grpc-probe.ts'
import type { Probe } from '../../../webhook/guard/probes.ts'
import { rowsOf } from './policy-rows.ts'
import { type RawAnswer, sendRaw } from './raw-socket.ts'
import { startGuard } from './rig.ts'

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
