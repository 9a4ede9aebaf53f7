import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { alice } from '../policy-rows.ts'
import { openRaw, type RawAnswer, sendRaw } from '../raw-socket.ts'
import { type Rig, startGuard } from '../rig.ts'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** An app that does with each request, told by its number, what it likes. */
async function tcpApp(onRequest: (socket: Socket, count: number, connection: number) => void): Promise<Rig> {
  let requests = 0
  let connections = 0
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    const connection = ++connections
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', () => onRequest(socket, ++requests, connection))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const rig = await startGuard((server.address() as AddressInfo).port)
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }, rig.close)
  return rig
}

const always = (bytes: string): Promise<Rig> => tcpApp(socket => void socket.write(bytes, 'latin1'))
const request = (target = '/api/x', method = 'GET', version = '1.1'): string =>
  `${method} ${target} HTTP/${version}\r\nHost: orders\r\nAuthorization: Bearer ${alice.token()}\r\n\r\n`
const codeOf = ({ body }: RawAnswer): unknown => JSON.parse(body).code
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

describe('P15 bytes behind an answer', () => {
  it.each([
    ['at once', (socket: Socket) => socket.write(`${ok}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`)],
    [
      'a moment later',
      (socket: Socket) => {
        socket.write(ok)
        setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'), 20)
      },
    ],
  ])('never become the answer to the next request: %s', async (_when, answer) => {
    const connections: number[] = []
    const rig = await tcpApp((socket, _count, connection) => {
      connections.push(connection)
      answer(socket)
    })
    const caller = await openRaw(rig.port)
    for (let turn = 0; turn < 3; turn++) {
      caller.send(request())
      expect((await caller.answer()).body).toBe('ok')
      await new Promise(resolve => setTimeout(resolve, 60))
    }
    expect(new Set(connections).size).toBe(3)
    caller.socket.destroy()
  })
  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'],
    ['GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil'],
  ])('are no body where there is none: %s', async (method, bytes) => {
    const rig = await always(bytes)
    const caller = await openRaw(rig.port)
    for (let turn = 0; turn < 2; turn++) {
      caller.send(request('/api/x', method))
      expect((await caller.answer(method)).body).toBe('')
    }
    caller.socket.destroy()
  })
})

describe('what is no answer', () => {
  it.each([
    ['a head of 70 KiB', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(70_000)}\r\n\r\n`],
    ['300 fields', `HTTP/1.1 200 OK\r\n${'X-A: a\r\n'.repeat(300)}\r\n`],
    ['100 hints', `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100)}${ok}`],
    ['a bare line feed', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n\r\n\r\n'],
    ['a folded field', 'HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 0\r\n\r\n'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['a length with a sign', 'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok'],
    ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok'],
    ['two equal lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok'],
    ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['two codings', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['chunks over HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['101 unasked', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ])('gives 502 by the guard: %s', async (_what, bytes) => {
    const rig = await always(bytes)
    const answer = await sendRaw(rig.port, request())
    expect([answer.status, codeOf(answer)]).toEqual([502, 'upstream_invalid'])
  })
  it('is known before the app has said all: garbage that does not end', async () => {
    const rig = await always('* OK IMAP4 ready\r\n')
    expect((await sendRaw(rig.port, request())).status).toBe(502)
  })
  it('is a head that breaks off', async () => {
    const rig = await tcpApp(socket => void socket.end('HTTP/1.1 200 OK\r\nContent-Le'))
    expect(codeOf(await sendRaw(rig.port, request()))).toBe('upstream_invalid')
  })
  it('keeps nobody from his next request', async () => {
    const rig = await tcpApp((socket, count) => void socket.write(count === 1 ? 'rubbish\r\n' : ok))
    const caller = await openRaw(rig.port)
    caller.send(request())
    expect((await caller.answer()).status).toBe(502)
    caller.send(request())
    expect((await caller.answer()).body).toBe('ok')
    caller.socket.destroy()
  })
})

describe('an answer', () => {
  it('follows 100 and other hints, which are dropped', async () => {
    const rig = await always(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${ok}`)
    expect(await sendRaw(rig.port, request())).toMatchObject({ status: 200, body: 'ok' })
  })
  it.each([
    ['1.1', ['chunked'], undefined],
    ['1.0', undefined, ['close']],
  ])('that ends with its connection reaches a caller of HTTP/%s whole', async (version, coding, connection) => {
    const rig = await tcpApp(socket => void socket.end('HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nto the end'))
    const answer = await sendRaw(rig.port, request('/api/x', 'GET', version))
    expect(answer).toMatchObject({ status: 200, body: 'to the end' })
    expect(answer.headers['transfer-encoding']).toEqual(coding)
    if (connection) expect(answer.headers.connection).toEqual(connection)
  })
  it('that ends with its connection is cut off when that is reset', async () => {
    const rig = await tcpApp(socket => {
      socket.write('HTTP/1.1 200 OK\r\n\r\nhalf')
      setTimeout(() => socket.resetAndDestroy(), 20)
    })
    const caller = await openRaw(rig.port)
    caller.send(request())
    const rest = await caller.closed()
    expect(rest).toContain('half')
    expect(rest).not.toContain('\r\n0\r\n')
  })
  it.each([
    ['a bare line feed', '5\nhello\r\n0\r\n\r\n'],
    ['a size that is none', 'zz\r\n'],
  ])('P11 whose chunks hold %s is cut off', async (_what, chunks) => {
    const rig = await always(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`)
    const caller = await openRaw(rig.port)
    caller.send(request())
    expect(await caller.closed()).not.toContain('\r\n0\r\n')
  })
  it('in chunks comes in chunks, without trailers; to HTTP/1.0 as it is', async () => {
    const rig = await always(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\nX: a\r\n\r\n',
    )
    const caller = await openRaw(rig.port)
    caller.send(request())
    expect((await caller.answer()).body).toBe('abcdef')
    caller.send(request('/api/x', 'GET', '1.0'))
    const old = await caller.answer()
    expect([old.body, old.headers['transfer-encoding']]).toEqual(['abcdef', undefined])
    expect(await caller.closed()).toBe('')
  })
  it('with a reason of its own is told in the standard’s words', async () => {
    const rig = await always('HTTP/1.1 404 <script>\r\nContent-Length: 0\r\n\r\n')
    expect((await sendRaw(rig.port, request())).head.split('\r\n')[0]).toBe('HTTP/1.1 404 Not Found')
  })
})

describe('a kept connection', () => {
  it('is used again', async () => {
    const connections = new Set<number>()
    const rig = await tcpApp((socket, _count, connection) => {
      connections.add(connection)
      socket.write(ok)
    })
    for (let turn = 0; turn < 4; turn++) expect((await sendRaw(rig.port, request())).body).toBe('ok')
    expect(connections.size).toBe(1)
  })
  it.each(['Connection: close', 'Keep-Alive: timeout=0'])('is not used again after %s', async field => {
    const connections = new Set<number>()
    const rig = await tcpApp((socket, _count, connection) => {
      connections.add(connection)
      socket.write(ok.replace('Content', `${field}\r\nContent`))
    })
    for (let turn = 0; turn < 3; turn++) expect((await sendRaw(rig.port, request())).body).toBe('ok')
    expect(connections.size).toBe(3)
  })
  it('that the app closed while it was idle costs nobody his answer', async () => {
    const rig = await tcpApp(socket => void socket.end(ok))
    const caller = await openRaw(rig.port)
    for (let turn = 0; turn < 5; turn++) {
      caller.send(request())
      expect((await caller.answer()).body).toBe('ok')
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    caller.socket.destroy()
  })
  it('that the app closes on a request is no reason to send it twice', async () => {
    let requests = 0
    const rig = await tcpApp((socket, count) => {
      requests = count
      if (count === 1) socket.write(ok)
      else socket.destroy()
    })
    expect((await sendRaw(rig.port, request())).status).toBe(200)
    const answer = await sendRaw(rig.port, request('/api/x', 'POST'))
    expect([answer.status, codeOf(answer)]).toEqual([502, 'upstream_invalid'])
    expect(requests).toBe(2)
  })
})
