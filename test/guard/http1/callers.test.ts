import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { alice } from '../policy-rows.ts'
import { openRaw, sendRaw } from '../raw-socket.ts'
import { type App, listen, type Rig, startApp, startGuard } from '../rig.ts'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function start(options: Parameters<typeof startGuard>[1] = {}): Promise<{ rig: Rig; app: App }> {
  const app = await startApp((request, response) => response.end(`${request.method} ${request.url}`))
  const rig = await startGuard(app.port, options)
  cleanups.push(app.close, rig.close)
  return { rig, app }
}

/** A guard before an app that never answers. */
async function startSilent(options: Parameters<typeof startGuard>[1] = {}): Promise<Rig> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => void sockets.add(socket.on('error', () => {}).resume()))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const rig = await startGuard((server.address() as AddressInfo).port, options)
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }, rig.close)
  return rig
}

const token = alice.token()
const request = (target: string, fields = '', method = 'GET', body = ''): string =>
  `${method} ${target} HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n${fields}\r\n${body}`
const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

describe('requests behind one another', () => {
  it('are answered in their order, each by its own decision', async () => {
    const { rig, app } = await start()
    const caller = await openRaw(rig.port)
    caller.send(
      [
        request('/api/1'),
        'GET /api/2 HTTP/1.1\r\nHost: orders\r\n\r\n',
        request('/api/3', 'Content-Length: 5\r\n', 'POST', 'hello'),
        request('/nowhere/4'),
        request('/api/5', 'Transfer-Encoding: chunked\r\n', 'POST', '5\r\nhello\r\n0\r\n\r\n'),
        'GET /open/6 HTTP/1.1\r\nHost: orders\r\n\r\n',
      ].join(''),
    )
    const statuses: number[] = []
    for (let at = 0; at < 6; at++) statuses.push((await caller.answer()).status)
    expect(statuses).toEqual([200, 401, 200, 403, 200, 200])
    expect(app.seen.map(({ url }) => url)).toEqual(['/api/1', '/api/3', '/api/5', '/open/6'])
    caller.socket.destroy()
  })
  it('end with the first that is none', async () => {
    const { rig, app } = await start()
    const caller = await openRaw(rig.port)
    caller.send(`${request('/api/1')}GET /api/2 HTTP/1.1\nHost: orders\r\n\r\n${request('/api/3')}`)
    expect((await caller.answer()).status).toBe(200)
    expect((await caller.answer()).status).toBe(400)
    expect(await caller.closed()).toBe('')
    expect(app.seen).toHaveLength(1)
  })
  it('end with the one that says so', async () => {
    const { rig, app } = await start()
    const caller = await openRaw(rig.port)
    caller.send(`${request('/api/1', 'Connection: close\r\n')}${request('/api/2')}`)
    expect((await caller.answer()).headers.connection).toEqual(['close'])
    expect(await caller.closed()).toBe('')
    expect(app.seen).toHaveLength(1)
  })
  it('end with a denied body: it is no request', async () => {
    const { rig, app } = await start()
    const smuggled = request('/api/smuggled')
    const caller = await openRaw(rig.port)
    caller.send(`POST /api/x HTTP/1.1\r\nHost: orders\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`)
    const answer = await caller.answer()
    expect([answer.status, answer.headers.connection]).toEqual([401, ['close']])
    expect(await caller.closed()).toBe('')
    expect(app.seen).toEqual([])
  })
  it('wait in the kernel while one runs: what the guard holds of them is bounded', async () => {
    const rig = await startSilent()
    const caller = connect(rig.port, '127.0.0.1')
    cleanups.push(async () => void caller.destroy())
    const many = Buffer.from(request('/api/x').repeat(3_000), 'latin1')
    let taken = 0
    const push = (): void => {
      while (taken < 64 && caller.write(many)) taken++
    }
    caller.on('drain', push)
    push()
    await wait(300)
    expect(caller.writableNeedDrain).toBe(true)
    expect(taken).toBeLessThan(32)
  })
  it('that are denied wait too when nobody reads the answers', async () => {
    const { rig } = await start()
    const caller = connect(rig.port, '127.0.0.1')
    cleanups.push(async () => void caller.destroy())
    caller.pause()
    const many = Buffer.from('GET /api/x HTTP/1.1\r\nHost: orders\r\n\r\n'.repeat(10_000), 'latin1')
    for (let at = 0; at < 20; at++) caller.write(many)
    let lines = 0
    for (let at = 0; at < 40; at++) {
      await wait(25)
      const now = (await rig.audit(0)).length
      if (now === lines && now > 0) break
      lines = now
    }
    expect(lines).toBeLessThan(200_000)
    expect((await sendRaw(rig.port, request('/api/y'))).body).toBe('GET /api/y')
  })
})

describe('a caller that closes its sending half', { timeout: 30_000 }, () => {
  it('gets the answer to what it sent', async () => {
    const { rig } = await start()
    const caller = await openRaw(rig.port)
    caller.socket.end(request('/api/x'))
    expect(await caller.closed()).toContain('GET /api/x')
  })
  it('gets all its answers, also when it reads them late', async () => {
    const { rig } = await start()
    const caller = await openRaw(rig.port)
    caller.socket.pause()
    caller.socket.end('GET /api/x HTTP/1.1\r\nHost: orders\r\n\r\n'.repeat(20_000))
    await wait(200)
    caller.socket.resume()
    expect((await caller.closed()).match(/HTTP\/1\.1 401/g)).toHaveLength(20_000)
  })
  it('in the middle of a head is told so', async () => {
    const { rig } = await start()
    const caller = await openRaw(rig.port)
    caller.socket.end('GET /api/x HTTP/1.1\r\nHost: ord')
    expect(await caller.closed()).toMatch(/^HTTP\/1\.1 400 /)
  })
  it('without a word is let go, and no line tells of it', async () => {
    const { rig } = await start()
    const caller = await openRaw(rig.port)
    caller.socket.end()
    expect(await caller.closed()).toBe('')
    expect(await rig.audit(0)).toEqual([])
  })
  it('and whose answer does not come is given up', async () => {
    const rig = await startSilent()
    const caller = await openRaw(rig.port)
    caller.socket.end(request('/api/x'))
    expect(await caller.closed()).toBe('')
    expect((await rig.audit())[0]?.status).toBeUndefined()
  })
})

describe('bytes that are no request', () => {
  it.each([
    ['P13 an empty line', '\r\n'],
    ['P13 empty lines before a good request', `\r\n\r\n${request('/api/x')}`],
    ['a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['a head whose lines end in LF', 'GET /api/x HTTP/1.1\nHost: orders\n\n'],
  ])('are refused at once: %s', async (_what, bytes) => {
    const { rig, app } = await start()
    const caller = await openRaw(rig.port)
    caller.send(bytes)
    const answer = await caller.answer()
    expect([answer.status, answer.headers.connection]).toEqual([400, ['close']])
    expect(await caller.closed()).toBe('')
    expect(app.seen).toEqual([])
  })
  it.each(['5;name=value\r\nhello\r\n0\r\n\r\n', '5 \r\nhello\r\n0\r\n\r\n', '5\r\nhello\r\n0;a\r\n\r\n'])(
    'P11 are chunks with %j: the app gets no whole request of them',
    async chunks => {
      const { rig, app } = await start()
      const caller = await openRaw(rig.port)
      caller.send(request('/api/x', 'Transfer-Encoding: chunked\r\n', 'POST', chunks))
      expect((await caller.answer()).status).toBe(400)
      expect(await caller.closed()).toBe('')
      expect(app.seen).toEqual([])
      const lines = await rig.audit(2)
      expect(lines.map(({ reason, status }) => [reason, status]).sort()).toEqual([
        ['granted', undefined],
        ['request_malformed', 400],
      ])
    },
  )
})

describe('X04 connections', () => {
  it('of one address are bounded, and counted where they are refused', async () => {
    const { rig } = await start({ maxConnectionsPerPeer: 3 })
    const held = await Promise.all([1, 2, 3].map(() => openRaw(rig.port)))
    const refused = await openRaw(rig.port)
    expect(await refused.closed()).toBe('')
    const other = connect({ port: rig.port, host: '127.0.0.1', localAddress: '127.0.0.2' })
    other.write(request('/api/x'))
    await new Promise(resolve => other.once('data', resolve))
    other.destroy()
    held[0]?.socket.destroy()
    await wait(50)
    expect((await sendRaw(rig.port, request('/api/x'))).status).toBe(200)
    expect(await rig.metrics()).toContain('latchkey_guard_limits_hit_total{limit="connections"} 1')
    for (const { socket } of held) socket.destroy()
  })
  it('of all together are bounded', async () => {
    const { rig } = await start({ maxConnections: 2 })
    const held = await Promise.all([1, 2].map(() => openRaw(rig.port)))
    expect(await (await openRaw(rig.port)).closed()).toBe('')
    for (const { socket } of held) socket.destroy()
  })
  it('that carry nothing are ended: new ones like slow heads, kept ones after their idle time', async () => {
    const { rig } = await start({ headersTimeoutMs: 200, keepAliveMs: 300 })
    const [silent, kept] = await Promise.all([openRaw(rig.port), openRaw(rig.port)])
    kept.send(request('/api/x'))
    expect((await kept.answer()).status).toBe(200)
    expect([await silent.closed(), await kept.closed()]).toEqual(['', ''])
  })
})

describe('a long answer', () => {
  it('reaches a slow reader whole', async () => {
    const body = Buffer.alloc(8 * 1_048_576, 'abcdefgh')
    const app = await listen(createHttpServer((_request, response) => response.end(body)))
    const rig = await startGuard(app.port)
    cleanups.push(app.close, rig.close)
    const caller = connect(rig.port, '127.0.0.1')
    caller.write(request('/api/x', 'Connection: close\r\n'))
    const pieces: Buffer[] = []
    for await (const piece of caller) {
      pieces.push(piece)
      if (pieces.length % 8 === 0) await wait(1)
    }
    const text = Buffer.concat(pieces)
    expect(text.subarray(text.indexOf('\r\n\r\n') + 4).equals(body)).toBe(true)
  })
})

describe('a long body', () => {
  it.each(['Content-Length', 'Transfer-Encoding'])('framed by %s reaches a slow app whole', async framing => {
    let received = 0
    const app = await listen(
      createHttpServer(async (incoming, response) => {
        for await (const piece of incoming) {
          received += piece.length
          if (received % 5 === 0) await wait(1)
        }
        response.end(String(received))
      }),
    )
    const rig = await startGuard(app.port)
    cleanups.push(app.close, rig.close)
    const chunk = Buffer.alloc(100_000, 'x')
    const caller = await openRaw(rig.port)
    const isChunked = framing === 'Transfer-Encoding'
    caller.send(request('/api/x', `${framing}: ${isChunked ? 'chunked' : 40 * chunk.length}\r\n`, 'POST'))
    for (let at = 0; at < 40; at++) {
      if (isChunked) caller.send(`${chunk.length.toString(16)}\r\n`)
      caller.send(chunk)
      if (isChunked) caller.send('\r\n')
    }
    if (isChunked) caller.send('0\r\n\r\n')
    expect((await caller.answer()).body).toBe(String(40 * chunk.length))
    caller.socket.destroy()
  })
})

describe('HTTP/1.0', () => {
  it('ends with its answer, unless the caller keeps the connection', async () => {
    const { rig } = await start()
    const caller = await openRaw(rig.port)
    caller.send(request('/api/x', 'Connection: keep-alive\r\n').replace('HTTP/1.1', 'HTTP/1.0'))
    expect((await caller.answer()).headers.connection).toEqual(['keep-alive'])
    caller.send(request('/api/x').replace('HTTP/1.1', 'HTTP/1.0'))
    expect((await caller.answer()).headers.connection).toEqual(['close'])
    expect(await caller.closed()).toBe('')
  })
})
