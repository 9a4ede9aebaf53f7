import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { ask, cleanUp, cleanups, outcomeOf, session } from '../http2-rig.ts'
import { alice } from '../policy-rows.ts'
import { openRaw, type RawConnection, sendRaw } from '../raw-socket.ts'
import type { Rig } from '../rig.ts'
import { answer, app, type Request, request, wait } from './raw-app.ts'

// Connections to the app that are kept, and what becomes of a call on one that the app is closing.

afterEach(cleanUp)

async function caller(rig: Rig): Promise<RawConnection> {
  const connection = await openRaw(rig.port)
  cleanups.push(() => connection.socket.destroy())
  return connection
}

/** First a good call, so that there is a kept connection; then one that the app hangs up on. */
function hangsUpOnSecond(again: (socket: Socket, request: Request) => void = socket => socket.write(answer())) {
  return app((socket, one) => {
    if (one.count === 1) socket.write(answer())
    else if (one.count === 2) socket.destroy()
    else again(socket, one)
  })
}

const callers = [
  ['HTTP/1.1', async (rig: Rig, method = 'GET') => (await sendRaw(rig.port, request(method))).status],
  ['HTTP/2', overHttp2],
] as const

async function overHttp2(rig: Rig, method = 'GET'): Promise<number> {
  const fields = { ':path': '/api/x', ':authority': 'orders', authorization: `Bearer ${alice.token()}` }
  return (await outcomeOf(session(rig).request({ ...fields, ':method': method }, { endStream: true }))).status
}

describe.each(callers)('a call of %s that is lost on a kept connection', (_name, call) => {
  it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])('is sent once more, on a new one: %s', async method => {
    const { rig, seen } = await hangsUpOnSecond(socket =>
      socket.write(method === 'HEAD' ? answer().slice(0, -2) : answer()),
    )
    expect(await call(rig)).toBe(200)
    expect(await call(rig, method)).toBe(200)
    expect(seen.map(({ connection }) => connection)).toEqual([1, 1, 2])
    expect(seen[2]?.text).toBe(seen[1]?.text)
    expect(await rig.metrics()).not.toMatch(/upstream_faults_total\{.*\} [1-9]/)
    expect((await rig.audit(2)).map(({ status }) => status)).toEqual([200, 200])
  })
  it.each(['POST', 'PATCH'])('is not sent again when it may do something twice: %s', async method => {
    const { rig, seen } = await hangsUpOnSecond()
    expect(await call(rig)).toBe(200)
    expect(await call(rig, method)).toBe(502)
    expect(seen).toHaveLength(2)
  })
  it.each(['POST', 'PATCH'])(
    'is not risked when the app may be closing it, as it could not be sent again: %s',
    async method => {
      const { rig, seen } = await app(socket => socket.write(answer()))
      expect(await call(rig)).toBe(200)
      await wait(250)
      expect(await call(rig, method)).toBe(200)
      expect(seen.map(({ connection }) => connection)).toEqual([1, 2])
    },
  )
  it('is sent twice at most', async () => {
    const { rig, seen } = await hangsUpOnSecond(socket => socket.destroy())
    expect(await call(rig)).toBe(200)
    expect(await call(rig)).toBe(502)
    expect(seen).toHaveLength(3)
  })
  it('is not sent again once a byte of an answer came', async () => {
    const { rig, seen } = await app((socket, { count }) => {
      if (count === 1) socket.write(answer())
      else socket.end('H')
    })
    expect(await call(rig)).toBe(200)
    expect(await call(rig)).toBe(502)
    expect(seen).toHaveLength(2)
  })
  it('is not sent again because the app takes too long', async () => {
    const silent = (socket: Socket, { count }: Request): void => void (count === 1 && socket.write(answer()))
    const { rig, seen } = await app(silent, { upstreamTimeoutMs: 200 })
    expect(await call(rig)).toBe(200)
    expect(await call(rig)).toBe(504)
    expect(seen).toHaveLength(2)
  })
  it('is not sent again on a connection that was new', async () => {
    const { rig, seen } = await app(socket => void socket.destroy())
    expect(await call(rig)).toBe(502)
    expect(seen).toHaveLength(1)
  })
})

describe('a body', () => {
  it('that is small and came with its head is sent again with it', async () => {
    const { rig, seen } = await hangsUpOnSecond()
    const connection = await caller(rig)
    connection.send(request())
    await connection.answer()
    connection.send(request('PUT', 'x'.repeat(3_000)))
    expect((await connection.answer()).status).toBe(200)
    expect(seen[2]?.text).toBe(seen[1]?.text)
    expect(seen[2]?.text.endsWith('x'.repeat(3_000))).toBe(true)
  })
  it('that is small and of known length is sent again over HTTP/2 too, and takes no connection before it is there', async () => {
    const { rig, seen, connections } = await hangsUpOnSecond()
    expect(await overHttp2(rig)).toBe(200)
    const fields = { ':path': '/api/x', ':method': 'PUT', authorization: `Bearer ${alice.token()}` }
    const stream = session(rig).request({ ...fields, 'content-length': '6' })
    const outcome = outcomeOf(stream)
    stream.write('abc')
    await wait(50)
    expect([seen.length, connections()]).toEqual([1, 1])
    stream.end('def')
    expect((await outcome).status).toBe(200)
    expect([seen.length, seen[2]?.text]).toEqual([3, seen[1]?.text])
    expect(seen[2]?.text.endsWith('\r\n\r\nabcdef')).toBe(true)
  })
  it('that is large is not kept for a second time', async () => {
    const { rig, seen } = await hangsUpOnSecond()
    const connection = await caller(rig)
    connection.send(request())
    await connection.answer()
    connection.send(request('PUT', 'x'.repeat(30_000)))
    expect((await connection.answer()).status).toBe(502)
    expect(seen).toHaveLength(2)
  })
  it('of POST is not sent again, small as it may be', async () => {
    const { rig, seen } = await hangsUpOnSecond()
    const connection = await caller(rig)
    connection.send(request())
    await connection.answer()
    connection.send(request('POST', 'abc'))
    expect((await connection.answer()).status).toBe(502)
    expect(seen).toHaveLength(2)
  })
})

describe('an app that hangs up without saying so', () => {
  // After errors: what a worker does that is replaced, or a server that fears for its state.
  it.each([
    ['HTTP/1.1', 'GET'],
    ['HTTP/1.1', 'POST'],
    ['HTTP/2', 'GET'],
    ['HTTP/2', 'POST'],
  ])('after every 500 costs no good call of %s its answer: %s', async (protocol, method) => {
    const { rig, seen } = await app((socket, { count }) => {
      if (count % 3 !== 0) return void socket.write(answer())
      // Not at once: its end comes when the connection could have been taken again.
      socket.write(answer(500), () => setTimeout(() => socket.end(), count % 5))
    })
    const statuses: number[] = []
    const client = session(rig)
    async function callInRow(): Promise<void> {
      const connection = await caller(rig)
      for (let turn = 0; turn < 50; turn++) {
        if (protocol === 'HTTP/2') statuses.push((await ask(client, { ':method': method })).status)
        else {
          connection.send(request(method, method === 'POST' ? 'abc' : undefined))
          statuses.push((await connection.answer()).status)
        }
      }
    }
    await Promise.all(Array.from({ length: 6 }, callInRow))
    expect(statuses.filter(status => status === 502)).toEqual([])
    expect(seen).toHaveLength(300)
  })

  it.each([0, 1, 30, 150, 350])('%i ms after each answer costs nobody his answer', async idleMs => {
    const { rig } = await app(socket => {
      socket.write(answer(), () => (idleMs === 0 ? socket.end() : setTimeout(() => socket.end(), idleMs)))
    })
    const statuses: number[] = []
    async function callInRow(at: number): Promise<void> {
      const connection = await caller(rig)
      for (let turn = 0; turn < 25; turn++) {
        connection.send(request())
        statuses.push((await connection.answer()).status)
        await wait((idleMs + at) / 2 + (turn % 3))
      }
    }
    await Promise.all(Array.from({ length: 6 }, (_, at) => callInRow(at)))
    expect(statuses).toEqual(Array(150).fill(200))
  })

  it('early, three times, is given new connections', async () => {
    const { rig, connections } = await app(socket => {
      socket.write(answer(), () => setTimeout(() => socket.end(), 10))
    })
    const connection = await caller(rig)
    for (let turn = 0; turn < 4; turn++) {
      connection.send(request())
      await connection.answer()
      await wait(250)
    }
    const before = connections()
    for (let turn = 0; turn < 5; turn++) {
      connection.send(request('POST', 'abc'))
      expect((await connection.answer()).status).toBe(200)
    }
    expect(connections()).toBe(before + 5)
  })
})

describe('a connection is not used again', () => {
  it.each([
    ['Connection: close', answer().replace('Content', 'Connection: close\r\nContent')],
    ['Connection: Close among others', answer().replace('Content', 'Connection: x-a, Close\r\nContent')],
    ['Keep-Alive: timeout=0', answer().replace('Content', 'Keep-Alive: timeout=0\r\nContent')],
    ['HTTP/1.0', answer().replace('1.1', '1.0')],
    ['204 with chunks', 'HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['204 with a length', 'HTTP/1.1 204 X\r\nContent-Length: 2\r\n\r\n'],
    ['an answer with bytes behind it', `${answer()}x`],
  ])('after %s', async (_what, bytes) => {
    const { rig, connections } = await app(socket => void socket.write(bytes))
    for (let turn = 0; turn < 3; turn++) expect((await sendRaw(rig.port, request())).status).toBeLessThan(300)
    expect(connections()).toBe(3)
  })
  it.each([
    ['an error', 500],
    ['503', 503],
  ])('at once after %s', async (_what, status) => {
    const { rig, connections } = await app(socket => void socket.write(answer(status)))
    const connection = await caller(rig)
    for (let turn = 0; turn < 3; turn++) {
      connection.send(request())
      expect((await connection.answer()).status).toBe(status)
    }
    expect(connections()).toBe(3)
    // One that is still open after a moment has shown that it is kept.
    await wait(400)
    connection.send(request())
    await connection.answer()
    expect(connections()).toBe(3)
  })
  // The app may not have read it, and read it as the next request.
  it.each([
    ['POST', 413],
    ['PUT', 422],
    ['GET', 200],
    ['DELETE', 200],
  ])('after %s with a body and %i', async (method, status) => {
    const { rig, connections } = await app(socket => void socket.write(answer(status)))
    const connection = await caller(rig)
    for (let turn = 0; turn < 3; turn++) {
      connection.send(request(method, 'abc'))
      expect((await connection.answer()).status).toBe(status)
    }
    await wait(400)
    connection.send(request())
    await connection.answer()
    expect(connections()).toBe(4)
  })
  it('when the answer began before the request was taken, though all of it was at its end', async () => {
    const { rig, connections } = await app((socket, { count }) => {
      if (count > 1) return void socket.write(answer())
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no')
      setTimeout(() => socket.write('k'), 200)
    })
    const connection = await caller(rig)
    connection.send(request('POST', 'abc').replace('Content-Length: 3', `X-Early: yes\r\nContent-Length: 20000`))
    await wait(100)
    connection.send('x'.repeat(19_997))
    expect((await connection.answer()).body).toBe('ok')
    expect((await sendRaw(rig.port, request())).status).toBe(200)
    expect(connections()).toBe(2)
  })
  it('when the answer came before the request was taken', async () => {
    const { rig, connections } = await app(socket => void socket.write(answer(413)))
    const early = `X-Early: yes\r\nContent-Length: ${100_000}`
    for (let turn = 0; turn < 2; turn++) {
      const connection = await caller(rig)
      connection.send(request('POST', 'abc').replace('Content-Length: 3', early))
      expect((await connection.answer()).status).toBe(413)
    }
    await wait(400)
    expect((await sendRaw(rig.port, request())).status).toBe(413)
    expect(connections()).toBe(3)
  })
})
