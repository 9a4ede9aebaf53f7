import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, createServer as createTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { reasons } from '../../../core/base/reasons.ts'
import { createTlsSource } from '../../../platform/http/tls-source.ts'
import { makePair } from '../../unit/webhook/make-pair.ts'
import { alice, rowsOf } from '../policy-rows.ts'
import { openRaw, type RawConnection } from '../raw-socket.ts'
import { listen, type Rig, startGuard } from '../rig.ts'
import { until } from '../until.ts'
import { keeps, type Loss, losses, revocation, waitFor } from './losses.ts'

// What is open over HTTP/1.1 when its caller loses the right to it.

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** Requests that the app has, and how many of them it lost. */
interface App {
  readonly asked: { readonly request: IncomingMessage; readonly response: ServerResponse }[]
  readonly bodies: string[]
  lost: number
}

/** An app that answers `stream` with a piece, `sized` with half, and `poll` never; `both` reads while it answers. */
async function startRig(rows = rowsOf(), options: Parameters<typeof startGuard>[1] = {}): Promise<Rig & { app: App }> {
  const app: App = { asked: [], bodies: [], lost: 0 }
  const server = createServer((request, response) => {
    const at = app.asked.push({ request, response }) - 1
    app.bodies[at] = ''
    request.on('data', chunk => (app.bodies[at] += chunk))
    request.on('error', () => {})
    response.on('close', () => response.writableFinished || app.lost++)
    const last = request.url?.split('/').at(-1)
    if (last === 'sized') response.writeHead(200, { 'content-length': 1_000 }).write('half')
    else if (last === 'stream' || last === 'both') response.writeHead(200).write('data: 1\n\n')
    else if (last === 'done') response.end('done')
  })
  const { port, close } = await listen(server)
  const rig = await startGuard(port, { rows, ...options })
  cleanups.push(async () => {
    await rig.close()
    await close()
  })
  return { ...rig, app }
}

const request = (line: string, fields = '', token = alice.token()): string =>
  `${line}\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n${fields}\r\n`

async function opened(rig: Rig & { app: App }, bytes: string): Promise<RawConnection & { text(): string }> {
  const connection = await openRaw(rig.port)
  let text = ''
  connection.socket.on('data', chunk => (text += chunk))
  connection.send(bytes)
  await until(() => rig.app.asked.length > 0)
  return { ...connection, text: () => text }
}

const isCut = (socket: Socket): Promise<'reset' | 'end'> =>
  new Promise(resolve => {
    socket.once('end', () => resolve('end'))
    socket.once('error', () => resolve('reset'))
  })

/** Passes bytes on, and keeps those that come back. */
async function relayTo(port: number): Promise<{ port: number; bytes(): Buffer }> {
  const back: Buffer[] = []
  const relay = createTcp(socket => {
    const guard = connect(port, '127.0.0.1')
    guard.on('data', (chunk: Buffer) => back.push(chunk))
    for (const side of [socket, guard]) side.on('error', () => {})
    socket.pipe(guard).pipe(socket)
  })
  await new Promise<void>(resolve => relay.listen(0, '127.0.0.1', resolve))
  cleanups.push(async () => void relay.close())
  return { port: (relay.address() as AddressInfo).port, bytes: () => Buffer.concat(back) }
}

/** RFC 5246 section 6.2.1. */
function recordTypes(bytes: Buffer): number[] {
  const types: number[] = []
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) types.push(bytes[at] as number)
  return types
}

/** An answer that goes out. */
async function streaming(rig: Rig & { app: App }, token: string): ReturnType<typeof opened> {
  const connection = await opened(rig, request('GET /api/stream HTTP/1.1', '', token))
  await until(() => connection.text().includes('data: 1'))
  return connection
}

describe('J25 an answer that goes out over HTTP/1.1', () => {
  it.each(losses)('is cut without its last chunk when $name', async ({ rows, token, reason, lose }) => {
    const rig = await startRig(rows())
    const connection = await streaming(rig, token())
    lose(rig)
    const text = await connection.closed()
    expect(text).toContain('Transfer-Encoding: chunked')
    expect(text).not.toContain('0\r\n\r\n')
    await until(() => rig.app.lost === 1)
    const lines = await rig.audit(2)
    expect(lines.map(line => [line.decision, line.event, line.status])).toEqual([
      ['allow', undefined, 200],
      ['deny', 'call_closed', undefined],
    ])
    expect(lines[1]).toMatchObject({ reason, path: '/api/stream', requestId: lines[0]?.requestId })
    expect(await rig.metrics()).toContain(
      `latchkey_guard_open_calls_closed_total{event="call_closed",reason="${reason}"} 1`,
    )
  })

  it('goes on while nothing takes the right away', async () => {
    const rig = await startRig()
    const connection = await streaming(rig, alice.token())
    for (const [at, change] of keeps.entries()) {
      change.happen(rig)
      await waitFor(change)
      rig.app.asked[0]?.response.write(`event ${at}\n\n`)
      await until(() => connection.text().includes(`event ${at}`))
    }
    rig.app.asked[0]?.response.end()
    await until(() => connection.text().endsWith('0\r\n\r\n'))
    expect((await rig.audit()).map(({ event }) => event)).toEqual([undefined])
    connection.socket.destroy()
  })
})

/** What may be open, and what its caller sees of the end. */
const closed = async (rig: Rig & { app: App }, connection: RawConnection, { lose }: Loss): Promise<string> => {
  lose(rig)
  const text = await connection.closed()
  await until(() => rig.app.lost === 1)
  return text
}

/** The whole answer of the guard's own, and that the connection ends with it. */
function expectDenial(text: string, reason: keyof typeof reasons): void {
  const [head = '', body = ''] = text.split('\r\n\r\n')
  expect(head).toContain(`HTTP/1.1 ${reasons[reason].status} `)
  expect(head).toContain(`Latchkey-Decision: deny; reason=${reason}; by=guard`)
  expect(head).toContain('Connection: close')
  expect(JSON.parse(body)).toMatchObject({ code: reason })
}

describe('J25 a long poll over HTTP/1.1', () => {
  it.each(losses)('is answered why when $name', async one => {
    const rig = await startRig(one.rows())
    const connection = await opened(rig, request('GET /api/poll HTTP/1.1', '', one.token()))
    expectDenial(await closed(rig, connection, one), one.reason)
    const lines = await rig.audit()
    expect(lines.map(line => [line.decision, line.reason, line.event, line.status])).toEqual([
      ['deny', one.reason, 'call_closed', reasons[one.reason].status],
    ])
  })
})

describe('J25 when its key is revoked', () => {
  it.each([
    ['in chunks', 'Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n'],
    ['of known length', 'Content-Length: 100000\r\n', 'abc'],
  ])('a body %s that still comes is answered 401, and no more of it reaches the app', async (_how, fields, piece) => {
    const rig = await startRig()
    const connection = await opened(rig, request('POST /api/poll HTTP/1.1', fields))
    connection.send(piece)
    await until(() => rig.app.bodies[0] === 'abc')
    revocation.lose(rig)
    connection.send(piece)
    await until(() => connection.text().includes('}'))
    connection.send(piece)
    expectDenial(await connection.closed(), 'key_revoked')
    await until(() => rig.app.lost === 1)
    expect(rig.app.bodies[0]?.length).toBeLessThanOrEqual(6)
  })

  it('a body that still comes while the app answers is cut off, and so is its answer', async () => {
    const rig = await startRig()
    const connection = await opened(rig, request('POST /api/both HTTP/1.1', 'Transfer-Encoding: chunked\r\n'))
    connection.send('3\r\nabc\r\n')
    await until(() => connection.text().includes('data: 1'))
    expect(await closed(rig, connection, revocation)).not.toContain('0\r\n\r\n')
  })

  it('an answer of known length ends before it', async () => {
    const rig = await startRig()
    const connection = await opened(rig, request('GET /api/sized HTTP/1.1'))
    await until(() => connection.text().includes('half'))
    expect(await closed(rig, connection, revocation)).toMatch(/Content-Length: 1000[\s\S]*half$/)
  })

  it('an answer that ends with its connection is reset: an end would make it look whole', async () => {
    const rig = await startRig()
    const connection = await opened(rig, request('GET /api/stream HTTP/1.0'))
    await until(() => connection.text().includes('data: 1'))
    const cut = isCut(connection.socket)
    revocation.lose(rig)
    expect(await cut).toBe('reset')
  })

  it.each(['1.0', '1.1'])(
    'an answer over HTTP/%s behind TLS ends without the alert that announces an end',
    async version => {
      const { ca, ...pair } = await makePair()
      const rig = await startRig(rowsOf(), { tls: createTlsSource(pair) })
      const { port, bytes } = await relayTo(rig.port)
      // Later versions do not show of which type a record is.
      const socket = connectTls({ port, host: '127.0.0.1', ca, maxVersion: 'TLSv1.2' })
      let text = ''
      socket.on('data', chunk => (text += chunk))
      socket.on('error', () => {})
      socket.write(request(`GET /api/stream HTTP/${version}`))
      await until(() => text.includes('data: 1'))
      const closed = new Promise(resolve => socket.once('close', resolve))
      revocation.lose(rig)
      await closed
      const alert = 21
      expect(recordTypes(bytes())).not.toContain(alert)
      expect(rig.log.filter(({ level }) => level === 'error')).toEqual([])
    },
  )

  it('a caller that does not read gets nothing more', async () => {
    const rig = await startRig()
    const connection = await opened(rig, request('GET /api/stream HTTP/1.1'))
    connection.socket.pause()
    const { response } = rig.app.asked[0] as App['asked'][number]
    const piece = Buffer.alloc(65_536, 'x')
    for (let at = 0; at < 256; at++) response.write(piece)
    await new Promise(resolve => setTimeout(resolve, 100))
    await closed(rig, { ...connection, closed: async () => '' }, revocation)
    connection.socket.resume()
    expect(await connection.closed()).not.toContain('\r\n0\r\n\r\n')
  })

  it('a call that waits for a connection to the app is answered, and never reaches it', async () => {
    const rig = await startRig(rowsOf(), { maxUpstreamConnections: 1 })
    const other = await opened(rig, request('GET /open/poll HTTP/1.1'))
    const connection = await openRaw(rig.port)
    connection.send(request('GET /api/done HTTP/1.1'))
    await until(async () => (await rig.metrics()).includes('latchkey_guard_requests_in_flight 2'))
    revocation.lose(rig)
    expectDenial(await connection.closed(), 'key_revoked')
    rig.app.asked[0]?.response.end()
    await until(() => other.text().includes('HTTP/1.1 200'))
    other.socket.destroy()
    expect(rig.app.asked).toHaveLength(1)
  })

  it('a handshake of a WebSocket that the app has not answered is', async () => {
    const rig = await startRig()
    const fields = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
    const connection = await opened(rig, request('GET /api/poll HTTP/1.1', fields))
    expectDenial(await closed(rig, connection, revocation), 'key_revoked')
  })

  it('a connection that is between requests stays, and its next request is refused', async () => {
    const rig = await startRig()
    const connection = await openRaw(rig.port)
    connection.send(request('GET /api/done HTTP/1.1'))
    expect((await connection.answer()).body).toBe('done')
    revocation.lose(rig)
    await new Promise(resolve => setTimeout(resolve, 50))
    connection.send(request('GET /api/done HTTP/1.1'))
    expect((await connection.answer()).status).toBe(401)
    connection.socket.destroy()
  })

  it('requests of others go on, on other connections and behind one another', async () => {
    const rig = await startRig()
    const open = await opened(rig, request('GET /open/stream HTTP/1.1', '', 'none'))
    revocation.lose(rig)
    await new Promise(resolve => setTimeout(resolve, 50))
    rig.app.asked[0]?.response.end('data: 2\n\n')
    await until(() => open.text().endsWith('0\r\n\r\n'))
    open.socket.destroy()
  })
})
