import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { sleep } from '../../../platform/clock.ts'
import { http2 } from '../../../platform/on-demand.ts'
import type { Authorizer } from '../authorize.ts'
import type { UpstreamPool } from '../http1/upstream-pool.ts'
import { peerOf } from '../report.ts'
import { reviewEveryMs } from '../upgrade.ts'
import {
  NGHTTP2_ENHANCE_YOUR_CALM,
  NGHTTP2_FLAG_END_STREAM,
  NGHTTP2_NO_ERROR,
  NGHTTP2_PROTOCOL_ERROR,
} from './codes.ts'
import { createH2cForward } from './forward-h2c.ts'
import { createHttp1Forward } from './forward-http1.ts'
import { createStreamHandler, type StreamOptions } from './handle-stream.ts'
import { connectionWindow, sessionOptions, watchForFloods } from './limits.ts'
import { createMalformed, type Malformed } from './malformed.ts'
import { createOpenCalls } from './review.ts'
import { createFieldWatch } from './watch-fields.ts'
import { watchedSocket } from './watched-socket.ts'

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
  take(socket: Socket, firstBytes: Buffer): (bytes: Buffer) => void
  /** Calls that are not yet wholly answered. */
  busy(): number
  /** Goes on serving, but tells every caller to take its next call elsewhere. */
  announceStop(): void
  /** No more calls on the connections there are; resolves when the running ones have ended, or are cut off. */
  drain(deadlineMs: number): Promise<void>
}

export interface Http2Options extends StreamOptions {
  /** Asks again about open calls. */
  readonly reviewer: Authorizer
  readonly upstream: string
  /** Connections to an app that speaks HTTP/1.1. */
  readonly upstreams: UpstreamPool
  readonly upstreamProtocol: UpstreamProtocol
  readonly upstreamTimeoutMs: number
  /** How long a connection may be without a call. Default 75 s. */
  readonly idleMs?: number
}

/** Names no stream yet: RFC 9113 section 6.8, the first of the two GOAWAY of a graceful end. */
const anyStream = 2 ** 31 - 1

const flooded = new Error('the peer floods the connection')
const lostFields = new Error('the peer keeps fields that cannot be')

export function createHttp2(options: Http2Options): Http2Sessions {
  const { policy, clock, log, idleMs = 75_000 } = options
  const app = { origin: options.upstream, headersTimeoutMs: options.upstreamTimeoutMs }
  const upstream = options.upstreamProtocol === 'h2c' ? createH2cForward(app) : createHttp1Forward(options)
  const calls = createOpenCalls({ authorizer: options.reviewer, reporter: options.reporter })
  const sessions = new Set<ServerHttp2Session>()
  let running = 0
  let stopping = false
  const handle = createStreamHandler({
    ...options,
    forward: upstream.forward,
    onAdmitted(exchange, answering) {
      running++
      exchange.stream.once('close', () => running--)
      if (exchange.grpc) calls.add(exchange, answering)
    },
  })
  policy.onChange(() => setImmediate(calls.review))
  const reviews = setInterval(calls.review, reviewEveryMs)
  reviews.unref()

  function serve(session: ServerHttp2Session, peer: string, malformed: Malformed): void {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    session.on('error', () => {})
    session.setLocalWindowSize(connectionWindow)
    watchForFloods(session, clock, () => session.destroy(flooded, NGHTTP2_ENHANCE_YOUR_CALM))
    let open = 0
    session.setTimeout(idleMs, () => {
      // A connection is idle when it has no call; calls have limits of their own.
      if (open === 0) session.close()
    })
    session.on('stream', (stream, _headers, flags, raw) => {
      open++
      stream.once('close', () => open--)
      try {
        const isMalformed = malformed.opened(stream)
        handle({ stream, raw, isMalformed, endsHere: (flags & NGHTTP2_FLAG_END_STREAM) !== 0, peer })
      } catch (error) {
        // A bug costs the call that met it, and nobody else's.
        log.error({ err: error }, 'a stream could not be handled')
        stream.destroy()
      }
    })
    if (stopping) session.goaway(NGHTTP2_NO_ERROR, anyStream)
  }

  return {
    busy: () => running,
    take(socket, firstBytes) {
      const peer = peerOf(socket.remoteAddress)
      socket.on('error', () => socket.destroy())
      // A server of HTTP/1 leaves half-closed connections open: here the peer has gone.
      socket.allowHalfOpen = false
      socket.setNoDelay(true)
      socket.setKeepAlive(true, 30_000)
      const lose = (): void => session.destroy(lostFields, NGHTTP2_PROTOCOL_ERROR)
      const malformed = createMalformed(lose)
      const watch = createFieldWatch(malformed.found, lose)
      const watched = watchedSocket(socket, watch)
      const session = http2().performServerHandshake(watched.duplex as Socket, sessionOptions)
      serve(session, peer, malformed)
      if (firstBytes.length > 0) watched.take(firstBytes)
      return watched.take
    },
    announceStop() {
      stopping = true
      for (const session of sessions) if (!session.destroyed) session.goaway(NGHTTP2_NO_ERROR, anyStream)
    },
    async drain(deadlineMs) {
      for (const session of sessions) session.close()
      const startedMs = clock.now()
      while (sessions.size > 0 && clock.now() - startedMs < deadlineMs) await sleep(clock, 20)
      for (const session of sessions) session.destroy()
      clearInterval(reviews)
      upstream.close()
    },
  }
}
