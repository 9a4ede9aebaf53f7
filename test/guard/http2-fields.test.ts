import { connect } from 'node:http2'
import { type AddressInfo, createServer } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { createFieldWatch, lookAtBlock } from '../../guard/http2/watch/watch-fields.ts'
import { block, type FrameConnection, flags, frame, openFrames, types } from './http2-frames.ts'
import { ask, cleanUp, cleanups, guarding, http1App, session, type TestApp } from './http2-rig.ts'
import { alice } from './policy-rows.ts'
import { until } from './until.ts'

// Fields with bytes that fields cannot have, however they are written: nghttp2 leaves them out and says nothing.

afterEach(cleanUp)

/** Codes of RFC 7541 Appendix B: code and bits. */
const codes: Record<string, readonly [number, number]> = {
  a: [0x3, 5],
  '0': [0x0, 5],
  ' ': [0x14, 6],
  '!': [0x3f8, 10],
  Z: [0xfd, 8],
  '\\': [0x7fff0, 19],
  '\t': [0xffffea, 24],
  '\0': [0x1ff8, 13],
  '\r': [0x3ffffffd, 30],
  '\n': [0x3ffffffc, 30],
  '\x01': [0x7fffd8, 23],
  '\x16': [0x3ffffffe, 30],
  '\x7f': [0xffffffc, 28],
}

function coded(text: string): Buffer {
  let bits = [...text].map(character => {
    const [code, length] = codes[character] as readonly [number, number]
    return code.toString(2).padStart(length, '0')
  })
  bits = [bits.join('')]
  const padded = (bits[0] as string).padEnd(Math.ceil((bits[0] as string).length / 8) * 8, '1')
  const bytes = Buffer.from((padded.match(/.{8}/g) ?? []).map(byte => Number.parseInt(byte, 2)))
  return Buffer.concat([Buffer.of(0x80 | bytes.length), bytes])
}

const plain = (text: string): Buffer => Buffer.concat([Buffer.of(text.length), Buffer.from(text, 'latin1')])
const look = (bytes: Buffer): string => lookAtBlock(bytes, 0, bytes.length)

describe('a block of fields', () => {
  const bad = ['\0', '\r', '\n', '\x01', '\x16', '\x7f']
  it.each(bad)('whose value holds %j is malformed, plain or coded, wherever it stands', control => {
    for (const text of [control, `a${control}`, `${control}a`, `a${control}a`, `Z\\!${control}ZZ`]) {
      for (const value of [plain(text), coded(text)]) {
        expect(look(Buffer.concat([Buffer.of(0x00), plain('x-a'), value]))).toBe('malformed')
        expect(look(Buffer.concat([Buffer.of(0x10), plain('x-a'), value]))).toBe('malformed')
        expect(look(Buffer.concat([Buffer.of(0x0f, 0x02), value]))).toBe('malformed')
        expect(look(Buffer.concat([Buffer.of(0x82, 0x3f, 0x21, 0x40), plain('x-a'), value]))).toBe('malformed and kept')
        expect(look(Buffer.concat([Buffer.of(0x00), value, plain('a')]))).toBe('malformed')
      }
    }
  })
  it.each([' a', 'a ', '\ta', 'a\t', ' '])('whose value is %j is malformed: blanks at its ends', text => {
    for (const value of [plain(text), coded(text)]) {
      expect(look(Buffer.concat([Buffer.of(0x00), plain('x-a'), value]))).toBe('malformed')
    }
  })
  it.each(['a', '', 'a a', 'a\ta', '!!!!ZZZZ!!!!', '\\\\', '00000000', 'Z!'])('whose value is %j is none', text => {
    for (const value of [plain(text), coded(text)]) {
      expect(look(Buffer.concat([Buffer.of(0x00), plain('x-a'), value]))).toBe('nothing')
      expect(look(Buffer.concat([Buffer.of(0x40), plain('x-a'), value]))).toBe('nothing')
    }
  })
  it('is looked at without an end, or without sense, and never for ever', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
        expect(['nothing', 'malformed', 'malformed and kept']).toContain(lookAtBlock(bytes, 0, bytes.length))
      }),
      { numRuns: 5_000 },
    )
  })
  it('that nghttp2 itself wrote, from any good fields, is none', async () => {
    const found: unknown[] = []
    let seen = 0
    const server = createServer(socket => {
      const watch = createFieldWatch(
        stream => found.push(stream),
        () => found.push('lost'),
      )
      socket.on('error', () => {})
      socket.write(frame(types.settings, 0, 0))
      socket.on('data', (bytes: Buffer) => {
        seen += bytes.length
        // In pieces, as a network may cut them.
        for (let at = 0; at < bytes.length; at += 7) watch(bytes.subarray(at, at + 7))
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    client.on('error', () => {})
    cleanups.push(
      () => client.destroy(),
      () => void server.close(),
    )
    const character = fc.integer({ min: 0x20, max: 0x7e }).map(code => String.fromCharCode(code))
    const values = fc.sample(
      fc.array(fc.string({ unit: character, maxLength: 60 }), { minLength: 1, maxLength: 6 }),
      90,
    )
    for (const row of values) {
      const fields = Object.fromEntries(row.map((value, at) => [`x-${at}-${value.length}`, value.trim()]))
      client.request({ ':path': '/', ...fields }, { endStream: true }).on('error', () => {})
    }
    await until(() => seen > 3_000)
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(found).toEqual([])
  })
})

describe('over a connection', () => {
  const head = (target = '/api/x', method = 'GET'): Buffer =>
    block([
      [':method', method],
      [':scheme', 'http'],
      [':authority', 'orders'],
      [':path', target],
      ['authorization', `Bearer ${alice.token()}`],
    ])
  const badField = Buffer.concat([Buffer.of(0x00), plain('x-a'), coded('a\r\na')])
  async function start(): Promise<{ app: TestApp; connection: FrameConnection; audit: () => Promise<unknown[]> }> {
    const app = await http1App()
    const rig = await guarding(app)
    const connection = await openFrames(rig.port)
    cleanups.push(() => connection.socket.destroy())
    const audit = async (): Promise<unknown[]> => (await rig.audit(1)).map(({ reason, status }) => [reason, status])
    return { app, connection, audit }
  }
  const whole = flags.endHeaders | flags.endStream

  it('a malformed stream is refused, and the others on it are served', async () => {
    const { app, connection, audit } = await start()
    connection.send(frame(types.headers, whole, 1, Buffer.concat([head(), badField])))
    connection.send(frame(types.headers, whole, 3, head('/api/good')))
    await connection.next(types.headers, 1)
    await connection.next(types.headers, 3)
    expect(app.seen.map(({ path }) => path)).toEqual(['/api/good'])
    expect(await audit()).toContainEqual(['request_malformed', 400])
  })
  it('it is so when the field is cut between frames', async () => {
    const { app, connection, audit } = await start()
    const bytes = Buffer.concat([head(), badField])
    const cutAt = bytes.length - 3
    connection.send(frame(types.headers, flags.endStream, 1, bytes.subarray(0, cutAt)))
    connection.send(frame(types.continuation, flags.endHeaders, 1, bytes.subarray(cutAt)))
    await connection.next(types.headers, 1)
    expect([app.seen, await audit()]).toEqual([[], [['request_malformed', 400]]])
  })
  it('it is so behind padding and a priority', async () => {
    const { app, connection } = await start()
    const bytes = Buffer.concat([Buffer.of(3, 0, 0, 0, 0, 16), head(), badField, Buffer.alloc(3)])
    connection.send(frame(types.headers, whole | 0x28, 1, bytes))
    await connection.next(types.headers, 1)
    expect(app.seen).toEqual([])
  })
  it('a malformed field that later streams could refer to ends it', async () => {
    const { app, connection } = await start()
    const kept = Buffer.concat([Buffer.of(0x40), plain('x-a'), plain('a\0')])
    connection.send(frame(types.headers, whole, 1, Buffer.concat([head(), kept])))
    await connection.closed()
    expect(app.seen).toEqual([])
  })
  it('a malformed trailer breaks its stream off, and the app sees no whole request', async () => {
    const { app, connection } = await start()
    connection.send(frame(types.headers, flags.endHeaders, 1, head('/api/x', 'POST')))
    connection.send(frame(types.data, 0, 1, Buffer.from('abc')))
    await until(() => app.seen[0]?.body === 'abc')
    connection.send(frame(types.headers, whole, 1, badField))
    expect((await connection.next(types.reset, 1))?.payload.readUInt32BE(0)).toBe(1)
    await until(() => app.seen[0]?.broken === true)
    expect(app.seen[0]?.ended).toBe(false)
  })
})

it('large answers and bodies pass both ways over a watched connection', async () => {
  const app = await http1App((seen, reply) => {
    reply.head(200)
    reply.end(seen.body)
  })
  const client = session(await guarding(app))
  const large = 'abcdefghij'.repeat(300_000)
  const got = await Promise.all([ask(client, {}, large), ask(client, {}, large), ask(client)])
  expect(got.map(({ body }) => body.length)).toEqual([large.length, large.length, 0])
})
