import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { connect as connectSocket, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createGrpcServer, type GrpcServer } from '../../../authorizer/grpc/grpc-server.ts'
import type { Judge } from '../../../authorizer/judge.ts'
import type { Peer } from '../../../authorizer/peers/peers.ts'
import { createManualClock } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

const mebibyte = 1_048_576
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A server where whoever sends a name as its secret is that peer. @param turn what its answers wait for */
async function start(turn?: Promise<unknown>) {
  const clock = createManualClock()
  const judged: (string | undefined)[] = []
  const hit: string[] = []
  const judge: Judge = {
    async judge({ peer }) {
      judged.push(peer?.name)
      await turn
      return { pass: false, answer: { status: 403, headers: [], body: '{}' } }
    },
  }
  const server: GrpcServer = createGrpcServer({
    listen: { host: '127.0.0.1', port: 0 },
    peers: {
      find: ({ secrets: [name] }) => (name === undefined ? undefined : ({ name, proxy: 'Envoy' } as Peer)),
      setSecrets: () => {},
    },
    judge,
    metrics: { limitHit: (_, limit) => hit.push(limit) },
    clock,
    log: createQuietLog().log,
  })
  const { port } = await server.listen()
  cleanups.push(() => server.close(0))
  const open = (): ClientHttp2Session => {
    const session = connect(`http://127.0.0.1:${port}`)
    session.on('error', () => {})
    cleanups.push(() => session.destroy())
    return session
  }
  const raw = (): Promise<Socket> =>
    new Promise(resolve => {
      const socket = connectSocket(port, '127.0.0.1', () => resolve(socket))
      socket.on('error', () => {})
      socket.resume()
      cleanups.push(() => socket.destroy())
    })
  return { clock, judged, hit, open, raw }
}

interface Ended {
  status: string | undefined
  bytes: number
  code: number | undefined
}
function check(session: ClientHttp2Session, peer?: string): { stream: ClientHttp2Stream; ended: Promise<Ended> } {
  const path = '/envoy.service.auth.v3.Authorization/Check'
  const secret = peer === undefined ? {} : { 'latchkey-peer-secret': peer }
  const stream = session.request({ ':method': 'POST', ':path': path, ...secret }, { endStream: false })
  const ended = new Promise<Ended>(resolve => {
    let [status, bytes]: [string | undefined, number] = [undefined, 0]
    const take = (fields: object): void => {
      status = (fields as Record<string, string>)['grpc-status'] ?? status
    }
    stream.on('response', take).on('trailers', take)
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    stream.on('error', () => {})
    stream.on('close', () => resolve({ status, bytes, code: stream.rstCode }))
  })
  return { stream, ended }
}
const prefixOf = (bytes: number): Buffer => {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(bytes, 1)
  return prefix
}
/** A mebibyte of protobuf: field 15, and its length. */
const unknownField = Buffer.alloc(mebibyte)
unknownField.set([0x7a, 0xfc, 0xff, 0x3f])
const closed = (socket: Socket): Promise<unknown> => new Promise(resolve => socket.on('close', resolve))

describe('a peer that proved nothing', () => {
  it('S03 is denied before a byte of its message is taken, and the message is refused', async () => {
    const { judged, open } = await start()
    const { ended } = check(open())
    const { status, bytes } = await ended
    expect([status, bytes > 0]).toEqual(['0', true])
    expect(judged).toEqual([undefined])
  })

  it('S03 S04 holds no more than its places: a connection that asks for more goes, and a peer beside it is answered', async () => {
    const { open } = await start()
    const greedy = open()
    const gone = new Promise(resolve => greedy.on('close', resolve))
    // It leaves every message open and reads no answer.
    for (let i = 0; i < 1_000; i++) check(greedy).stream.pause().write(prefixOf(mebibyte))
    await gone
    const { stream, ended } = check(open(), 'edge')
    stream.end(prefixOf(0))
    expect((await ended).status).toBe('0')
  })
})

describe('a peer that is proved', () => {
  it('S03 has its messages within its part; what is over it is refused, and another peer has its own', async () => {
    const { open } = await start()
    const session = open()
    const many = Array.from({ length: 60 }, () => check(session, 'greedy'))
    for (const { stream } of many) stream.write(prefixOf(mebibyte))
    const refused = await Promise.all(many.slice(48).map(({ ended }) => ended))
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set(['8']))
    expect(many.slice(0, 48).every(({ stream }) => !stream.closed)).toBe(true)
    // 16 MiB are left; for more the greedy one's newest go.
    const others = Array.from({ length: 20 }, () => check(open(), 'modest'))
    for (const { stream } of others) {
      stream.write(prefixOf(mebibyte))
      stream.end(Buffer.alloc(mebibyte))
    }
    const answers = await Promise.all(others.map(({ ended }) => ended))
    // No protobuf, but read to its end.
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['13']))
  })

  it('S03 S06 holds place for a message until that had its turn, also when nobody waits for the answer any more', async () => {
    let letGo = (): void => {}
    const { judged, open } = await start(new Promise<void>(resolve => (letGo = resolve)))
    const sessions = Array.from({ length: 48 }, open)
    for (const session of sessions) {
      const { stream } = check(session, 'greedy')
      stream.write(prefixOf(mebibyte))
      // A field that no CheckRequest has.
      stream.end(unknownField)
    }
    await expect.poll(() => judged.length).toBe(48)
    for (const session of sessions) session.destroy()
    const next = async (): Promise<string | undefined> => {
      const { stream, ended } = check(open(), 'greedy')
      stream.write(prefixOf(mebibyte))
      stream.end(unknownField)
      return (await ended).status
    }
    expect(await next()).toBe('8')
    letGo()
    expect(await next()).toBe('0')
  })

  it('that breaks off in the middle of many messages leaves the others theirs', async () => {
    const { open } = await start()
    const session = open()
    for (let i = 0; i < 50; i++) {
      const { stream } = check(session, 'edge')
      stream.write(Buffer.concat([prefixOf(1_000), Buffer.alloc(i * 20)]))
      if (i % 2 === 0) setTimeout(() => stream.close(8), i)
    }
    await new Promise(resolve => setTimeout(resolve, 100))
    session.destroy()
    const { stream, ended } = check(open(), 'edge')
    stream.end(prefixOf(0))
    expect((await ended).status).toBe('0')
  })

  it('S05 a message in the smallest pieces is the same message', async () => {
    const { judged, open } = await start()
    const { stream, ended } = check(open(), 'edge')
    for (const byte of [...prefixOf(2), 0x0a, 0x00]) {
      stream.write(Buffer.of(byte))
      await new Promise(resolve => setImmediate(resolve))
    }
    stream.end()
    expect((await ended).status).toBe('0')
    expect(judged).toEqual(['edge'])
  })

  it('S01 a message that does not end within its time is given up', async () => {
    const { clock, hit, open } = await start()
    const { stream, ended } = check(open(), 'edge')
    stream.write(prefixOf(mebibyte))
    await expect.poll(() => stream.session?.state.outboundQueueSize).toBe(0)
    await new Promise(resolve => setTimeout(resolve, 100))
    for (let i = 0; i < 12; i++) await clock.advance(1_000)
    expect((await ended).code).toBe(8)
    expect(hit).toEqual(['body_timeout'])
  })
})

describe('S01 a connection', () => {
  it('that sends nothing, or half a preface, is closed', async () => {
    const { clock, hit, raw } = await start()
    const silent = await raw()
    const half = await raw()
    half.write('PRI * HTTP/2.0\r\n')
    const ends = Promise.all([closed(silent), closed(half)])
    await new Promise(resolve => setTimeout(resolve, 100))
    for (let i = 0; i < 12; i++) await clock.advance(1_000)
    await ends
    expect(hit).toEqual(['head_timeout', 'head_timeout'])
  })

  it('that sends pings and the head of a request byte by byte, but no request, is closed', async () => {
    const { clock, raw } = await start()
    const socket = await raw()
    const end = closed(socket)
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])
    socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings]))
    // HEADERS of 100 bytes, of which one comes now and then.
    socket.write(Buffer.from([0, 0, 100, 1, 4, 0, 0, 0, 1]))
    for (let i = 0; i < 12; i++) {
      socket.write(Buffer.of(0x82))
      await new Promise(resolve => setTimeout(resolve, 20))
      await clock.advance(1_000)
    }
    await end
  })

  it('on which nothing was asked for long is told to go, in order', async () => {
    const { clock, open } = await start()
    const session = open()
    const { stream, ended } = check(session, 'edge')
    stream.end(prefixOf(0))
    await ended
    const away = new Promise(resolve => session.on('goaway', resolve))
    const gone = new Promise(resolve => session.on('close', resolve))
    await new Promise(resolve => setTimeout(resolve, 100))
    for (let i = 0; i < 80; i++) await clock.advance(1_000)
    expect(await away).toBe(0)
    await gone
  })
})
