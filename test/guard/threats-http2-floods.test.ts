import { constants } from 'node:http2'
import { afterEach, describe, expect, it } from 'vitest'
import { block, type FrameConnection, flags, frame, number, preface, types } from './http2-frames.ts'
import { startGuard } from './rig.ts'
import { bearer, codeOf, pseudo, replaced, request, statusOf, threatenedGuard } from './threatened-guard.ts'

// P29, X04: HTTP/2 as an attacker writes it: too much, or too slowly.

const attacked = threatenedGuard()

describe('P29 floods end the connection and nobody else’s', () => {
  afterEach(attacked.servesOn)
  const ended = async (connection: FrameConnection): Promise<number | undefined> => {
    await connection.closed()
    const goaway = connection.frames.filter(({ type }) => type === types.goaway).at(-1)
    return codeOf(goaway?.payload, 4)
  }

  it('P29 rapid reset', async () => {
    const connection = await attacked.open()
    for (let round = 0; round < 40 && !connection.socket.destroyed; round++) {
      const burst = Array.from({ length: 100 }, (_, at) => {
        const stream = (round * 100 + at) * 2 + 1
        return [request([...pseudo, ...bearer()], stream), frame(types.reset, 0, stream, number(8))]
      }).flat()
      connection.send(...burst)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect([constants.NGHTTP2_ENHANCE_YOUR_CALM, constants.NGHTTP2_INTERNAL_ERROR]).toContain(await ended(connection))
  })
  it('P29 CONTINUATION without end', async () => {
    const connection = await attacked.open()
    connection.send(frame(types.headers, flags.endStream, 1, block(pseudo)))
    const piece = frame(types.continuation, 0, 1, block([['x', 'a'.repeat(1_000)]]))
    for (let at = 0; at < 200 && !connection.socket.destroyed; at++) {
      connection.send(piece)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(await ended(connection)).not.toBe(constants.NGHTTP2_NO_ERROR)
    expect(attacked.app.seen).toEqual([])
  })
  it('P29 empty CONTINUATION frames', async () => {
    const connection = await attacked.open()
    connection.send(frame(types.headers, flags.endStream, 1, block(pseudo)))
    connection.send(...Array.from({ length: 2_000 }, () => frame(types.continuation, 0, 1)))
    expect(await ended(connection)).not.toBe(constants.NGHTTP2_NO_ERROR)
  })
  it('P29 SETTINGS', async () => {
    const connection = await attacked.open()
    connection.send(...Array.from({ length: 2_000 }, () => frame(types.settings, 0, 0)))
    expect(await ended(connection)).not.toBe(constants.NGHTTP2_NO_ERROR)
  })
  it('P29 PING', async () => {
    const connection = await attacked.open()
    connection.send(...Array.from({ length: 2_000 }, () => frame(types.ping, 0, 0, Buffer.alloc(8))))
    expect(await ended(connection)).not.toBe(constants.NGHTTP2_NO_ERROR)
  })
  it('P29 many streams that are refused', async () => {
    const connection = await attacked.open()
    for (let at = 0; at < 600 && !connection.socket.destroyed; at++) {
      connection.send(request([...pseudo, ['X-Capital', 'a']], at * 2 + 1))
      if (at % 50 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    expect(await ended(connection)).not.toBe(constants.NGHTTP2_NO_ERROR)
    expect(attacked.app.seen).toEqual([])
  })
  it.each([
    ['a frame larger than was agreed', () => frame(types.headers, 5, 1, Buffer.alloc(20_000))],
    ['DATA on a stream that is idle', () => frame(types.data, 0, 1, Buffer.alloc(10))],
    ['an even stream', () => request(pseudo, 2)],
    ['PUSH_PROMISE', () => frame(types.push, 4, 1, Buffer.concat([number(2), block(pseudo)]))],
    ['a window beyond its bound', () => frame(types.window, 0, 0, number(0x7fffffff))],
    ['a window update of nothing', () => frame(types.window, 0, 0, number(0))],
    ['a broken header block', () => frame(types.headers, 5, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
    [
      'a header block cut short by another frame',
      () => Buffer.concat([frame(types.headers, 0, 1, block(pseudo)), frame(types.ping, 0, 0, Buffer.alloc(8))]),
    ],
  ])('P29 %s', async (_what, bytes) => {
    const connection = await attacked.open()
    connection.send(bytes())
    expect(await ended(connection)).not.toBe(constants.NGHTTP2_NO_ERROR)
  })
  it('P29 a stream number that goes back is no request', async () => {
    const connection = await attacked.open()
    connection.send(request([...pseudo, ...bearer()], 5), request([...pseudo, ...bearer()], 3))
    connection.send(request([...pseudo, ...bearer()], 7))
    await Promise.race([connection.next(types.headers, 7), connection.closed()])
    expect(connection.frames.some(({ type, stream }) => type === types.headers && stream === 3)).toBe(false)
    expect(attacked.app.seen.length).toBeLessThanOrEqual(2)
  })
  it('P29 an HPACK bomb: the table refers to itself until the list is too large', async () => {
    const connection = await attacked.open()
    // One field of 4,000 bytes goes into the table, then a thousand references to it.
    const large = Buffer.concat([Buffer.of(0x40), block([['x', 'a'.repeat(3_900)]]).subarray(1)])
    const bomb = Buffer.concat([block(pseudo), large, Buffer.alloc(1_000, 0xbe)])
    connection.send(frame(types.headers, flags.endStream | flags.endHeaders, 1, bomb))
    const answered = await Promise.race([
      connection.next(types.reset, 1),
      connection.next(types.goaway),
      connection.next(types.headers, 1),
    ])
    expect(answered).toBeDefined()
    expect(attacked.app.seen).toEqual([])
  })
})

describe('P29 X04 slow and silent peers', () => {
  it('the beginning of a preface, and then nothing: the connection ends', async () => {
    const connection = await attacked.open(preface.subarray(0, 10))
    await connection.closed()
    expect(connection.frames).toEqual([])
  })
  it('a preface that comes byte by byte is one', async () => {
    const connection = await attacked.open(Buffer.alloc(0))
    for (const byte of preface) {
      connection.send(Buffer.of(byte))
      await new Promise(resolve => setImmediate(resolve))
    }
    connection.send(frame(types.settings, 0, 0))
    expect(await attacked.outcome([...pseudo, ...bearer()], connection)).toBe('status 200')
  })
  it('a preface with requests right behind it loses none', async () => {
    const connection = await attacked.open(
      Buffer.concat([preface, frame(types.settings, 0, 0), request([...pseudo, ...bearer()], 1), request(pseudo, 3)]),
    )
    expect(statusOf((await connection.next(types.headers, 1))?.payload as Buffer)).toBe('200')
    expect(statusOf((await connection.next(types.headers, 3))?.payload as Buffer)).toBe('401')
  })
  it('a body that stops coming is given up', async () => {
    const connection = await attacked.open()
    connection.send(request([...replaced(':method', 'POST'), ...bearer()], 1, 0))
    connection.send(frame(types.data, 0, 1, Buffer.from('abc')))
    expect(codeOf((await connection.next(types.reset, 1))?.payload)).toBe(constants.NGHTTP2_CANCEL)
    expect(attacked.app.seen).toEqual([])
  })
  it('more streams than were agreed are refused, the others are served', async () => {
    const patient = await startGuard(attacked.app.port)
    const connection = await attacked.open(undefined, patient.port)
    const streams = Array.from({ length: 140 }, (_, at) => at * 2 + 1)
    connection.send(...streams.map(stream => request([...replaced(':method', 'POST'), ...bearer()], stream, 0)))
    await connection.next(types.reset)
    const refused = connection.frames.filter(({ type }) => type === types.reset).map(({ payload }) => codeOf(payload))
    expect(new Set(refused)).toEqual(new Set([constants.NGHTTP2_REFUSED_STREAM]))
    connection.send(...streams.slice(0, 10).map(stream => frame(types.data, flags.endStream, stream)))
    for (const stream of streams.slice(0, 10)) expect(await connection.next(types.headers, stream)).toBeDefined()
    expect(attacked.app.seen).toHaveLength(10)
    await patient.close()
  })
})
