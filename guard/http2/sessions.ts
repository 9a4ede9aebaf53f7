import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { sleep } from '../../platform/clock.ts'
import type { Budget } from '../../platform/fair/budget.ts'
import { costs } from '../../platform/fair/memory.ts'
import { createTurns } from '../../platform/fair/turns.ts'
import { http2 } from '../../platform/on-demand.ts'
import type { Accepted } from '../../platform/wire/accepted.ts'
import { ticksOf } from '../../platform/wire/connection/ticks.ts'
import type { OpenCalls } from '../open-calls/review.ts'
import type { UpstreamPool } from '../upstream/pool.ts'
import { createH2cForward } from './app/forward-h2c.ts'
import { createHttp1Forward } from './app/forward-http1.ts'
import {
  NGHTTP2_ENHANCE_YOUR_CALM,
  NGHTTP2_FLAG_END_STREAM,
  NGHTTP2_INTERNAL_ERROR,
  NGHTTP2_NO_ERROR,
  NGHTTP2_PROTOCOL_ERROR,
  NGHTTP2_REFUSED_STREAM,
} from './codes.ts'
import { endStream } from './end-stream.ts'
import { createStreamHandler, type StreamOptions } from './handle-stream.ts'
import { whenItsTurn } from './its-turn.ts'
import { connectionWindow, sessionOptions } from './limits.ts'
import { createOpenSessions, type OpenSession } from './open-sessions.ts'
import { createOpenStreams } from './open-streams.ts'
import { createFloodMeter, watchForFloods } from './watch/floods.ts'
import { createMalformed, type Malformed } from './watch/malformed.ts'
import { createFieldWatch } from './watch/watch-fields.ts'
import { watchedSocket } from './watch/watched-socket.ts'

/** How the app is spoken to. */
export const upstreamProtocols = ['http1', 'h2c'] as const
export type UpstreamProtocol = (typeof upstreamProtocols)[number]

/** The connections on which callers speak HTTP/2. */
export interface Http2Sessions {
  /**
   * Takes over a connection.
   * @param firstBytes what was already read from it, the preface first
   * @returns takes what is read from now on
   */
  take(accepted: Accepted, firstBytes: Buffer): (bytes: Buffer) => void
  /** Calls that were let in. */
  readonly open: OpenCalls
  /** Calls that are not yet wholly answered. */
  busy(): number
  /** Connections. */
  size(): number
  /** Ends what took too long; to be called every tick while there are connections. */
  sweep(): void
  /** Goes on serving, but tells every caller to take its next call elsewhere. */
  announceStop(): void
  /** No more calls on the connections there are; resolves when the running ones have ended, or are cut off. */
  drain(deadlineMs: number): Promise<void>
}

export interface Http2Options extends StreamOptions {
  readonly upstream: string
  /** Connections to an app that speaks HTTP/1.1. */
  readonly upstreams: UpstreamPool
  readonly upstreamProtocol: UpstreamProtocol
  readonly upstreamTimeoutMs: number
  /** Told why a connection to an app that speaks HTTP/2 did not come about. */
  readonly onNoConnection?: ((error: Error) => void) | undefined
  /** Memory of all that is under way. */
  readonly memory: Budget
  /** For preface and settings, and for the first head, to arrive. Default 10 s. */
  readonly headersTimeoutMs?: number | undefined
  /** How long a connection may be without a call, whatever else it brings. Default 75 s. */
  readonly keepAliveMs?: number | undefined
}

/** A slice is what a call may have to wait for others. More of a peer than it has places for streams never wait. */
const callTurns = { sliceMs: 2, perPeer: 4_096, sum: 16_384 }

/** Names no stream yet: RFC 9113 section 6.8, the first of the two GOAWAY of a graceful end. */
const anyStream = 2 ** 31 - 1

const flooded = new Error('the peer floods the connection')
const lostFields = new Error('the peer keeps fields that cannot be')

/** Takes what still comes on a connection that was refused. */
const dropped = (): void => {}

export function createHttp2(options: Http2Options): Http2Sessions {
  const { clock, log, memory, reporter, headersTimeoutMs = 10_000, keepAliveMs = 75_000 } = options
  const { bodyIdleMs = 60_000, unreadMs = 60_000 } = options
  const app = { ...options, origin: options.upstream, headersTimeoutMs: options.upstreamTimeoutMs }
  const upstream = options.upstreamProtocol === 'h2c' ? createH2cForward(app) : createHttp1Forward(options)
  const { limitHit } = reporter
  const times = { headTicks: ticksOf(headersTimeoutMs), idleTicks: ticksOf(keepAliveMs) }
  const sessions = createOpenSessions({ ...times, limitHit })
  const bodies = { bodyIdleTicks: ticksOf(bodyIdleMs), unreadTicks: ticksOf(unreadMs) }
  const streams = createOpenStreams({ memory, ...bodies, limitHit })
  const meter = createFloodMeter(clock)
  const turns = createTurns(callTurns, { clock, log })
  let tick = 0
  let running = 0
  let stopping = false
  const handle = createStreamHandler({
    ...options,
    streams,
    forward: upstream.forward,
    onAdmitted({ stream }) {
      running++
      stream.once('close', () => running--)
    },
  })

  function serve(session: ServerHttp2Session, accepted: Accepted, malformed: Malformed): void {
    session.on('error', () => {})
    session.setLocalWindowSize(connectionWindow)
    const note = watchForFloods(session, { peer: accepted.key, meter, clock }, () => {
      if (session.destroyed) return
      limitHit('flood')
      session.destroy(flooded, NGHTTP2_ENHANCE_YOUR_CALM)
    })
    const one = sessions.add(session, accepted, () => note('bytes'))
    session.on('stream', (stream, _headers, flags, raw) => {
      sessions.begin(one)
      stream.once('close', () => sessions.over(one))
      stream.on('error', () => {})
      takeStream(one, stream, flags, raw, malformed.opened(stream))
    })
    if (stopping) session.goaway(NGHTTP2_NO_ERROR, anyStream)
  }

  function takeStream(
    one: OpenSession,
    stream: ServerHttp2Stream,
    flags: number,
    raw: readonly string[],
    isMalformed: boolean,
  ): void {
    const { address, key } = one.accepted
    const open = streams.open(key, stream, raw, one.bytes.data)
    if (!open) {
      endStream(stream, NGHTTP2_REFUSED_STREAM)
      return void sessions.refuse(one)
    }
    const endsHere = (flags & NGHTTP2_FLAG_END_STREAM) !== 0
    const opened = { open, stream, raw, isMalformed, endsHere, address, key }
    const fate = whenItsTurn(turns, key, stream, turn => {
      if (turn === 'lost') return void endStream(stream, NGHTTP2_REFUSED_STREAM)
      try {
        handle(opened)
      } catch (error) {
        // A bug costs the call that met it, and nobody else's.
        log.error({ err: error }, 'a stream could not be handled')
        endStream(stream, NGHTTP2_INTERNAL_ERROR)
      }
    })
    if (fate === 'refused') endStream(stream, NGHTTP2_REFUSED_STREAM)
  }

  return {
    open: streams,
    busy: () => running,
    size: sessions.size,
    sweep() {
      tick++
      sessions.sweep(tick)
      streams.sweep(tick)
    },
    take(accepted, firstBytes) {
      const { socket, key } = accepted
      socket.on('error', () => socket.destroy())
      if (meter.isFlooding(key)) {
        limitHit('flood')
        socket.destroy()
        return dropped
      }
      const endForMemory = (): void => {
        limitHit('memory')
        socket.destroy()
      }
      const place = memory.enter(key, costs.session, endForMemory)
      if (!place) {
        endForMemory()
        return dropped
      }
      // A server of HTTP/1 leaves half-closed connections open: here the peer has gone.
      socket.allowHalfOpen = false
      socket.setNoDelay(true)
      socket.setKeepAlive(true, 30_000)
      const lose = (): void => session.destroy(lostFields, NGHTTP2_PROTOCOL_ERROR)
      const malformed = createMalformed(lose)
      const watch = createFieldWatch(malformed.found, lose)
      const watched = watchedSocket(socket, watch)
      const session = http2().performServerHandshake(watched.duplex as Socket, sessionOptions)
      // Not before: a connection that has closed leaves a session that ends its streams.
      session.once('close', () => memory.leave(place))
      serve(session, accepted, malformed)
      if (firstBytes.length > 0) watched.take(firstBytes)
      return watched.take
    },
    announceStop() {
      stopping = true
      for (const { session } of sessions.all()) if (!session.destroyed) session.goaway(NGHTTP2_NO_ERROR, anyStream)
    },
    async drain(deadlineMs) {
      for (const { session } of sessions.all()) session.close()
      const startedMs = clock.now()
      while (sessions.size() > 0 && clock.now() - startedMs < deadlineMs) await sleep(clock, 20)
      for (const { session } of sessions.all()) session.destroy()
      upstream.close()
    },
  }
}
