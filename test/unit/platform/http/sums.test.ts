import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'

import { answerOf, closed, connect, connectSecurely, type Handler, headOf, quick, serve } from './limited-server.ts'

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
