import {
  constants,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Clock } from '../../platform/clock.ts'
import { noteArrival } from '../../platform/fair/arrivals.ts'
import { type Budget, createBudget, type Place } from '../../platform/fair/budget.ts'
import { type Connection, createConnections } from '../../platform/http/connections.ts'
import { type HttpLimit, limitsOf } from '../../platform/http/limits.ts'

/** A session with what runs on it. */
interface Session {
  readonly connection: Connection
  /**
   * In no order. An array, and budgets of linked places: V8 remakes the table of a Set every few dozen checks, and a table that
   * has grown old keeps the next one, and all streams in both, until the whole heap is collected.
   */
  readonly streams: Running[]
  /** Since when nothing runs. */
  quietSince: number
  /** Whether a request ever came in whole. */
  served: boolean
  leaving: boolean
}

interface Running {
  readonly stream: ServerHttp2Stream
  readonly startedAt: number
  answeredAt: number | undefined
  /** Its place, and among which. */
  place: Place | undefined
  places: Budget
  /** Where it stands among those of its session. */
  at: number
}

/** One check, from its head on until everything of it has gone. */
export interface Check {
  /** The peer is known: its connection and its check take none of the places of strangers. @returns false: no place */
  prove(peer: string): boolean
  /** The answer is there and only has to be read. */
  answered(): void
}

export interface Http2Connections {
  /** A head came in whole. @returns undefined where there is no place for it; its connection goes with it */
  begin(session: ServerHttp2Session, stream: ServerHttp2Stream): Check | undefined
  stop(): void
}

/** Checks that run or whose answers nobody has read; each costs a few KiB. */
const strangersChecks = { sum: 1_024, perPeer: 512 }
const provedChecks = { sum: 8_192, perPeer: 4_096 }
const limits = limitsOf({ requestMs: 10_000, proved: { sum: 1_024, perPeer: 512 } })

function add({ streams }: Session, running: Running): void {
  running.at = streams.push(running) - 1
}

function remove({ streams }: Session, { at }: Running): void {
  const last = streams.pop()
  if (!last || last.at === at) return
  last.at = at
  streams[at] = last
}

function giveBack({ place, places }: Running): void {
  if (place) places.leave(place)
}

/**
 * Bounds what peers of an HTTP/2 listener hold: every phase of a connection and of a check has its time, and connections,
 * handshakes and checks have sums that peers share, strangers apart from those who proved who they are.
 */
export function createHttp2Connections(
  server: Http2Server | Http2SecureServer,
  options: {
    readonly isSecure: boolean
    readonly onLimit: (limit: HttpLimit) => void
    readonly clock: Clock
    /** Sends the peer to another connection. */
    leave(session: ServerHttp2Session): void
  },
): Http2Connections {
  const { isSecure, onLimit, clock, leave } = options
  const connections = createConnections({ isSecure, limits, clock, onLimit })
  const strangers = createBudget(strangersChecks)
  const proved = createBudget(provedChecks)
  const sessions = new Map<ServerHttp2Session, Session>()
  let isSweeping = false
  let cancel = (): void => {}
  // Node makes a session of a socket while it tells of the socket, after this was told.
  let latest: Socket | undefined

  server.prependListener('connection', (socket: Socket) => {
    noteArrival()
    connections.accept(socket)
    latest = socket
    if (!isSweeping) sweep()
  })
  server.prependListener('secureConnection', (socket: Socket) => {
    connections.secured(socket)
    latest = socket
  })
  server.on('session', (session: ServerHttp2Session) => {
    const connection = latest && connections.of(latest)
    if (!connection) return session.destroy()
    const now = clock.now()
    sessions.set(session, { connection, streams: [], quietSince: now, served: false, leaving: false })
    session.on('close', () => sessions.delete(session))
  })

  function sweep(): void {
    const now = clock.now()
    for (const connection of connections.all()) {
      if (connection.phase === 'handshake' && now - connection.since > limits.handshakeMs)
        connection.closeFor('handshake_timeout')
    }
    for (const [session, state] of sessions) sweepSession(session, state, now)
    isSweeping = connections.size() > 0
    if (isSweeping) cancel = clock.after(1_000, sweep)
  }

  function sweepSession(session: ServerHttp2Session, state: Session, now: number): void {
    const limit = overdue(state, now)
    if (limit) return void state.connection.closeFor(limit)
    for (const { stream, startedAt, answeredAt } of state.streams) {
      const isLate = answeredAt === undefined && now - startedAt > limits.requestMs
      if (!isLate || stream.closed) continue
      onLimit('body_timeout')
      stream.close(constants.NGHTTP2_CANCEL)
    }
    if (state.streams.length > 0 || state.leaving || now - state.quietSince <= limits.idleMs) return
    state.leaving = true
    leave(session)
  }

  /** For which limit the whole connection goes. */
  function overdue({ streams, served, quietSince }: Session, now: number): HttpLimit | undefined {
    for (const { startedAt, answeredAt = startedAt + limits.requestMs } of streams)
      if (now - answeredAt > limits.answerMs) return 'unread'
    // Pings, settings and heads that do not end are no requests.
    const quietMs = streams.length > 0 ? 0 : now - quietSince
    return quietMs > (served ? limits.idleMs : 0) + limits.headMs ? 'head_timeout' : undefined
  }

  return {
    begin(session, stream) {
      const state = sessions.get(session)
      if (!state) return undefined
      const { connection } = state
      const full = (): void => connection.closeFor('pipelined')
      const place = strangers.enter(connection.peer, 1, full)
      if (!place) return void full()
      const running: Running = {
        stream,
        startedAt: clock.now(),
        answeredAt: undefined,
        places: strangers,
        place,
        at: 0,
      }
      state.served = true
      add(state, running)
      stream.once('close', () => {
        giveBack(running)
        remove(state, running)
        state.quietSince = clock.now()
      })
      return {
        prove(peer) {
          giveBack(running)
          connection.prove()
          running.places = proved
          running.place = proved.enter(peer, 1, () => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM))
          if (!running.place) full()
          return running.place !== undefined
        },
        answered() {
          running.answeredAt = clock.now()
        },
      }
    },
    stop: () => cancel(),
  }
}
