import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'
import { createBudget, type Share } from '../fair/budget.ts'
import type { Connection, Connections } from './connections.ts'
import { type HttpLimit, type HttpLimits, shortBodyBytes } from './limits.ts'

/** A request and its answer, until both have ended. */
interface Exchange {
  readonly connection: Connection
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly startedAt: number
  /** Since when the whole answer is there and the peer has only to read it. */
  endedAt?: number
  isStream?: true
  body?: Share | undefined
  answer?: Share | undefined
}

/** What is under way on the connections of one listener. */
export interface Exchanges {
  /** A head came. `closed`: the connection is, too; `no_place`: not for its body, and the answer is the caller's to give */
  begin(request: IncomingMessage, response: ServerResponse): 'begun' | 'closed' | 'no_place'
  /** The handler is done; what it answered may still have to be read. */
  handled(response: ServerResponse): void
  /** Closes what takes too long; to be called every second. */
  sweep(): void
}

const known = new WeakMap<ServerResponse, Exchange>()

/**
 * Says that the peer proved who it is: its connection no longer takes a place that strangers share, and none of them can
 * cost it its own.
 */
export function markProved(response: ServerResponse): void {
  known.get(response)?.connection.prove()
}

/**
 * Says that request and answer go on without end, so that no limit of this listener holds for either. For a handler that
 * bounds both itself, and not before the peer is proved and what it asks for was read.
 */
export function markStream(response: ServerResponse): void {
  const exchange = known.get(response)
  if (!exchange) return
  exchange.isStream = true
  exchange.body?.release()
}

/** Node ends idle connections itself, somewhat later than it told the peer. */
const nodesSlackMs = 3_000
const tooSlow = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'

export function createExchanges(
  connections: Connections,
  options: { limits: HttpLimits; clock: Clock; onLimit: (limit: HttpLimit) => void },
): Exchanges {
  const { limits, clock, onLimit } = options
  const shortBodies = createBudget(limits.shortBodies)
  const longBodies = createBudget(limits.longBodies)
  const answers = createBudget(limits.answers)
  const running = new WeakMap<Connection, Set<Exchange>>()

  function takeBody(exchange: Exchange): boolean {
    const { connection, request } = exchange
    const bytes = Math.min(declaredBytes(request), limits.bodyBytes)
    if (bytes === 0) return true
    const bodies = bytes <= shortBodyBytes ? shortBodies : longBodies
    exchange.body = bodies.take(connection.peer, bytes, () => connection.closeFor('bodies'))
    if (!exchange.body) onLimit('bodies')
    return exchange.body !== undefined
  }

  /** An answer can be given before its request has ended; what still comes is limited all the same. */
  function settle(exchange: Exchange): void {
    const { connection, request, response } = exchange
    if (!response.closed || !request.complete) return
    const set = running.get(connection)
    set?.delete(exchange)
    if (set?.size !== 0) return
    connection.since = clock.now()
    connection.readSince = connection.socket.bytesRead
    connection.headSince = undefined
  }

  function noteEnd(exchange: Exchange): void {
    const { connection, response } = exchange
    if (exchange.endedAt !== undefined || exchange.isStream || response.closed || !response.writableEnded) return
    exchange.endedAt = clock.now()
    const unread = response.writableLength
    if (unread === 0) return
    exchange.answer = answers.take(connection.peer, unread, () => connection.closeFor('answers'))
    if (!exchange.answer) connection.closeFor('answers')
  }

  function overdue({ request, response, startedAt, endedAt, isStream }: Exchange, now: number): HttpLimit | undefined {
    if (isStream) return undefined
    if (!request.complete && now - startedAt > limits.requestMs) return 'body_timeout'
    return endedAt !== undefined && !response.closed && now - endedAt > limits.answerMs ? 'unread' : undefined
  }

  function sweepOne(connection: Connection, now: number): void {
    if (connection.phase === 'handshake') {
      if (now - connection.since > limits.handshakeMs) connection.closeFor('handshake_timeout')
      return
    }
    const set = running.get(connection)
    for (const exchange of set ?? []) {
      noteEnd(exchange)
      settle(exchange)
      const limit = overdue(exchange, now)
      if (limit === 'body_timeout' && !exchange.response.headersSent) connection.socket.write(tooSlow)
      if (limit) return void connection.closeFor(limit)
    }
    if (!set?.size) sweepQuiet(connection, now)
  }

  /** Line ends before a request, too, are part of a head that does not come. */
  function sweepQuiet(connection: Connection, now: number): void {
    const { since, headSince, readSince, served, socket } = connection
    if (socket.bytesRead > readSince) connection.headSince ??= served ? now : since
    if (headSince !== undefined && now - headSince > limits.headMs) {
      socket.write(tooSlow)
      return void connection.closeFor('head_timeout')
    }
    if (now - since > (served ? limits.idleMs + nodesSlackMs : limits.headMs)) socket.destroy()
  }

  return {
    begin(request, response) {
      const connection = connections.of(request.socket)
      // What came behind the one that closed it no longer counts.
      if (!connection || connection.socket.destroyed) return 'closed'
      const set = running.get(connection) ?? new Set<Exchange>()
      running.set(connection, set)
      if (set.size >= limits.pipelined) {
        connection.closeFor('pipelined')
        return 'closed'
      }
      const exchange: Exchange = { connection, request, response, startedAt: clock.now() }
      connection.served = true
      known.set(response, exchange)
      set.add(exchange)
      response.once('close', () => {
        exchange.body?.release()
        exchange.answer?.release()
        settle(exchange)
      })
      return takeBody(exchange) ? 'begun' : 'no_place'
    },
    handled(response) {
      const exchange = known.get(response)
      if (exchange) noteEnd(exchange)
    },
    sweep() {
      const now = clock.now()
      for (const connection of connections.all()) sweepOne(connection, now)
    },
  }
}

/** What a body without a length may cost is not known before it ended. */
function declaredBytes({ headers }: IncomingMessage): number {
  if (headers['transfer-encoding'] !== undefined) return Number.POSITIVE_INFINITY
  return Number(headers['content-length'] ?? 0)
}
