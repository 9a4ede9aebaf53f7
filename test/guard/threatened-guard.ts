import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { block, type FrameConnection, flags, frame, openFrames, types } from './http2-frames.ts'
import { alice } from './policy-rows.ts'
import { sendRaw } from './raw-socket.ts'
import { type App, type Rig, startApp, startGuard } from './rig.ts'

export type Fields = readonly (readonly [string, string])[]
export const pseudo: Fields = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'orders'],
  [':path', '/api/x'],
]
export const bearer = (): Fields => [['authorization', `Bearer ${alice.token()}`]]
export const replaced = (name: string, value: string | undefined): Fields =>
  pseudo.flatMap(field => (field[0] === name ? (value === undefined ? [] : [[name, value] as const]) : [field]))
export const request = (fields: Fields, stream = 1, flag: number = flags.endStream): Buffer =>
  frame(types.headers, flag | flags.endHeaders, stream, block(fields))
export const codeOf = (payload: Buffer | undefined, at = 0): number | undefined => payload?.readUInt32BE(at)

/** Members are there when a test runs, and not before. */
export interface Http2Threats {
  readonly app: App
  readonly rig: Rig
  /** A connection that ends with its test. */
  open(begin?: Buffer, port?: number): Promise<FrameConnection>
  /** What became of one stream: a status, or the code it was reset with. */
  outcome(fields: Fields, connection?: FrameConnection): Promise<string>
  /** A good caller is served, by both protocols. */
  servesOn(): Promise<void>
}

/** HTTP/2 as an attacker writes it, frame by frame, against one running guard for all tests of the file that calls this. */
export function threatenedGuard(): Http2Threats {
  let running: { app: App; rig: Rig } | undefined
  const connections: FrameConnection[] = []
  const there = () => {
    if (!running) throw new Error('the guard of this file does not run yet')
    return running
  }
  beforeAll(async () => {
    const app = await startApp()
    running = { app, rig: await startGuard(app.port, { headersTimeoutMs: 500, bodyIdleMs: 300 }) }
  })
  afterAll(async () => {
    await running?.rig.close()
    await running?.app.close()
  })
  beforeEach(() => void running?.app.seen.splice(0))
  afterEach(() => {
    for (const { socket } of connections.splice(0)) socket.destroy()
  })
  const open = async (begin?: Buffer, port = there().rig.port): Promise<FrameConnection> => {
    const connection = await openFrames(port, begin)
    connections.push(connection)
    return connection
  }
  const outcome = async (fields: Fields, connection?: FrameConnection): Promise<string> => {
    const used = connection ?? (await open())
    used.send(request(fields))
    const ends = [used.next(types.headers, 1), used.next(types.reset, 1), used.next(types.goaway)]
    const first = await Promise.race(ends.map(async end => (await end) ?? new Promise<never>(() => {})))
    if (first.type === types.reset) return `reset ${codeOf(first.payload)}`
    if (first.type === types.goaway) return `goaway ${codeOf(first.payload, 4)}`
    return `status ${statusOf(first.payload)}`
  }
  return {
    get app() {
      return there().app
    },
    get rig() {
      return there().rig
    },
    open,
    outcome,
    async servesOn() {
      const head = `GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${alice.token()}\r\n\r\n`
      expect((await sendRaw(there().rig.port, head)).status).toBe(200)
      expect(await outcome([...pseudo, ...bearer()])).toBe('status 200')
    },
  }
}

/** Only our own answers are looked at, whose status is the first field: indexed, or a literal after an indexed name. */
export function statusOf(payload: Buffer): string {
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
