import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { alice, rowsOf } from '../policy-rows.ts'
import { openRaw } from '../raw-socket.ts'
import { listen, type Rig, startGuard } from '../rig.ts'
import { until } from '../until.ts'
import { keeps, losses, revocation, waitFor } from './losses.ts'

// An open WebSocket when its caller loses the right to it.

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

interface Opened {
  readonly rig: Rig
  readonly socket: WebSocket
  /** What the app got. */
  readonly messages: string[]
  /** The app's ends: how they were closed. */
  readonly appClosed: number[]
}

/** An app that sends every message back. */
async function opened(rows = rowsOf(), token = alice.token()): Promise<Opened> {
  const messages: string[] = []
  const appClosed: number[] = []
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', client => {
    client.on('message', data => {
      messages.push(String(data))
      client.send(String(data))
    })
    client.on('close', code => appClosed.push(code))
    client.on('error', () => {})
  })
  const rig = await guarding(server, rows)
  const socket = new WebSocket(`ws://127.0.0.1:${rig.port}/api/socket`, {
    headers: { authorization: `Bearer ${token}` },
  })
  await new Promise<void>((resolve, reject) => {
    socket.on('open', resolve)
    socket.on('error', reject)
  })
  return { rig, socket, messages, appClosed }
}

async function guarding(server: ReturnType<typeof createServer>, rows = rowsOf()): Promise<Rig> {
  const app = await listen(server)
  const rig = await startGuard(app.port, { rows })
  cleanups.push(async () => {
    await rig.close()
    await app.close()
  })
  return rig
}

const closing = (socket: WebSocket): Promise<{ code: number; reason: string }> =>
  new Promise(resolve => socket.on('close', (code, reason) => resolve({ code, reason: String(reason) })))

async function echoed({ socket, messages }: Opened, text: string): Promise<void> {
  const back = new Promise(resolve => socket.once('message', resolve))
  socket.send(text)
  await back
  expect(messages.at(-1)).toBe(text)
}

describe('J25 P26 an open WebSocket', () => {
  it.each(losses)('is closed with 1008 and the reason when $name', async ({ rows, token, reason, lose }) => {
    const open = await opened(rows(), token())
    await echoed(open, 'hello')
    const closed = closing(open.socket)
    lose(open.rig)
    expect(await closed).toEqual({ code: 1008, reason })
    await until(() => open.appClosed.length === 1)
    const lines = await open.rig.audit(2)
    expect(lines.map(line => [line.decision, line.event, line.status])).toEqual([
      ['allow', undefined, 101],
      ['deny', 'tunnel_closed', undefined],
    ])
    expect(lines[1]).toMatchObject({ reason, path: '/api/socket', requestId: lines[0]?.requestId })
    const metrics = await open.rig.metrics()
    expect(metrics).toContain(`latchkey_guard_open_calls_closed_total{event="tunnel_closed",reason="${reason}"} 1`)
    expect(metrics).toContain('latchkey_guard_tunnels 0')
  })

  it('goes on while nothing takes the right away', async () => {
    const open = await opened()
    for (const [at, change] of keeps.entries()) {
      change.happen(open.rig)
      await waitFor(change)
      await echoed(open, `message ${at}`)
    }
    expect((await open.rig.audit()).map(({ event }) => event)).toEqual([undefined])
    open.socket.terminate()
  })

  it('passes on nothing more that its caller sends, close frame or not', async () => {
    const open = await opened()
    await echoed(open, 'hello')
    const closed = closing(open.socket)
    revocation.lose(open.rig)
    await until(async () => (await open.rig.audit(2)).length === 2)
    for (let at = 0; at < 20; at++) open.socket.send('too late')
    await closed
    await until(() => open.appClosed.length === 1)
    expect(open.messages).toEqual(['hello'])
  })
})

const handshake = `GET /api/socket HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${alice.token()}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`

/** A WebSocket whose app writes what a test likes. */
async function rawOpened(
  first = '',
): Promise<{ rig: Rig; app: Socket; connection: Awaited<ReturnType<typeof openRaw>> }> {
  let app: Socket | undefined
  const server = createServer()
  server.on('upgrade', (_request, socket) => {
    app = socket as Socket
    app.on('error', () => {})
    app.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${first}`, 'latin1')
  })
  const rig = await guarding(server)
  cleanups.push(async () => void app?.destroy())
  const connection = await openRaw(rig.port)
  connection.send(handshake)
  expect((await connection.answer()).status).toBe(101)
  return { rig, app: app as Socket, connection }
}
/** 1008, key_revoked. */
const closeFrame = '\x88\x0d\x03\xf0key_revoked'

describe('J25 a WebSocket whose app is in the middle of a frame', () => {
  it.each([
    ['in its head', '\x81'],
    ['in its length', '\x81\x7e\x01'],
    ['in its payload', '\x81\x05abc'],
    ['behind a whole one', '\x81\x01a\x81'],
  ])('is cut off, %s', async (_where, bytes) => {
    const { rig, app, connection } = await rawOpened()
    app.write(bytes, 'latin1')
    let got = 0
    connection.socket.on('data', ({ length }: Buffer) => (got += length))
    await until(() => got === bytes.length)
    revocation.lose(rig)
    expect(await connection.closed()).toBe(bytes)
  })

  it.each([
    ['none', ''],
    ['a whole frame', '\x81\x05abcde'],
    ['a frame in two pieces', '\x81\x05ab|cde'],
    ['part of a message', '\x01\x01a'],
    ['a frame of 16 bits of length', `\x82\x7e\x01\x00|${'x'.repeat(256)}`],
    ['a frame of 64 bits of length', `\x82\x7f\x00\x00\x00|\x00\x00\x01\x00\x00${'x'.repeat(65_536)}`],
    ['a frame that came with the handshake', '\x81\x02ab'],
  ])('is told why behind %s', async (what, text) => {
    const isFirst = what.endsWith('handshake')
    const { rig, app, connection } = await rawOpened(isFirst ? text : '')
    const [piece = '', rest = ''] = text.split('|')
    let got = 0
    connection.socket.on('data', ({ length }: Buffer) => (got += length))
    if (!isFirst) {
      app.write(piece, 'latin1')
      await until(() => got === piece.length)
      app.write(rest, 'latin1')
      await until(() => got === piece.length + rest.length)
    }
    revocation.lose(rig)
    expect(await connection.closed()).toBe(`${piece}${rest}${closeFrame}`)
  })

  it('is cut off when its caller does not read, whatever waits', async () => {
    const { rig, app, connection } = await rawOpened()
    connection.socket.pause()
    const frame = Buffer.concat([Buffer.from([0x82, 0x7e, 0xff, 0xff]), Buffer.alloc(65_535)])
    // More than what kernels take between app, guard and caller.
    for (let at = 0; at < 512; at++) app.write(frame)
    let before = -1
    await until(async () => {
      const [waiting, last] = [app.writableLength, before]
      before = waiting
      await new Promise(resolve => setTimeout(resolve, 50))
      return waiting === last
    })
    expect(app.writableLength).toBeGreaterThan(0)
    const gone = new Promise(resolve => app.once('close', resolve))
    revocation.lose(rig)
    await gone
    expect(await rig.metrics()).toContain('latchkey_guard_tunnels 0')
    connection.socket.resume()
    expect(await connection.closed()).not.toContain('key_revoked')
  })
})
