import { constants } from 'node:http2'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { block, type FrameConnection, flags, frame, number, openFrames, preface, types } from './http2-frames.ts'
import { alice } from './policy-rows.ts'
import { sendRaw } from './raw-socket.ts'
import { type App, type Rig, startApp, startGuard } from './rig.ts'

// P29: HTTP/2 as an attacker writes it, frame by frame, against the running guard.

let app: App
let rig: Rig
const connections: FrameConnection[] = []
beforeAll(async () => {
  app = await startApp()
  rig = await startGuard(app.port, { headersTimeoutMs: 500, bodyIdleMs: 300 })
})
afterAll(async () => {
  await rig.close()
  await app.close()
})
beforeEach(() => void app.seen.splice(0))
afterEach(() => {
  for (const { socket } of connections.splice(0)) socket.destroy()
})

async function open(begin?: Buffer, port = rig.port): Promise<FrameConnection> {
  const connection = await openFrames(port, begin)
  connections.push(connection)
  return connection
}

type Fields = readonly (readonly [string, string])[]
const pseudo: Fields = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'orders'],
  [':path', '/api/x'],
]
const bearer = (): Fields => [['authorization', `Bearer ${alice.token()}`]]
const replaced = (name: string, value: string | undefined): Fields =>
  pseudo.flatMap(field => (field[0] === name ? (value === undefined ? [] : [[name, value] as const]) : [field]))
const request = (fields: Fields, stream = 1, flag: number = flags.endStream): Buffer =>
  frame(types.headers, flag | flags.endHeaders, stream, block(fields))
const codeOf = (payload: Buffer | undefined, at = 0): number | undefined => payload?.readUInt32BE(at)

/** What became of one stream: a status, or the code it was reset with. */
async function outcome(fields: Fields, connection?: FrameConnection): Promise<string> {
  const used = connection ?? (await open())
  used.send(request(fields))
  const ends = [used.next(types.headers, 1), used.next(types.reset, 1), used.next(types.goaway)]
  const first = await Promise.race(ends.map(async end => (await end) ?? new Promise<never>(() => {})))
  if (first.type === types.reset) return `reset ${codeOf(first.payload)}`
  if (first.type === types.goaway) return `goaway ${codeOf(first.payload, 4)}`
  return `status ${statusOf(first.payload)}`
}

/** Only our own answers are looked at, whose status is the first field: indexed, or a literal after an indexed name. */
function statusOf(payload: Buffer): string {
  const indexed: Record<number, string> = { 136: '200', 137: '204', 140: '400', 141: '404' }
  const first = payload[0] as number
  if (indexed[first]) return indexed[first] as string
  const length = (payload[1] as number) & 0x7f
  const bytes = payload.subarray(2, 2 + length)
  return ((payload[1] as number) & 0x80) !== 0 ? huffmanDigits(bytes) : bytes.toString('latin1')
}

/** Three digits in the Huffman code of RFC 7541 appendix B: 0 to 2 have five bits, 3 to 9 have six. */
function huffmanDigits(bytes: Buffer): string {
  const bits = [...bytes].map(byte => byte.toString(2).padStart(8, '0')).join('')
  const codes: Record<string, string> = { '00000': '0', '00001': '1', '00010': '2' }
  for (let digit = 3; digit <= 9; digit++) codes[(0b011001 + digit - 3).toString(2).padStart(6, '0')] = String(digit)
  let digits = ''
  for (let at = 0; digits.length < 3; ) {
    const five = codes[bits.slice(at, at + 5)]
    digits += five ?? codes[bits.slice(at, at + 6)]
    at += five === undefined ? 6 : 5
  }
  return digits
}

const servesOn = async (): Promise<void> => {
  const head = `GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${alice.token()}\r\n\r\n`
  expect((await sendRaw(rig.port, head)).status).toBe(200)
  expect(await outcome([...pseudo, ...bearer()])).toBe('status 200')
}

it('P29 lets a good stream in, and refuses one without a credential', async () => {
  expect(await outcome([...pseudo, ...bearer()])).toBe('status 200')
  expect(app.seen).toHaveLength(1)
  expect(await outcome(pseudo)).toBe('status 401')
  expect(app.seen).toHaveLength(1)
})

describe('P29 one reading of a head', () => {
  const refusedStreams: [string, () => Fields][] = [
    ['two :method', () => [[':method', 'GET'], ...pseudo]],
    ['two :path', () => [...pseudo, [':path', '/open/x']]],
    ['two :authority', () => [...pseudo, [':authority', 'evil']]],
    ['two :scheme', () => [...pseudo, [':scheme', 'https']]],
    ['a pseudo field after others', () => [...pseudo.slice(0, 3), ['a', 'b'], [':path', '/open/x']]],
    ['no :path', () => replaced(':path', undefined)],
    ['no :method', () => replaced(':method', undefined)],
    ['no :scheme', () => replaced(':scheme', undefined)],
    ['no :authority and no Host', () => replaced(':authority', undefined)],
    ['an empty :path', () => replaced(':path', '')],
    ['a :path of absolute form', () => replaced(':path', 'http://orders/open/x')],
    ['an unknown pseudo field', () => [...pseudo, [':x', 'y']]],
    ['a pseudo field of answers', () => [...pseudo, [':status', '200']]],
    ['a name in capitals', () => [...pseudo, ['X-A', 'b']]],
    ['a space in :method', () => replaced(':method', 'GET /open')],
    ['a line end in :path', () => replaced(':path', '/open/x HTTP/1.1\r\nX: y')],
    ['a line end in :authority', () => replaced(':authority', 'orders\r\nX: y')],
    ['user info in :authority', () => replaced(':authority', 'a@orders')],
    ['Connection', () => [...pseudo, ['connection', 'x-a'], ['x-a', 'b']]],
    ['Transfer-Encoding', () => [...pseudo, ['transfer-encoding', 'chunked']]],
    ['Keep-Alive', () => [...pseudo, ['keep-alive', '5']]],
    ['Proxy-Connection', () => [...pseudo, ['proxy-connection', 'close']]],
    ['Upgrade', () => [...pseudo, ['upgrade', 'websocket']]],
    ['TE other than trailers', () => [...pseudo, ['te', 'gzip']]],
    ['two Host', () => [...pseudo, ['host', 'orders'], ['host', 'evil']]],
    ['two Content-Length', () => [...pseudo, ['content-length', '0'], ['content-length', '0']]],
    ['a length without a body', () => [...pseudo, ['content-length', '5']]],
    [
      'extended CONNECT',
      () => [
        [':method', 'CONNECT'],
        [':protocol', 'websocket'],
        [':scheme', 'http'],
        [':path', '/api/x'],
        [':authority', 'orders'],
      ],
    ],
  ]
  it.each(refusedStreams)('P29 resets a stream with %s', async (_what, fields) => {
    expect(await outcome([...fields(), ...bearer()])).toBe(`reset ${constants.NGHTTP2_PROTOCOL_ERROR}`)
    expect(app.seen).toEqual([])
  })

  const refusedCalls: [string, () => Fields, string][] = [
    ['Host that differs from :authority', () => [...pseudo, ['host', 'evil']], '400'],
    ['an :authority that no host is', () => replaced(':authority', 'or-der-s-'), '400'],
    ['a list in :authority', () => replaced(':authority', 'orders,evil'), '400'],
    ['the scheme ftp', () => replaced(':scheme', 'ftp'), '400'],
    [
      'CONNECT',
      () => [
        [':method', 'CONNECT'],
        [':authority', 'orders:80'],
      ],
      '400',
    ],
    ['TRACE', () => replaced(':method', 'TRACE'), '400'],
    ['the path *', () => [[':method', 'OPTIONS'], ...replaced(':path', '*').slice(1)], '400'],
    ['HTTP2-Settings', () => [...pseudo, ['http2-settings', 'AAMAAABk']], '400'],
    ['two Content-Type', () => [...pseudo, ['content-type', 'a/b'], ['content-type', 'c/d']], '400'],
    ['two Authorization', () => [...pseudo, ...bearer()], '400'],
    ['Expect of something else', () => [...pseudo, ['expect', 'x']], '417'],
    ['dot segments', () => replaced(':path', '/open/../api/x'), '400'],
    ['an escaped slash', () => replaced(':path', '/api%2fx'), '400'],
    ['two slashes', () => replaced(':path', '//api/x'), '400'],
    ['a fragment', () => replaced(':path', '/api/x#y'), '400'],
    ['101 fields', () => [...pseudo, ...Array.from({ length: 101 }, () => ['x', 'a'] as const)], '431'],
    ['a path of 8 KiB and one', () => replaced(':path', `/api/${'a'.repeat(8_188)}`), '414'],
  ]
  it.each(refusedCalls)(
    'P29 answers a stream with %s itself, with a line in the audit log',
    async (_what, fields, status) => {
      const lines = async () => (await rig.audit(0)).filter(line => line.reason.endsWith('_malformed')).length
      const before = await lines()
      expect(await outcome([...fields(), ...bearer()])).toBe(`status ${status}`)
      expect(app.seen).toEqual([])
      await expect.poll(lines, { interval: 5 }).toBe(before + 1)
    },
  )

  it.each([
    ['CR', 'a\rb'],
    ['LF', 'a\nlatchkey-client: forged'],
    ['NUL', 'a\0b'],
    ['a control byte', 'a\x01b'],
    ['DEL', 'a\x7fb'],
    ['a blank at its end', 'a '],
    ['a blank before it', ' a'],
    ['a tab before it', '\ta'],
  ])('P13 P29 a value with %s refuses its stream: it is not left out in silence', async (_what, value) => {
    expect(await outcome([...pseudo, ...bearer(), ['x-a', value]])).toBe('status 400')
    const [, token] = bearer()[0] as readonly [string, string]
    expect(await outcome([...pseudo, ['authorization', value.replace('a', token)]])).toBe('status 400')
    expect(app.seen).toEqual([])
  })
  it.each(['x a', 'x:a', ':', 'x\r\ny', 'x\0', ''])('P13 P29 the name %j refuses its stream', async name => {
    expect(await outcome([...pseudo, ...bearer(), [name, 'forged']])).toMatch(/status 400|reset 1/)
    expect(app.seen).toEqual([])
  })
  it('P29 takes Host beside an equal :authority, and in its place', async () => {
    expect(await outcome([...pseudo, ['host', 'orders'], ...bearer()])).toBe('status 200')
    expect(await outcome([...replaced(':authority', undefined), ['host', 'orders'], ...bearer()])).toBe('status 200')
    expect(app.seen.map(seen => seen.raw.filter(text => text.toLowerCase() === 'host').length)).toEqual([1, 1])
  })
  it('P29 puts the crumbs of a cookie together', async () => {
    expect(await outcome([...pseudo, ['cookie', 'a=1'], ...bearer(), ['cookie', 'b=2']])).toBe('status 200')
    expect(app.seen[0]?.header('cookie')).toBe('a=1; b=2')
  })
})

describe('P29 floods end the connection and nobody else’s', () => {
  afterEach(servesOn)
  const ended = async (connection: FrameConnection): Promise<number | undefined> => {
    await connection.closed()
    const goaway = connection.frames.filter(({ type }) => type === types.goaway).at(-1)
    return codeOf(goaway?.payload, 4)
  }

  it('P29 rapid reset', async () => {
    const connection = await open()
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
    const connection = await open()
    connection.send(frame(types.headers, flags.endStream, 1, block(pseudo)))
    const piece = frame(types.continuation, 0, 1, block([['x', 'a'.repeat(1_000)]]))
    for (let at = 0; at < 200 && !connection.socket.destroyed; at++) {
      connection.send(piece)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(await ended(connection)).not.toBe(constants.NGHTTP2_NO_ERROR)
    expect(app.seen).toEqual([])
  })
  it('P29 empty CONTINUATION frames', async () => {
    const connection = await open()
    connection.send(frame(types.headers, flags.endStream, 1, block(pseudo)))
    connection.send(...Array.from({ length: 2_000 }, () => frame(types.continuation, 0, 1)))
    expect(await ended(connection)).not.toBe(constants.NGHTTP2_NO_ERROR)
  })
  it('P29 SETTINGS', async () => {
    const connection = await open()
    connection.send(...Array.from({ length: 2_000 }, () => frame(types.settings, 0, 0)))
    expect(await ended(connection)).not.toBe(constants.NGHTTP2_NO_ERROR)
  })
  it('P29 PING', async () => {
    const connection = await open()
    connection.send(...Array.from({ length: 2_000 }, () => frame(types.ping, 0, 0, Buffer.alloc(8))))
    expect(await ended(connection)).not.toBe(constants.NGHTTP2_NO_ERROR)
  })
  it('P29 many streams that are refused', async () => {
    const connection = await open()
    for (let at = 0; at < 600 && !connection.socket.destroyed; at++) {
      connection.send(request([...pseudo, ['X-Capital', 'a']], at * 2 + 1))
      if (at % 50 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    expect(await ended(connection)).not.toBe(constants.NGHTTP2_NO_ERROR)
    expect(app.seen).toEqual([])
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
    const connection = await open()
    connection.send(bytes())
    expect(await ended(connection)).not.toBe(constants.NGHTTP2_NO_ERROR)
  })
  it('P29 a stream number that goes back is no request', async () => {
    const connection = await open()
    connection.send(request([...pseudo, ...bearer()], 5), request([...pseudo, ...bearer()], 3))
    connection.send(request([...pseudo, ...bearer()], 7))
    await Promise.race([connection.next(types.headers, 7), connection.closed()])
    expect(connection.frames.some(({ type, stream }) => type === types.headers && stream === 3)).toBe(false)
    expect(app.seen.length).toBeLessThanOrEqual(2)
  })
  it('P29 an HPACK bomb: the table refers to itself until the list is too large', async () => {
    const connection = await open()
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
    expect(app.seen).toEqual([])
  })
})

describe('P29 X04 slow and silent peers', () => {
  it('the beginning of a preface, and then nothing: the connection ends', async () => {
    const connection = await open(preface.subarray(0, 10))
    await connection.closed()
    expect(connection.frames).toEqual([])
  })
  it('a preface that comes byte by byte is one', async () => {
    const connection = await open(Buffer.alloc(0))
    for (const byte of preface) {
      connection.send(Buffer.of(byte))
      await new Promise(resolve => setImmediate(resolve))
    }
    connection.send(frame(types.settings, 0, 0))
    expect(await outcome([...pseudo, ...bearer()], connection)).toBe('status 200')
  })
  it('a preface with requests right behind it loses none', async () => {
    const connection = await open(
      Buffer.concat([preface, frame(types.settings, 0, 0), request([...pseudo, ...bearer()], 1), request(pseudo, 3)]),
    )
    expect(statusOf((await connection.next(types.headers, 1))?.payload as Buffer)).toBe('200')
    expect(statusOf((await connection.next(types.headers, 3))?.payload as Buffer)).toBe('401')
  })
  it('a body that stops coming is given up', async () => {
    const connection = await open()
    connection.send(request([...replaced(':method', 'POST'), ...bearer()], 1, 0))
    connection.send(frame(types.data, 0, 1, Buffer.from('abc')))
    expect(codeOf((await connection.next(types.reset, 1))?.payload)).toBe(constants.NGHTTP2_CANCEL)
    expect(app.seen).toEqual([])
  })
  it('more streams than were agreed are refused, the others are served', async () => {
    const patient = await startGuard(app.port)
    const connection = await open(undefined, patient.port)
    const streams = Array.from({ length: 140 }, (_, at) => at * 2 + 1)
    connection.send(...streams.map(stream => request([...replaced(':method', 'POST'), ...bearer()], stream, 0)))
    await connection.next(types.reset)
    const refused = connection.frames.filter(({ type }) => type === types.reset).map(({ payload }) => codeOf(payload))
    expect(new Set(refused)).toEqual(new Set([constants.NGHTTP2_REFUSED_STREAM]))
    connection.send(...streams.slice(0, 10).map(stream => frame(types.data, flags.endStream, stream)))
    for (const stream of streams.slice(0, 10)) expect(await connection.next(types.headers, stream)).toBeDefined()
    expect(app.seen).toHaveLength(10)
    await patient.close()
  })
})
