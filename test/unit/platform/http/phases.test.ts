import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { markProved, markStream } from '../../../../platform/http/exchanges.ts'

import { answerOf, closed, connect, connectSecurely, drip, headOf, hello, quick, serve } from './limited-server.ts'

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
    const { port, met } = await serve(hello, { ...quick, headMs: 1_000 })
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
