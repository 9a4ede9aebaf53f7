import type { Socket } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { costs } from '../../../platform/fair/memory.ts'
import { alice } from '../policy-rows.ts'
import { startOffline } from './offline.ts'

/** Takes so much of what is written, and then nothing more; as node:net it says when that is too much. */
function blocked(takes: number): { socket: Socket; on(event: string): (() => void) | undefined } {
  const handlers = new Map<string, () => void>()
  let left = takes
  const state = { length: 0, destroyed: false, paused: false, corked: 0 }
  const socket = {
    writable: true,
    get writableLength() {
      return state.destroyed ? 0 : state.length
    },
    get writableNeedDrain() {
      return !state.destroyed && state.length >= 65_536
    },
    get destroyed() {
      return state.destroyed
    },
    write(data: string | Buffer) {
      const length = Buffer.byteLength(data, 'latin1')
      state.length += Math.max(0, length - left)
      left = Math.max(0, left - length)
      return state.length < 65_536
    },
    destroy() {
      if (state.destroyed) return
      state.destroyed = true
      handlers.get('close')?.()
    },
    on: (event: string, handler: () => void) => handlers.set(event, handler),
    once() {},
    _write() {},
    end() {},
    destroySoon() {},
    cork() {},
    uncork() {},
    pause: () => (state.paused = true),
    resume: () => (state.paused = false),
    isPaused: () => state.paused,
    setKeepAlive() {},
    setTimeout() {},
  }
  return { socket: socket as unknown as Socket, on: event => handlers.get(event) }
}

const fields = `Host: orders\r\nAuthorization: Bearer ${alice.token()}\r\n`
const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
const requests = {
  get: `GET /api/x HTTP/1.1\r\n${fields}\r\n`,
  long: `GET /api/x HTTP/1.1\r\n${fields}X-Long: ${'x'.repeat(12_000)}\r\n\r\n`,
  denied: 'GET /api/x HTTP/1.1\r\nHost: orders\r\n\r\n',
  sized: `POST /api/x HTTP/1.1\r\n${fields}Content-Length: 1000000\r\n\r\n`,
  chunked: `POST /api/x HTTP/1.1\r\n${fields}Transfer-Encoding: chunked\r\n\r\n`,
  socket: `GET /api/x HTTP/1.1\r\n${fields}${upgrade}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
}
const answers = {
  sized: 'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n',
  whole: `HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n${'y'.repeat(60_000)}`,
  chunked: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
  switches: `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${'z'.repeat(9_000)}`,
}
const piece = Buffer.from(`2000\r\n${'p'.repeat(0x2000)}\r\n`.repeat(8), 'latin1')

/** A short request is in what every connection takes. */
const ofEvery = 4_096

type Step = { by: 'caller' | 'app'; bytes: Buffer }
const sized = fc.integer({ min: 1, max: piece.length }).map(length => piece.subarray(0, length))
const of = (texts: Readonly<Record<string, string>>): fc.Arbitrary<Buffer> =>
  fc.constantFrom(...Object.values(texts)).map(text => Buffer.from(text, 'latin1'))
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ by: fc.constant('caller' as const), bytes: fc.oneof(of(requests), sized) }),
    fc.record({ by: fc.constant('app' as const), bytes: fc.oneof(of(answers), sized, sized) }),
  ),
  { minLength: 1, maxLength: 12 },
)

describe('S04 what waits for a caller, or for the app', () => {
  it('is told to the budget of memory by whatever wrote it', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('', ...Object.values(requests)),
        fc.constantFrom('', ...Object.values(answers)),
        steps,
        fc.constantFrom(0, 1_000, 100_000),
        (request, answer, rest, takes) => {
          const [caller, app] = [blocked(takes), blocked(takes)]
          const guard = startOffline({ caller: caller.socket, app: app.socket })
          const first: Step[] = [
            { by: 'caller', bytes: Buffer.from(request, 'latin1') },
            { by: 'app', bytes: Buffer.from(answer, 'latin1') },
          ]
          for (const { by, bytes } of [...first, ...rest]) {
            if (bytes.length === 0 || caller.socket.destroyed) continue
            if (by === 'caller' ? caller.socket.isPaused() : app.socket.isPaused()) continue
            if (by === 'caller') guard.read(bytes)
            else guard.answer(bytes)
            const waits = caller.socket.writableLength + app.socket.writableLength
            if (!caller.socket.destroyed) expect(guard.held() + ofEvery).toBeGreaterThanOrEqual(waits)
          }
        },
      ),
      { numRuns: 400 },
    )
  })
  it('costs a tunnel of which nobody reads an end more than its bytes, until they are read', () => {
    const [caller, app] = [blocked(0), blocked(0)]
    const guard = startOffline({ caller: caller.socket, app: app.socket })
    guard.read(Buffer.from(requests.socket, 'latin1'))
    guard.answer(Buffer.from(answers.switches, 'latin1'))
    guard.answer(piece)
    guard.read(piece)
    expect(guard.held()).toBeGreaterThan(2 * costs.stuck + 2 * 65_536)
  })
})
