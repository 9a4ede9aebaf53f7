import { connect, type Socket } from 'node:net'
import type { HttpLimits } from '../../../../platform/http/limits.ts'
import { createTlsSource } from '../../../../platform/http/tls-source.ts'
import { createHeadServer, type HeadServer } from '../../../../platform/wire/server/server.ts'
import type { HeadAnswer, HeadHandler } from '../../../../platform/wire/server/state.ts'
import { createManualClock, type ManualClock } from '../manual-clock.ts'
import { createQuietLog } from '../quiet-log.ts'

export interface HeadServerRig {
  readonly port: number
  readonly server: HeadServer
  readonly clock: ManualClock
  /** Limits that were met. */
  readonly met: string[]
  /** Lets the clock run, a second at a time as the sweep does. */
  pass(seconds: number): Promise<void>
}

export const text = (body: string, status = 200): HeadAnswer => ({
  status,
  headers: ['Content-Length', String(Buffer.byteLength(body))],
  body,
})
/** Says what was asked for. */
export const echo: HeadHandler = ({ head }) => text(`${head.method} ${head.target}`)

/** A server whose clock stands still until told. */
export async function startHeadServer(
  handler: HeadHandler = echo,
  of: { limits?: Partial<HttpLimits>; pair?: { cert: string; key: string } } = {},
): Promise<HeadServerRig> {
  const clock = createManualClock()
  const met: string[] = []
  const server = createHeadServer({
    ...{ name: 'test', host: '127.0.0.1', port: 0, handler, limits: of.limits, clock, log: createQuietLog().log },
    ...(of.pair && { tls: createTlsSource(of.pair) }),
    onLimit: limit => void met.push(limit),
  })
  const { port } = await server.listen()
  return {
    ...{ port, server, clock, met },
    async pass(seconds) {
      for (let i = 0; i < seconds; i++) await clock.advance(1_000)
    },
  }
}

/** A peer; `from` is the last byte of its address. */
export function openFrom(port: number, from: number): Promise<Socket> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: `127.0.0.${from}` }, () => resolve(socket))
    socket.on('error', () => {})
  })
}

/** Bytes that nobody will read any more make a reset of an end; both are an end. */
export function closed(socket: Socket): Promise<void> {
  return new Promise(resolve => (socket.destroyed ? resolve() : void socket.once('close', () => resolve())))
}
