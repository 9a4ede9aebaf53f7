import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import net from 'node:net'
import { buffer } from 'node:stream/consumers'
import tls from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { markProved, markStream } from '../../../../platform/http/exchanges.ts'
import type { HttpLimits } from '../../../../platform/http/limits.ts'
import { createServer, type HttpServer, type HttpServerOptions } from '../../../../platform/http/server.ts'
import { createTlsSource } from '../../../../platform/http/tls-source.ts'
import { createAuthority, createServerCertificate } from '../../../../platform/x509.ts'
import { createQuietLog } from '../quiet-log.ts'

const host = '127.0.0.1'
const quick: Partial<HttpLimits> = { handshakeMs: 200, headMs: 200, requestMs: 300, idleMs: 200, answerMs: 200 }
const ends: (() => void | Promise<void>)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const now = new Date()
const authority = await createAuthority({ commonName: 'a.test', now, lifetimeMs: 3_600_000 })
const issued = await createServerCertificate({ authority, hosts: ['a.test'], now, lifetimeMs: 3_600_000 })
const pair = { cert: issued.certificate, key: issued.privateKey }

type Handler = HttpServerOptions['handler']
const hello: Handler = (_request, response) => void response.end('hello')

async function serve(handler: Handler, limits: Partial<HttpLimits> = quick, secure?: 'tls') {
  const met: string[] = []
  const server: HttpServer = createServer({
    ...{ name: 'test', host, port: 0, log: createQuietLog().log, handler, limits },
    ...(secure && { tls: createTlsSource(pair) }),
    onLimit: limit => met.push(limit),
  })
  ends.push(() => server.close(0))
  const { port } = await server.listen()
  return { port, met, server }
}

/** A peer; `from` is the last byte of its address. */
function connect(port: number, from = 1): net.Socket {
  const socket = net.connect({ host, port, localAddress: `127.0.0.${from}` })
  socket.on('error', () => {})
  ends.push(() => void socket.destroy())
  return socket
}

function connectSecurely(port: number, from = 1): tls.TLSSocket {
  const socket = tls.connect({ socket: connect(port, from), rejectUnauthorized: false })
  socket.on('error', () => {})
  return socket
}

/** Sends it byte by byte, for as long as the connection lives. */
function drip(socket: net.Socket, text: string): void {
  let at = 0
  const timer = setInterval(() => socket.write(text.charAt(at++ % text.length)), 40)
  socket.on('close', () => clearInterval(timer))
}

/** Bytes that nobody will read any more make a reset of an end; both are an end. */
function closed(socket: net.Socket): Promise<void> {
  return new Promise(resolve => {
    if (socket.destroyed) resolve()
    else socket.once('close', () => resolve())
  })
}

async function answerOf(socket: net.Socket): Promise<string> {
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  await closed(socket)
  return text
}

const headOf = (lines: string) => `${lines}\r\nHost: a.test\r\n`

describe('S01 a connection is closed', () => {
  test('when nothing is said on it', async () => {
    const { port } = await serve(hello)
    const socket = connect(port)
    expect(await answerOf(socket)).toBe('')
  })

  test.each([
    ['half a line', 'GET / HT'],
    ['half a head', 'GET / HTTP/1.1\r\nHost: a\r\n'],
  ])('after %s', async (_what, text) => {
    const { port, met } = await serve(hello)
    const socket = connect(port)
    socket.write(text)
    expect(await answerOf(socket)).toContain('408')
    expect(met).toEqual(['head_timeout'])
  })

  test('when a head comes byte by byte', async () => {
    const { port, met } = await serve(hello)
    const socket = connect(port)
    drip(socket, `GET / HTTP/1.1\r\nA: ${'a'.repeat(10_000)}`)
    await answerOf(socket)
    expect(met).toEqual(['head_timeout'])
  })

  test.each([
    ['a length', 'Content-Length: 1000\r\n\r\n', 'b'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n', '1\r\nb\r\n'],
  ])('when a body with %s comes byte by byte, also after it was answered', async (_what, fields, body) => {
    for (const handler of [
      async (request: IncomingMessage, response: ServerResponse) => {
        await buffer(request).catch(() => undefined)
        response.destroy()
      },
      hello,
    ]) {
      const { port, met } = await serve(handler)
      const socket = connect(port)
      socket.write(`${headOf('POST / HTTP/1.1')}${fields}`)
      drip(socket, body)
      await answerOf(socket)
      expect(met).toEqual(['body_timeout'])
    }
  })

  test.each([
    ['silence', ''],
    ['line ends', '\r\n'],
    ['half a head', 'GET / HTTP/1.1\r\nHost: a'],
  ])('after an answer, by %s', async (_what, text) => {
    const { port } = await serve(hello, { ...quick, idleMs: 100 })
    const socket = connect(port)
    socket.write(`${headOf('GET / HTTP/1.1')}\r\n`)
    await once(socket, 'data')
    if (text !== '') drip(socket, text)
    await closed(socket.resume())
  })

  test('when its answer is not read', async () => {
    const { port, met } = await serve((_request, response) => void response.end(Buffer.alloc(7 * 1_048_576)))
    const socket = connect(port)
    socket.write(`${headOf('GET / HTTP/1.1')}\r\n`)
    await expect.poll(() => met).toEqual(['unread'])
  })

  test.each([
    ['silence', undefined],
    ['half a hello', Buffer.from('160301012c01', 'hex')],
  ])('in the TLS handshake, after %s', async (_what, bytes) => {
    const { port, met } = await serve(hello, quick, 'tls')
    const socket = connect(port)
    if (bytes) socket.write(bytes)
    await closed(socket.resume())
    expect(met).toEqual(['handshake_timeout'])
  })

  test('in the TLS handshake, when the hello comes byte by byte', async () => {
    const { port, met } = await serve(hello, quick, 'tls')
    const socket = connect(port)
    // A record of 512 bytes with a hello of 508, which never becomes whole.
    socket.write(Buffer.from('1603010200010001fc0303', 'hex'))
    drip(socket, '\0')
    await closed(socket.resume())
    expect(met).toEqual(['handshake_timeout'])
  })

  test.each([
    ['silence', ''],
    ['half a head', 'GET / HTTP/1.1\r\nHost: a'],
  ])('behind TLS, after %s', async (_what, text) => {
    const { port } = await serve(hello, quick, 'tls')
    const socket = connectSecurely(port)
    await once(socket, 'secureConnect')
    if (text !== '') socket.write(text)
    await closed(socket.resume())
  })

  test('unless it is a stream, which bounds itself', async () => {
    let stream: ServerResponse | undefined
    const { port, met } = await serve((_request, response) => {
      markStream(response)
      stream = response.writeHead(200)
      response.write('first\n')
    })
    const socket = connect(port)
    socket.write(`${headOf('POST / HTTP/1.1')}Transfer-Encoding: chunked\r\n\r\n`)
    const other = connect(port)
    await once(socket, 'data')
    // When this one's time is over, so is that of the stream.
    await closed(other.resume())
    await closed(connect(port).resume())
    expect(socket.destroyed).toBe(false)
    stream?.end()
    expect(met).toEqual([])
  })
})

describe('S02 connections are divided by peers', () => {
  const few = { ...quick, headMs: 20_000, strangers: { sum: 8, perPeer: 8 } }

  test('who holds few is let in, and the newest of the greediest goes', async () => {
    const { port, met } = await serve(hello, few)
    const greedy = Array.from({ length: 8 }, () => connect(port, 2))
    await Promise.all(greedy.map(socket => once(socket, 'connect')))
    const good = connect(port, 3)
    good.write(`${headOf('GET / HTTP/1.1')}Connection: close\r\n\r\n`)
    expect(await answerOf(good)).toContain('200')
    expect(met).toEqual(['connections'])
    for (const socket of greedy) socket.resume()
    await expect.poll(() => greedy.filter(socket => socket.destroyed).length).toBe(1)
  })

  test('one peer gets its part and no more, and its own newcomers are refused', async () => {
    const { port, met } = await serve(hello, { ...few, strangers: { sum: 8, perPeer: 4 } })
    const held = Array.from({ length: 4 }, () => connect(port, 2))
    await Promise.all(held.map(socket => once(socket, 'connect')))
    await closed(connect(port, 2).resume())
    expect(met).toEqual(['connections'])
  })

  test('a proved peer is not moved by strangers, however many', async () => {
    const { port, server } = await serve((_request, response) => {
      markProved(response)
      response.end('hello')
    }, few)
    const good = connect(port, 3)
    good.write(`${headOf('GET / HTTP/1.1')}\r\n`)
    await once(good, 'data')
    for (let address = 10; address < 30; address++) connect(port, address).write('GET')
    good.write(`${headOf('GET / HTTP/1.1')}Connection: close\r\n\r\n`)
    expect(await answerOf(good)).toContain('200')
    await server.close(0)
  })

  test('handshakes under way have a sum of their own', async () => {
    const { port, met } = await serve(hello, { ...few, handshakeMs: 20_000, handshakes: { sum: 4, perPeer: 2 } }, 'tls')
    const silent = Array.from({ length: 2 }, () => connect(port, 2))
    await Promise.all(silent.map(socket => once(socket, 'connect')))
    await closed(connect(port, 2).resume())
    expect(met).toEqual(['handshakes'])
    const good = connectSecurely(port, 3)
    await once(good, 'secureConnect')
    good.write(`${headOf('GET / HTTP/1.1')}Connection: close\r\n\r\n`)
    expect(await answerOf(good)).toContain('200')
  })
})

describe('S03 bodies have a sum', () => {
  let begun = 0
  const wait: Handler = async (request, response) => {
    begun++
    await buffer(request).catch(() => undefined)
    response.end('read')
  }
  const small = { bodyBytes: 1_000, shortBodies: { sum: 2_000, perPeer: 1_000 }, requestMs: 20_000 }

  test.each([
    ['declared', 'Content-Length: 1000\r\n\r\n'],
    ['without a length', 'Transfer-Encoding: chunked\r\n\r\n'],
  ])('one for which there is no place is refused before it is read: %s', async (_what, fields) => {
    begun = 0
    const { port, met } = await serve(wait, { ...quick, ...small })
    connect(port, 2).write(`${headOf('POST / HTTP/1.1')}${fields}`)
    await expect.poll(() => begun).toBe(1)
    const second = connect(port, 2)
    second.write(`${headOf('POST / HTTP/1.1')}${fields}`)
    expect(await answerOf(second)).toMatch(/503.*too_busy/s)
    expect(met).toEqual(['bodies'])
    const good = connect(port, 3)
    good.write(`${headOf('POST / HTTP/1.1')}Content-Length: 2\r\nConnection: close\r\n\r\nhi`)
    expect(await answerOf(good)).toContain('read')
  })
})

describe('S03 long bodies and short ones have sums of their own', () => {
  test('a peer whose long bodies take all the place there is has its short ones read', async () => {
    const longBodies = { sum: 200_000, perPeer: 100_000 }
    const handler: Handler = async (request, response) => {
      await buffer(request).catch(() => undefined)
      response.end('read')
    }
    const { port, met } = await serve(handler, { ...quick, longBodies, bodyBytes: 100_000, requestMs: 20_000 })
    const long = `${headOf('POST / HTTP/1.1')}Content-Length: 100000\r\n\r\n`
    connect(port, 2).write(long)
    const second = connect(port, 2)
    second.write(long)
    expect(await answerOf(second)).toMatch(/503.*too_busy/s)
    const short = connect(port, 2)
    short.write(`${headOf('POST / HTTP/1.1')}Content-Length: 2\r\nConnection: close\r\n\r\nhi`)
    expect(await answerOf(short)).toContain('read')
    expect(met).toEqual(['bodies'])
  })
})

describe('S04 answers that nobody reads have a sum', () => {
  test('the newest of who holds most goes', async () => {
    const size = 8 * 1_048_576
    const limits = { ...quick, answerMs: 20_000, answers: { sum: 2 * size, perPeer: size + 1_000 } }
    const { port, met } = await serve((_request, response) => void response.end(Buffer.alloc(size)), limits)
    for (let n = 0; n < 3; n++) connect(port, 2).write(`${headOf('GET / HTTP/1.1')}\r\n`)
    await expect.poll(() => met).toEqual(['answers', 'answers'])
    const good = connect(port, 3)
    good.write(`${headOf('GET / HTTP/1.1')}Connection: close\r\n\r\n`)
    expect((await answerOf(good)).length).toBeGreaterThan(size)
  })

  test('a peer sends no more requests at once than it may', async () => {
    const { port, met } = await serve(async () => new Promise(() => {}), { ...quick, pipelined: 3 })
    const socket = connect(port)
    socket.write(`${headOf('GET / HTTP/1.1')}\r\n`.repeat(10))
    await closed(socket.resume())
    expect(met[0]).toBe('pipelined')
  })

  test.each([
    ['plain', (port: number) => connect(port), undefined],
    ['TLS', (port: number) => connectSecurely(port), 'tls' as const],
  ])('what came behind the request for which its connection was closed is not read: %s', async (_, open, secure) => {
    const limits = { ...quick, handshakeMs: 20_000, headMs: 20_000, pipelined: 3 }
    const { port, met } = await serve(async () => new Promise(() => {}), limits, secure)
    const paths: string[] = []
    const seen = (message: unknown) => paths.push((message as { request: IncomingMessage }).request.url ?? '')
    subscribe('http.server.request.start', seen)
    const socket = open(port)
    socket.write(Array.from({ length: 500 }, (_, n) => `${headOf(`GET /${n} HTTP/1.1`)}\r\n`).join(''))
    await closed(socket.resume())
    unsubscribe('http.server.request.start', seen)
    expect([paths, met]).toEqual([['/0', '/1', '/2', '/3'], ['pipelined']])
  })
})
