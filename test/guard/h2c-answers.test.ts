import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { block, flags, frame, number, preface, types } from './http2-frames.ts'
import { ask, cleanUp, cleanups, type Got, guarding, session } from './http2-rig.ts'
import type { Rig } from './rig.ts'

// S08: an app that speaks HTTP/2 by frames of its own. What is no answer is refused or broken off, never made good.

afterEach(cleanUp)

type Fields = readonly (readonly [string, string])[]
const head = (fields: Fields, flag: number = flags.endHeaders): Buffer => frame(types.headers, flag, 1, block(fields))
const data = (text: string, flag = 0): Buffer => frame(types.data, flag, 1, Buffer.from(text))
const last = flags.endHeaders | flags.endStream
const ok: Fields = [[':status', '200']]

/** Answers the first request of each connection with these frames. */
async function saying(frames: readonly Buffer[], after: (socket: Socket) => void = () => {}): Promise<Rig> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    let bytes = Buffer.alloc(0)
    let answered = false
    sockets.add(socket)
    socket.on('error', () => {})
    socket.write(frame(types.settings, 0, 0))
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      if (answered || !hasRequest(bytes)) return
      answered = true
      socket.write(Buffer.concat([frame(types.settings, flags.ack, 0), ...frames]), () => after(socket))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return guarding({ port, protocol: 'h2c' }, { upstreamTimeoutMs: 1_000 })
}

function hasRequest(bytes: Buffer): boolean {
  for (let at = preface.length; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    if (bytes[at + 3] === types.headers) return true
  }
  return false
}

const plain = (rig: Rig): Promise<Got> => ask(session(rig))
const grpc = (rig: Rig): Promise<Got> => ask(session(rig), { 'content-type': 'application/grpc', te: 'trailers' }, 'm')

/** Whole, refused by the guard, or begun and broken off. */
function outcome(got: Got): string {
  if (got.resetWith !== 0) return 'cut'
  const refused = [got.header('grpc-message'), got.status === 502 ? JSON.parse(got.body).code : undefined]
  return refused.includes('upstream_invalid') ? 'refused' : `${got.status} ${got.body}`
}

describe.each([
  ['HTTP/2', plain],
  ['gRPC', grpc],
] as const)('to a caller of %s', (_name, call) => {
  it.each<[string, Buffer[], string?]>([
    ['one piece', [head(ok), data('hello', flags.endStream)]],
    ['pieces and an empty end', [head(ok), data('hel'), data('lo'), data('', flags.endStream)]],
    ['trailers', [head(ok), data('hello'), head([['x-sum', '1']], last)]],
    ['its length', [head([...ok, ['content-length', '5']]), data('hello', flags.endStream)]],
    ['hints before it', [head([[':status', '103']]), head(ok), data('hello', flags.endStream)]],
    ['no body', [head(ok, last)], '200 '],
    ['a field twice', [head([...ok, ['etag', 'a'], ['etag', 'b']]), data('hello', flags.endStream)]],
  ])('an answer with %s is whole', async (_what, frames, expected = '200 hello') => {
    expect(outcome(await call(await saying(frames)))).toBe(expected)
  })

  it.each<[string, Buffer[]]>([
    ['status 999', [head([[':status', '999']]), data('hello', flags.endStream)]],
    ['status 999 and no body', [head([[':status', '999']], last)]],
    ['status 600', [head([[':status', '600']]), data('hello', flags.endStream)]],
    ['status 099', [head([[':status', '099']]), data('hello', flags.endStream)]],
    ['101', [head([[':status', '101']]), data('hello', flags.endStream)]],
    ['a status of two digits', [head([[':status', '20']]), data('hello', flags.endStream)]],
    ['a status of letters', [head([[':status', 'abc']]), data('hello', flags.endStream)]],
    ['no status', [head([['x-a', 'b']]), data('hello', flags.endStream)]],
    ['two statuses', [head([...ok, [':status', '200']]), data('hello', flags.endStream)]],
    ['a status behind a field', [head([['x-a', 'b'], ...ok]), data('hello', flags.endStream)]],
    ['a pseudo field of requests', [head([...ok, [':path', '/']]), data('hello', flags.endStream)]],
    ['Connection', [head([...ok, ['connection', 'close']]), data('hello', flags.endStream)]],
    ['Transfer-Encoding', [head([...ok, ['transfer-encoding', 'chunked']]), data('hello', flags.endStream)]],
    ['capitals in a name', [head([...ok, ['X-A', 'b']]), data('hello', flags.endStream)]],
    ['two lengths', [head([...ok, ['content-length', '5'], ['content-length', '6']]), data('hello', flags.endStream)]],
    ['a length that is none', [head([...ok, ['content-length', 'x']]), data('hello', flags.endStream)]],
    ['data before its head', [data('hello', flags.endStream)]],
  ])('an answer with %s is refused or broken off, and nothing of it passes', async (_what, frames) => {
    const got = await call(await saying(frames))
    expect(outcome(got)).toBe('refused')
  })

  it.each<[string, Buffer[], ((socket: Socket) => void)?]>([
    ['is shorter than its length', [head([...ok, ['content-length', '9']]), data('hello', flags.endStream)]],
    ['is longer than its length', [head([...ok, ['content-length', '4']]), data('hello', flags.endStream)]],
    ['is reset', [head(ok), data('hello'), frame(types.reset, 0, 1, number(2))]],
    ['is reset with NO_ERROR', [head(ok), data('hello'), frame(types.reset, 0, 1, number(0))]],
    ['ends with the connection', [head(ok), data('hello')], socket => void socket.end()],
    ['ends with a reset of the connection', [head(ok), data('hello')], socket => void socket.resetAndDestroy()],
    ['has trailers that do not end it', [head(ok), data('hello'), head([['x-sum', '1']])], socket => void socket.end()],
    ['has a pseudo field in its trailers', [head(ok), data('hello'), head([[':status', '200']], last)]],
  ])('an answer whose body %s never looks whole', async (_what, frames, after) => {
    expect(outcome(await call(await saying(frames, after)))).not.toMatch(/^200/)
  })
})
