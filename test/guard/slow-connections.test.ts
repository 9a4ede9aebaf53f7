import { connect as connectTls } from 'node:tls'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { createTlsSource } from '../../platform/http/tls-source.ts'
import { makePair } from '../unit/webhook/make-pair.ts'
import { block, type FrameConnection, flags, frame, number, openFrames, preface, types } from './http2-frames.ts'
import { alice } from './policy-rows.ts'
import { openRaw, type RawConnection } from './raw-socket.ts'
import { type App, type Rig, startApp, startGuard } from './rig.ts'

// S01 at the port for callers: whoever says nothing, or a little now and then, is let go in every phase. The times of
// docs/http.md are short here.

let app: App
let rig: Rig
let secured: Rig
const timers: NodeJS.Timeout[] = []
const times = { headersTimeoutMs: 400, keepAliveMs: 900, bodyIdleMs: 600, unreadMs: 600 }
beforeAll(async () => {
  app = await startApp((_request, response) => response.end('x'.repeat(4_000_000)))
  rig = await startGuard(app.port, times)
  secured = await startGuard(app.port, { ...times, tls: createTlsSource(await makePair()) })
})
afterAll(async () => {
  await rig.close()
  await secured.close()
  await app.close()
})
afterEach(() => {
  for (const timer of timers.splice(0)) clearInterval(timer)
})

const trickle = (send: () => void): void => void timers.push(setInterval(send, 60))
const bearer = (): string => `Authorization: Bearer ${alice.token()}`
const settings = frame(types.settings, 0, 0)
const ack = frame(types.settings, flags.ack, 0)
const greet = (port = rig.port): Promise<FrameConnection> => openFrames(port, Buffer.concat([preface, settings, ack]))
const fields = (method: string, path = '/api/x'): Buffer =>
  block([
    [':method', method],
    [':scheme', 'http'],
    [':authority', 'orders'],
    [':path', path],
    ['authorization', `Bearer ${alice.token()}`],
  ])

const raw = (begin: (caller: RawConnection) => void) => async (): Promise<unknown> => {
  const caller = await openRaw(rig.port)
  begin(caller)
  return await caller.closed()
}
const framed = (begin: (caller: FrameConnection) => void) => async (): Promise<unknown> => {
  const caller = await greet()
  begin(caller)
  return await caller.closed()
}
/** Sends the bytes one after the other. */
const byBytes = (send: (bytes: Buffer) => void, bytes: Buffer): void => {
  let at = 0
  trickle(() => send(bytes.subarray(at, ++at)))
}

it.each<[string, () => Promise<unknown>]>([
  ['HTTP/1.1: nothing at all', raw(() => {})],
  [
    'HTTP/1.1: a head byte by byte',
    raw(caller => byBytes(caller.send, Buffer.from(`GET /api/x HTTP/1.1\r\nA: ${'b'.repeat(999)}`))),
  ],
  [
    'HTTP/1.1: a body byte by byte',
    raw(caller => {
      caller.send(`POST /api/x HTTP/1.1\r\nHost: orders\r\n${bearer()}\r\nContent-Length: 1000000\r\n\r\n`)
      trickle(() => caller.send('x'))
    }),
  ],
  [
    'HTTP/1.1: nothing between requests',
    raw(caller => caller.send(`GET /nowhere HTTP/1.1\r\nHost: orders\r\n${bearer()}\r\n\r\n`)),
  ],
  ['HTTP/2: a preface byte by byte', raw(caller => byBytes(caller.send, preface))],
  ['HTTP/2: a preface without settings', raw(caller => caller.send(preface))],
  ['HTTP/2: no call', framed(() => {})],
  [
    'HTTP/2: pings and nothing else',
    framed(caller => trickle(() => caller.send(frame(types.ping, 0, 0, Buffer.alloc(8))))),
  ],
  [
    'HTTP/2: windows and nothing else',
    framed(caller => trickle(() => caller.send(frame(types.window, 0, 0, number(1))))),
  ],
  [
    'HTTP/2: a head byte by byte',
    framed(caller => byBytes(caller.send, frame(types.headers, flags.endHeaders | flags.endStream, 1, fields('GET')))),
  ],
  [
    'HTTP/2: a head that goes on in frames of a byte',
    framed(caller => {
      const head = fields('GET')
      let at = 0
      caller.send(frame(types.headers, flags.endStream, 1))
      trickle(() => caller.send(frame(types.continuation, 0, 1, head.subarray(at, ++at))))
    }),
  ],
  [
    'HTTP/2: after a call, a head byte by byte',
    framed(async caller => {
      caller.send(frame(types.headers, flags.endHeaders | flags.endStream, 1, fields('GET', '/nowhere')))
      await caller.next(types.headers, 1)
      byBytes(caller.send, frame(types.headers, flags.endHeaders | flags.endStream, 3, fields('GET')))
    }),
  ],
  ['TLS: nothing at all', async () => await (await openRaw(secured.port)).closed()],
  [
    'TLS: half a hello',
    async () => {
      const caller = await openRaw(secured.port)
      byBytes(caller.send, Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]))
      return await caller.closed()
    },
  ],
  [
    'TLS: HTTP/2 was chosen, and no preface comes',
    () =>
      new Promise(resolve => {
        const to = { port: secured.port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] }
        connectTls(to)
          .resume()
          .on('error', () => {})
          .on('close', resolve)
      }),
  ],
])('S01 %s: the connection ends', async (_what, lasts) => {
  await lasts()
})

it.each<[string, () => Promise<FrameConnection>]>([
  [
    'a body byte by byte',
    async () => {
      const caller = await greet()
      caller.send(frame(types.headers, flags.endHeaders, 1, fields('POST')))
      trickle(() => caller.send(frame(types.data, 0, 1, Buffer.from('x'))))
      return caller
    },
  ],
  [
    'an answer that no window is opened for',
    async () => {
      const noWindow = frame(types.settings, 0, 0, Buffer.concat([Buffer.from([0, 4]), number(0)]))
      const caller = await openFrames(rig.port, Buffer.concat([preface, noWindow, ack]))
      caller.send(frame(types.headers, flags.endHeaders | flags.endStream, 1, fields('GET', '/nowhere')))
      return caller
    },
  ],
  [
    'an answer whose window is opened byte by byte',
    async () => {
      const caller = await greet()
      caller.send(frame(types.headers, flags.endHeaders | flags.endStream, 1, fields('GET')))
      trickle(() => caller.send(frame(types.window, 0, 1, number(1))))
      return caller
    },
  ],
])('S01 HTTP/2, %s: the call ends', async (_what, begin) => {
  const caller = await begin()
  expect(await caller.next(types.reset, 1)).toBeDefined()
  caller.socket.destroy()
})

it('S01 an answer of HTTP/1.1 that is read a little now and then ends', async () => {
  const caller = await openRaw(rig.port)
  caller.socket.pause()
  caller.send(`GET /api/x HTTP/1.1\r\nHost: orders\r\n${bearer()}\r\n\r\n`.repeat(3))
  await expect.poll(() => rig.metrics()).toContain('latchkey_guard_limits_hit_total{limit="unread"}')
  caller.socket.destroy()
})
