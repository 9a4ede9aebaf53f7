import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { cleanUp, cleanups, guarding, outcomeOf, session } from '../http2-rig.ts'
import { alice } from '../policy-rows.ts'
import { openRaw } from '../raw-socket.ts'
import type { Rig } from '../rig.ts'
import { answer, app, request, wait } from './raw-app.ts'

// An app may answer before it has read the body, and close: its answer is what the caller gets.

afterEach(cleanUp)

const large = 2_000_000

/** An app that reads no more than the head, answers at once, and closes with the rest unread. */
async function refusing(bytes: string, close: (socket: Socket) => void = socket => socket.destroySoon()) {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('readable', () => {
      socket.read(1)
      socket.write(bytes, () => close(socket))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return guarding({ port: (server.address() as AddressInfo).port, protocol: 'http1' })
}

interface Got {
  readonly status: number
  readonly body: string
}
type Framing = 'sized' | 'chunked'

async function overHttp1(rig: Rig, framing: Framing): Promise<Got> {
  const connection = await openRaw(rig.port)
  cleanups.push(() => connection.socket.destroy())
  const head = request('POST')
  const line = framing === 'sized' ? `Content-Length: ${large}` : 'Transfer-Encoding: chunked'
  connection.send(head.replace('\r\n\r\n', `\r\n${line}\r\n\r\n`))
  const piece = 'x'.repeat(50_000)
  for (let sent = 0; sent < large; sent += piece.length) {
    connection.send(framing === 'sized' ? piece : `${piece.length.toString(16)}\r\n${piece}\r\n`)
  }
  if (framing === 'chunked') connection.send('0\r\n\r\n')
  return connection.answer()
}

async function overHttp2(rig: Rig, framing: Framing): Promise<Got & { resetWith: number }> {
  const fields = { ':path': '/api/x', ':method': 'POST', authorization: `Bearer ${alice.token()}` }
  const stream = session(rig).request(framing === 'sized' ? { ...fields, 'content-length': String(large) } : fields)
  const outcome = outcomeOf(stream)
  stream.end(Buffer.alloc(large, 'x'))
  return outcome
}

const callers = [
  ['HTTP/1.1', overHttp1],
  ['HTTP/2', overHttp2],
] as const
const closing = (status: number, body = 'no'): string =>
  `HTTP/1.1 ${status} X\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`

describe.each(callers)('a caller of %s whose body an app does not read', (_name, call) => {
  it.each([
    [401, 'sized'],
    [403, 'chunked'],
    [413, 'sized'],
    [200, 'sized'],
    [303, 'chunked'],
  ] as const)('gets its %i: %s', async (status, framing) => {
    const rig = await refusing(closing(status))
    for (let turn = 0; turn < 10; turn++) expect(await call(rig, framing)).toMatchObject({ status, body: 'no' })
    expect(await rig.metrics()).not.toMatch(/upstream_faults_total\{.*\} [1-9]/)
  })
  it('gets it whole, long as it is, when the app has reset the connection', async () => {
    const body = 'y'.repeat(100_000)
    const rig = await refusing(closing(413, body), socket => socket.destroy())
    for (let turn = 0; turn < 10; turn++) expect(await call(rig, 'sized')).toMatchObject({ status: 413, body })
  })
  it('gets 502 when there is no answer', async () => {
    const rig = await refusing('', socket => socket.destroy())
    expect((await call(rig, 'sized')).status).toBe(502)
  })
})

it('an app that answers 400 or more gets no more of the body, and keeps no caller of HTTP/1.1 waiting', async () => {
  let bytes = 0
  const { rig } = await app(socket => {
    socket.on('data', chunk => (bytes += chunk.length))
    socket.write('HTTP/1.1 403 X\r\nContent-Length: 2\r\n\r\nn')
    setTimeout(() => socket.write('o'), 200)
  })
  const connection = await openRaw(rig.port)
  connection.send(request('POST', 'abc').replace('Content-Length: 3', 'X-Early: yes\r\nContent-Length: 40000'))
  await wait(100)
  connection.send('x'.repeat(30_000))
  expect(await connection.answer()).toMatchObject({ status: 403, body: 'no', headers: { connection: ['close'] } })
  await connection.closed()
  expect(bytes).toBe(0)
})

it('an app that answers 200 while the body still comes gets all of it', async () => {
  const { rig } = await app(socket => {
    let text = ''
    socket.write('HTTP/1.1 200 X\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n')
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      if (text.length === 4_997) socket.end('2\r\nok\r\n0\r\n\r\n')
    })
  })
  const connection = await openRaw(rig.port)
  cleanups.push(() => connection.socket.destroy())
  connection.send(request('POST', 'abc').replace('Content-Length: 3', 'X-Early: yes\r\nContent-Length: 5000'))
  await wait(100)
  connection.send('x'.repeat(4_900))
  await wait(50)
  connection.send('x'.repeat(97))
  expect(await connection.answer()).toMatchObject({ status: 200, body: 'ok' })
  await connection.closed()
})

it('what comes before the head of a large request was sent is not its answer', async () => {
  const { rig, seen, connections } = await app((socket, { connection, count }) => {
    socket.write(answer())
    if (connection === 1 && count === 1) setImmediate(() => socket.write(answer(500)))
  })
  for (let turn = 0; turn < 5; turn++) {
    const connection = await openRaw(rig.port)
    cleanups.push(() => connection.socket.destroy())
    connection.send(request())
    await connection.answer()
    connection.send(request('POST', 'x'.repeat(20_000)))
    expect((await connection.answer()).status).toBe(200)
  }
  expect(seen).toHaveLength(10)
  expect(connections()).toBeGreaterThan(1)
})
