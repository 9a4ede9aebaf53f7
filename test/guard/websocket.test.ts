import { createServer } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { alice, bob } from './policy-rows.ts'
import { openRaw, sendRaw } from './raw-socket.ts'
import { listen, type Rig, startGuard } from './rig.ts'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function startRig(): Promise<{ rig: Rig; heads: string[][] }> {
  const heads: string[][] = []
  const server = createServer((request, response) => {
    heads.push(request.rawHeaders)
    response.writeHead(200, { 'content-length': 2 }).end('no')
  })
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket, head) => {
    heads.push(request.rawHeaders)
    if (request.url?.startsWith('/api/refuses')) {
      return void socket.end('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope')
    }
    sockets.handleUpgrade(request, socket, head, client => {
      client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }))
    })
  })
  const app = await listen(server)
  const rig = await startGuard(app.port)
  cleanups.push(async () => {
    for (const client of sockets.clients) client.terminate()
    await rig.close()
    await app.close()
  })
  return { rig, heads }
}

const open = (rig: Rig, token: string | undefined, path = '/api/socket'): WebSocket =>
  new WebSocket(`ws://127.0.0.1:${rig.port}${path}`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })
const opened = (socket: WebSocket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.on('open', resolve)
    socket.on('error', reject)
  })
const closing = (socket: WebSocket): Promise<void> => new Promise(resolve => socket.on('close', () => resolve()))
const refusal = (socket: WebSocket): Promise<number | undefined> =>
  new Promise(resolve => {
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode))
    socket.on('error', () => {})
  })
const handshake = (fields: string, line = 'GET /api/socket HTTP/1.1', token = alice.token()): string =>
  `${line}\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${fields}\r\n`

describe('P26 a WebSocket', () => {
  it('is let in like a GET and carries messages both ways', async () => {
    const { rig, heads } = await startRig()
    const socket = open(rig, alice.token())
    await opened(socket)
    const answers: string[] = []
    socket.on('message', data => answers.push(String(data)))
    socket.send('hello')
    socket.send('x'.repeat(300_000))
    while (answers.length < 2) await new Promise(resolve => setTimeout(resolve, 5))
    expect(answers.map(text => text.length)).toEqual([5, 300_000])
    const head = (heads[0] as string[]).join('\n')
    expect(head).toContain(`Latchkey-Client\n${alice.clientId}`)
    expect(head).not.toContain('Bearer')
    expect((await rig.audit())[0]).toMatchObject({ decision: 'allow', status: 101, client: 'callers/alice' })
    socket.close()
    await closing(socket)
  })
  it('is refused without a credential, with a bad one and without a grant', async () => {
    const { rig, heads } = await startRig()
    expect(await refusal(open(rig, undefined))).toBe(401)
    expect(await refusal(open(rig, 'a.b.c'))).toBe(401)
    expect(await refusal(open(rig, bob.token()))).toBe(403)
    expect(heads).toEqual([])
  })
  it('opens no tunnel when the app does not answer 101, whatever is sent after', async () => {
    const { rig, heads } = await startRig()
    const connection = await openRaw(rig.port)
    connection.send(
      `${handshake('Upgrade: websocket\r\n', 'GET /api/refuses HTTP/1.1')}GET /admin HTTP/1.1\r\nHost: orders\r\n\r\n`,
    )
    const answer = await connection.answer()
    expect([answer.status, answer.body]).toEqual([426, 'nope'])
    expect(answer.headers['latchkey-decision']).toEqual(['allow; reason=granted; by=guard'])
    expect(await connection.closed()).toBe('')
    expect(heads).toHaveLength(1)
  })
  it.each([
    ['by POST', handshake('Upgrade: websocket\r\n', 'POST /api/socket HTTP/1.1')],
    ['with a body', `${handshake('Upgrade: websocket\r\nContent-Length: 3\r\n')}abc`],
    ['over HTTP/1.0', handshake('Upgrade: websocket\r\n', 'GET /api/socket HTTP/1.0')],
    ['to TLS', handshake('Upgrade: TLS/1.0\r\n')],
    ['to one of two', handshake('Upgrade: websocket, h2c\r\n')],
    ['twice', handshake('Upgrade: websocket\r\nUpgrade: websocket\r\n')],
  ])('is refused %s', async (_what, bytes) => {
    const { rig, heads } = await startRig()
    const answer = await sendRaw(rig.port, bytes, 'GET')
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([400, 'request_malformed'])
    expect(heads).toEqual([])
  })
  it('is no tunnel when Connection does not say so', async () => {
    const { rig } = await startRig()
    const bytes = handshake('Upgrade: websocket\r\n').replace('Connection: Upgrade\r\n', '')
    expect(await sendRaw(rig.port, bytes)).toMatchObject({ status: 200, body: 'no' })
  })
  it.each([
    ['a denied call', 'GET /api/x HTTP/1.1\r\nHost: orders\r\n\r\n', handshake('Upgrade: websocket\r\n')],
    ['a refused call', 'GET /api/x HTTP/1.1\r\n\r\n', handshake('Upgrade: websocket\r\n')],
    [
      'a denied call, by CONNECT',
      'GET /api/x HTTP/1.1\r\nHost: orders\r\n\r\n',
      'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    ],
  ])('is cut off when it comes in one packet with %s, and the guard stands', async (_what, first, second) => {
    const { rig } = await startRig()
    const connection = await openRaw(rig.port)
    connection.send(first + second)
    expect(await connection.closed()).not.toContain('101 Switching')
    expect((await sendRaw(rig.port, 'GET /open/x HTTP/1.1\r\nHost: orders\r\n\r\n')).status).toBe(200)
  })
  it('is cut off when an answer is still to come on its connection', async () => {
    const { rig } = await startRig()
    const connection = await openRaw(rig.port)
    connection.send(
      handshake('Upgrade: websocket\r\n').replace('Connection: Upgrade\r\n', '') + handshake('Upgrade: websocket\r\n'),
    )
    expect(await connection.closed()).not.toContain('101 Switching')
  })
})
