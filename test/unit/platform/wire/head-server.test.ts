import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { HttpLimits } from '../../../../platform/http/limits.ts'
import type { HeadAnswer, HeadHandler, HeadRequest } from '../../../../platform/wire/server/state.ts'
import { openRaw, type RawAnswer, sendRaw } from '../../../guard/raw-socket.ts'
import { echo, type HeadServerRig, startHeadServer, text } from './start-head-server.ts'

const rigs: HeadServerRig[] = []
afterEach(async () => {
  for (const { server } of rigs.splice(0)) await server.close(0)
})
async function start(handler?: HeadHandler, limits?: Partial<HttpLimits>): Promise<HeadServerRig> {
  const rig = await startHeadServer(handler, limits && { limits })
  rigs.push(rig)
  return rig
}
const get = (path: string, fields = '', method = 'GET') => `${method} ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`
const told = ({ status, body }: RawAnswer) => [status, body]

describe('a request', () => {
  it('is answered from its head, one after the other on one connection, which says how long it is kept', async () => {
    const { port } = await start()
    const client = await openRaw(port)
    for (const path of ['/a', '/b', '/c']) {
      client.send(get(path))
      const answer = await client.answer()
      expect(told(answer)).toEqual([200, `GET ${path}`])
      expect(answer.headers).toMatchObject({ connection: ['keep-alive'], 'keep-alive': ['timeout=75'] })
      expect(Date.parse(answer.headers.date?.[0] ?? '')).toBeGreaterThan(0)
    }
  })

  it.each([
    ['sized', 'Content-Length: 5\r\n', 'hello'],
    ['chunked', 'Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n3\r\nyou\r\n0\r\nTrailer: x\r\n\r\n'],
  ])('with a body that is %s leaves nothing of it to the next one, however it is split', async (_, fields, body) => {
    const { port } = await start()
    const bytes = get('/a', fields, 'POST') + body + get('/b')
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 4 }), async cuts => {
        const client = await openRaw(port)
        let at = 0
        for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
          client.send(bytes.slice(at, cut))
          at = cut
          await new Promise(resolve => setImmediate(resolve))
        }
        expect([told(await client.answer()), told(await client.answer())]).toEqual([
          [200, 'POST /a'],
          [200, 'GET /b'],
        ])
        client.socket.destroy()
      }),
      { numRuns: 40 },
    )
  })

  it('by HEAD has an answer without a body, and its length', async () => {
    const { port } = await start()
    const client = await openRaw(port)
    client.send(get('/a', '', 'HEAD') + get('/b'))
    const head = await client.answer('HEAD')
    expect([head.headers['content-length'], head.body]).toEqual([['7'], ''])
    expect(told(await client.answer())).toEqual([200, 'GET /b'])
  })

  it('that expects 100-continue is told to go on, and its body comes after its answer', async () => {
    const { port } = await start()
    const client = await openRaw(port)
    client.send(get('/a', 'Expect: 100-Continue\r\nContent-Length: 5\r\n', 'POST'))
    expect([(await client.answer()).status, told(await client.answer())]).toEqual([100, [200, 'POST /a']])
    client.send(`hello${get('/b')}`)
    expect(told(await client.answer())).toEqual([200, 'GET /b'])
  })

  it.each([
    ['of HTTP/1.1 that says close', 'GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 'close', true],
    ['of HTTP/1.0', 'GET /a HTTP/1.0\r\n\r\n', 'close', true],
    ['of HTTP/1.0 that says keep-alive', 'GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', 'keep-alive', false],
  ])('%s ends its connection, or does not', async (_, bytes, connection, ends) => {
    const { port } = await start()
    const client = await openRaw(port)
    client.send(bytes)
    expect((await client.answer()).headers.connection).toEqual([connection])
    if (ends) expect(await client.closed()).toBe('')
    else client.send(get('/b'))
    if (!ends) expect(told(await client.answer())).toEqual([200, 'GET /b'])
  })

  it('may have what its sender passes on: doubles, odd hosts and methods, 64 KiB, an upgrade that is not taken up', async () => {
    const { port } = await start(({ head }) => text(String(head.fields.length)), { headBytes: 65_536 })
    const twice = 'User-Agent: a\r\nUser-Agent: b\r\nAuthorization: a\r\nAuthorization: b\r\nCookie: a\r\nCookie: b\r\n'
    expect(told(await sendRaw(port, get('/a', twice)))).toEqual([200, '7'])
    expect((await sendRaw(port, 'GET /a HTTP/1.1\r\nHost: a b!\r\n\r\n')).status).toBe(200)
    for (const method of ['TRACE', 'CONNECT', 'PROPFIND', 'get'])
      expect((await sendRaw(port, get('/a', '', method))).status).toBe(200)
    expect((await sendRaw(port, get('/a', `X: ${'x'.repeat(65_400)}\r\n`))).status).toBe(200)
    expect((await sendRaw(port, get('/a', 'Connection: upgrade\r\nUpgrade: websocket\r\n'))).status).toBe(200)
  })
})

describe('what is no request', () => {
  it.each([
    ['other bytes', '\x16\x03\x01\x00', 400],
    ['an empty line', '\r\nGET / HTTP/1.1\r\n\r\n', 400],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two hosts', get('/', 'Host: b\r\n'), 400],
    ['a bare line end', 'GET / HTTP/1.1\nHost: a\n\n', 400],
    ['a folded line', get('/', 'A: b\r\n c\r\n'), 400],
    ['two lengths', get('/', 'Content-Length: 1\r\nContent-Length: 1\r\n'), 400],
    ['a length and chunks', get('/', 'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'), 400],
    ['another coding', get('/', 'Transfer-Encoding: gzip, chunked\r\n'), 400],
    ['another expectation', get('/', 'Expect: tea\r\n'), 417],
    ['a head that is too long', `GET / HTTP/1.1\r\nX: ${'x'.repeat(65_536)}`, 431],
    ['too many fields', get('/', 'A: b\r\n'.repeat(1_001)), 431],
  ])('%s is refused, counted by nobody, and its connection ends', async (_, bytes, status) => {
    const asked: string[] = []
    const { port } = await start(
      ({ head }) => {
        asked.push(head.target)
        return text('')
      },
      { headBytes: 65_536 },
    )
    const client = await openRaw(port)
    client.send(bytes)
    expect((await client.answer()).status).toBe(status)
    await client.closed()
    expect(asked).toEqual([])
  })

  it('a body that is framed wrongly ends the connection behind the answer that was given', async () => {
    const { port } = await start()
    const client = await openRaw(port)
    client.send(`${get('/a', 'Transfer-Encoding: chunked\r\n', 'POST')}x\r\n${get('/b')}`)
    expect(told(await client.answer())).toEqual([200, 'POST /a'])
    expect(await client.closed()).toBe('')
  })
})

/** A handler whose answers the test gives. */
function held() {
  const waiting: { request: HeadRequest; give(answer: HeadAnswer | undefined): void; fail(error: Error): void }[] = []
  const handler: HeadHandler = request =>
    new Promise((resolve, reject) => waiting.push({ request, give: resolve, fail: reject }))
  return { handler, waiting }
}

describe('an answer that is not known yet', () => {
  it('lets what comes behind it wait, and all are answered in their order', async () => {
    const { handler, waiting } = held()
    const { port } = await start(handler)
    const client = await openRaw(port)
    client.send(get('/a') + get('/b'))
    for (const path of ['/a', '/b']) {
      await expect.poll(() => waiting.length).toBe(1)
      const [one] = waiting.splice(0)
      one?.give(text(one.request.head.target))
      expect(told(await client.answer())).toEqual([200, path])
    }
  })

  it('does not hold up its own body, of whatever length', async () => {
    const { handler, waiting } = held()
    const { port } = await start(handler)
    const client = await openRaw(port)
    client.send(get('/a', `Content-Length: ${8 * 1_048_576}\r\n`, 'POST'))
    client.send('x'.repeat(8 * 1_048_576) + get('/b'))
    await expect.poll(() => client.socket.writableLength).toBe(0)
    await expect.poll(() => waiting.length).toBe(1)
    waiting[0]?.give(text('a'))
    await expect.poll(() => waiting.length).toBe(2)
    waiting[1]?.give(text('b'))
    expect([told(await client.answer()), told(await client.answer())]).toEqual([
      [200, 'a'],
      [200, 'b'],
    ])
  })

  it('nobody waits for when the client has gone', async () => {
    const { handler, waiting } = held()
    const { port, pass } = await start(handler)
    const client = await openRaw(port)
    client.send(get('/a'))
    await expect.poll(() => waiting[0]?.request.isGone()).toBe(false)
    client.socket.destroy()
    // Whoever sends nothing more may still read: for a second.
    const isGone = async () => {
      await pass(1)
      return waiting[0]?.request.isGone()
    }
    await expect.poll(isGone).toBe(true)
    waiting[0]?.give(text('late'))
    const next = await openRaw(port)
    next.send(get('/b'))
    await expect.poll(() => waiting.length).toBe(2)
    waiting[1]?.give(text('b'))
    expect(told(await next.answer())).toEqual([200, 'b'])
  })

  it('reaches a client that sends nothing more, and the connection ends', async () => {
    const { handler, waiting } = held()
    const { port } = await start(handler)
    const client = await openRaw(port)
    client.send(get('/a'))
    client.socket.end()
    await expect.poll(() => waiting.length).toBe(1)
    await new Promise(resolve => setTimeout(resolve, 50))
    waiting[0]?.give(text('a'))
    expect(told(await client.answer())).toEqual([200, 'a'])
    expect(await client.closed()).toBe('')
  })

  it.each([
    ['half a head', 'GET / HT', 400],
    ['a whole request', get('/a'), 200],
  ])('of a client that leaves behind %s is what there is', async (_, bytes, status) => {
    const { port } = await start()
    const client = await openRaw(port)
    client.send(bytes)
    client.socket.end()
    expect((await client.answer()).status).toBe(status)
    await client.closed()
  })

  it('that never comes because nobody waits for it ends the connection', async () => {
    const { handler, waiting } = held()
    const { port } = await start(handler)
    const client = await openRaw(port)
    client.send(get('/a'))
    await expect.poll(() => waiting.length).toBe(1)
    waiting[0]?.give(undefined)
    expect(await client.closed()).toBe('')
  })
})

describe('a handler that fails', () => {
  const refused = { title: 'Internal error', status: 500, code: 'internal_error' }
  it.each<[string, HeadHandler]>([
    [
      'at once',
      () => {
        throw new Error('secret')
      },
    ],
    ['later', () => Promise.reject(new Error('secret'))],
    ['with a line end in a header', () => ({ status: 200, headers: ['A', 'b\r\nSet-Cookie: x'], body: '' })],
    ['with what would be a line end as a byte', () => ({ status: 200, headers: ['A', 'b\u010d\u010a'], body: '' })],
  ])('%s gives 500 and no detail, and the next request is served', async (_, failing) => {
    const { port } = await start(request => (request.head.target === '/bad' ? failing(request) : echo(request)))
    const client = await openRaw(port)
    client.send(get('/bad') + get('/b'))
    const answer = await client.answer()
    expect([answer.status, JSON.parse(answer.body)]).toEqual([500, refused])
    expect(told(await client.answer())).toEqual([200, 'GET /b'])
  })
})

describe('a server that stops', () => {
  it('answers what still comes with Connection: close, ends idle connections, and at its deadline all others', async () => {
    const { handler, waiting } = held()
    const { port, server, clock } = await start(handler)
    const [idle, late, stuck] = await Promise.all([openRaw(port), openRaw(port), openRaw(port)])
    stuck.send(get('/stuck'))
    await expect.poll(() => waiting.length).toBe(1)
    const stopped = server.close(2_000)
    late.send(get('/late'))
    await expect.poll(() => waiting.length).toBe(2)
    waiting[1]?.give(text('late'))
    expect((await late.answer()).headers.connection).toEqual(['close'])
    for (let i = 0; i < 30; i++) await clock.advance(20)
    await idle.closed()
    expect(stuck.socket.destroyed).toBe(false)
    for (let i = 0; i < 100; i++) await clock.advance(20)
    await stopped
    await stuck.closed()
    await expect(openRaw(port)).rejects.toThrow()
  })
})
