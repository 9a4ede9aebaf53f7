import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createUpstreamLine } from '../../../guard/upstream/line.ts'
import type { UpstreamHandler } from '../../../guard/upstream/state.ts'
import { ask, cleanUp, cleanups, guarding, session } from '../http2-rig.ts'
import { alice } from '../policy-rows.ts'
import { openRaw, sendRaw } from '../raw-socket.ts'
import { listen, type Rig } from '../rig.ts'
import { until } from '../until.ts'

// S03: how many connections to the app there are, and who gets them.

afterEach(cleanUp)

/** An app that answers when it is told to. @param most connections the guard may open */
async function slowApp(most: number) {
  let open = 0
  let peak = 0
  const waiting: ServerResponse[] = []
  const paths: string[] = []
  const app = await listen(
    createServer((request: IncomingMessage, response) => {
      paths.push(request.url ?? '')
      request.resume()
      if (request.url === '/api/quick') return void response.end('ok')
      waiting.push(response)
    }),
  )
  app.server.on('connection', socket => {
    peak = Math.max(peak, ++open)
    socket.on('close', () => open--)
  })
  cleanups.push(app.close)
  const rig = await guarding(
    { port: app.port, protocol: 'http1' },
    { maxUpstreamConnections: most, upstreamTimeoutMs: 30_000 },
  )
  const answerAll = async (count: number): Promise<void> => {
    for (let answered = 0; answered < count; answered++) {
      await until(() => waiting.length > 0)
      waiting.shift()?.end('ok')
    }
  }
  return { rig, waiting, paths, peak: () => peak, open: () => open, answerAll }
}

const request = (path = '/api/x', method = 'GET', fields = ''): string =>
  `${method} ${path} HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${alice.token()}\r\n${fields}\r\n`

describe('connections to the app', () => {
  it('are no more than may be, however many streams ask, and all are answered', async () => {
    const { rig, peak, answerAll } = await slowApp(8)
    const calls = [session(rig), session(rig)].flatMap(client =>
      Array.from({ length: 30 }, (_, at) => ask(client, { ':path': `/api/${at}` })),
    )
    await answerAll(60)
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(Array(60).fill(200))
    expect(peak()).toBeLessThanOrEqual(8)
  })
  it('are no more for callers of HTTP/1.1 either, whose bodies wait too', async () => {
    const { rig, peak, answerAll, waiting } = await slowApp(2)
    const calls = Array.from({ length: 6 }, async (_, at) => {
      const caller = await openRaw(rig.port)
      cleanups.push(() => caller.socket.destroy())
      caller.send(request(`/api/${at}`, 'POST', 'Content-Length: 60000\r\n'))
      caller.send('x'.repeat(60_000))
      return (await caller.answer()).status
    })
    await until(() => waiting.length === 2)
    await answerAll(6)
    expect(await Promise.all(calls)).toEqual(Array(6).fill(200))
    expect(peak()).toBe(2)
  })
  it('are waited for, 503 by the guard comes after five seconds, and who leaves is not asked for', async () => {
    const { rig, waiting, paths } = await slowApp(1)
    void ask(session(rig))
    await until(() => waiting.length === 1)
    const client = session(rig)
    const left = client.request({ ':path': '/api/left', authorization: `Bearer ${alice.token()}` })
    left.on('error', () => {})
    await new Promise(resolve => left.once('ready', resolve))
    const raw = await openRaw(rig.port)
    raw.send(request('/api/gone'))
    await new Promise(resolve => setTimeout(resolve, 100))
    left.close()
    raw.socket.destroy()
    const [http1, http2, grpc] = await Promise.all([
      sendRaw(rig.port, request('/api/late')),
      ask(session(rig), { ':path': '/api/late' }),
      ask(session(rig), { ':path': '/api/late', 'content-type': 'application/grpc' }, 'x'),
    ])
    expect([http1.status, JSON.parse(http1.body).code, http1.headers['retry-after']]).toEqual([
      503,
      'upstream_busy',
      ['1'],
    ])
    expect(http1.headers['latchkey-decision']).toEqual(['allow; reason=granted; error=upstream_busy; by=guard'])
    expect([http2.status, JSON.parse(http2.body).code]).toEqual([503, 'upstream_busy'])
    expect([grpc.header('grpc-status'), grpc.header('grpc-message')]).toEqual(['14', 'upstream_busy'])
    waiting.shift()?.end('ok')
    expect((await sendRaw(rig.port, request('/api/quick'))).status).toBe(200)
    expect(paths).toEqual(['/api/x', '/api/quick'])
    expect(await rig.metrics()).toContain('latchkey_guard_upstream_faults_total{fault="upstream_busy"} 3')
  })
  it('are not all for one address: another one is served at once', async () => {
    const { rig, waiting, answerAll } = await slowApp(9)
    const client = session(rig)
    const calls = Array.from({ length: 20 }, () => ask(client))
    await until(() => waiting.length === 8)
    const other = connect({ port: rig.port, host: '127.0.0.1', localAddress: '127.0.0.2' })
    cleanups.push(() => other.destroy())
    other.on('error', () => {})
    other.write(request('/api/quick'))
    const [bytes] = await once(other, 'data')
    expect(String(bytes)).toContain('HTTP/1.1 200')
    expect(waiting).toHaveLength(8)
    await answerAll(20)
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(Array(20).fill(200))
  })
  it('are given back when the app cannot be reached', async () => {
    const rig = await guarding({ port: 1, protocol: 'http1' }, { maxUpstreamConnections: 1 })
    for (let turn = 0; turn < 3; turn++) expect((await sendRaw(rig.port, request())).status).toBe(502)
    expect((await Promise.all(Array.from({ length: 5 }, () => ask(session(rig))))).map(({ status }) => status)).toEqual(
      Array(5).fill(502),
    )
  })
  it('that are tunnels count no more', async () => {
    const app = await listen(createServer((_request, response) => void response.end('ok')))
    app.server.on('upgrade', (_request, socket) => {
      socket.on('error', () => {})
      socket.on('end', () => socket.end())
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    })
    cleanups.push(app.close)
    const rig: Rig = await guarding({ port: app.port, protocol: 'http1' }, { maxUpstreamConnections: 1 })
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Version: 13\r\n'
    for (let turn = 0; turn < 3; turn++) {
      const caller = await openRaw(rig.port)
      cleanups.push(() => caller.socket.destroy())
      caller.send(request('/api/x', 'GET', upgrade))
      expect((await caller.answer()).status).toBe(101)
    }
    expect((await sendRaw(rig.port, request())).status).toBe(200)
  })
})

describe('who waits for a connection', () => {
  const waiting = (peer: string) => ({
    handler: { peer } as UpstreamHandler,
    method: 'GET',
    asksSwitch: false,
    since: 0,
  })
  const always = (): boolean => true

  it('is served in turn by address, each in its order', () => {
    const line = createUpstreamLine(10)
    const [a1, a2, a3, b1, c1] = ['a', 'a', 'a', 'b', 'c'].map(waiting)
    for (const one of [a1, a2, a3, b1, c1]) if (one) line.add(one)
    const order = Array.from({ length: 6 }, () => line.next(always))
    expect(order).toEqual([a1, b1, c1, a2, a3, undefined])
  })
  it('is passed over while its address has its share', () => {
    const line = createUpstreamLine(10)
    const [a1, b1] = ['a', 'b'].map(waiting)
    for (const one of [a1, b1]) if (one) line.add(one)
    expect(line.next(peer => peer !== 'a')).toBe(b1)
    expect(line.next(peer => peer !== 'a')).toBeUndefined()
    expect(line.next(always)).toBe(a1)
  })
  it('has to go when there are too many: the newest of the address with the most', () => {
    const line = createUpstreamLine(3)
    const [a1, a2, b1, b2, a3] = ['a', 'a', 'b', 'b', 'a'].map(waiting)
    const refused = [a1, a2, b1, b2, a3].map(one => one && line.add(one))
    expect(refused).toEqual([undefined, undefined, undefined, b2, a3])
    expect(line.size()).toBe(3)
    const [c1] = ['c'].map(waiting)
    expect(c1 && line.add(c1)).toBe(a2)
  })
  it('leaves, or has waited too long, and is no longer there', () => {
    const line = createUpstreamLine(10)
    const [old, left] = ['a', 'b'].map(waiting)
    const young = { ...waiting('a'), since: 50 }
    for (const one of [old, left, young]) if (one) line.add(one)
    if (left) line.leave(left.handler)
    expect(line.tooLate(20)).toEqual([old])
    expect([line.size(), line.next(always), line.next(always)]).toEqual([1, young, undefined])
  })
})
