import type { DecisionPoint, Verdict } from '../../enforce/authorize.ts'
import type { Policy } from '../../enforce/policy/policy.ts'
import type { Call, Reporter } from '../../enforce/report/report.ts'
import type { Tracing } from '../../enforce/report/trace.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Budget, Place } from '../../platform/fair/budget.ts'
import type { Turns } from '../../platform/fair/turns.ts'
import type { Logger } from '../../platform/log.ts'
import type { Accepted } from '../../platform/wire/accepted.ts'
import type { Body } from '../../platform/wire/body.ts'
import type { Outbox, Sender } from '../../platform/wire/connection/outbox.ts'
import type { ReadBefore } from '../../platform/wire/read-before.ts'
import type { RequestHead } from '../../platform/wire/read-request.ts'
import type { OpenCall, Standing } from '../open-calls/review.ts'
import type { Tunnels } from '../open-calls/tunnels.ts'
import type { UpstreamPool } from '../upstream/pool.ts'
import type { Upstream, UpstreamHandler } from '../upstream/state.ts'

/** Time limits, in ticks of the sweep. */
export interface Limits {
  readonly head: number
  readonly idle: number
  readonly bodyIdle: number
  readonly unread: number
}

/** What all connections of one listener share. */
export interface ListenerContext {
  readonly policy: Policy
  readonly decisions: DecisionPoint
  readonly reporter: Reporter
  readonly tracing?: Tracing | undefined
  readonly tunnels: Tunnels
  readonly upstreams: UpstreamPool
  /** What `type` of a problem body begins with. */
  readonly problemBase?: string | undefined
  readonly clock: Clock
  readonly log: Logger
  readonly limits: Limits
  readonly callers: Set<CallerConnection>
  /** Memory of all that is under way. */
  readonly memory: Budget
  /** Where tokens that were not seen before wait to be proved. */
  readonly proofs: Turns
  /** Where requests behind one another wait while others have their turn. */
  readonly turns: Turns
  /** Places of connections that are ended and still read. */
  readonly lingering: Budget
  readonly outbox: Outbox
  /** Takes over a connection whose first bytes are HTTP/2's preface; without it they are refused. */
  readonly onHttp2: ((accepted: Accepted, firstBytes: Buffer) => (bytes: Buffer) => void) | undefined
  tick: number
  /** Serves on, but every answer says that its connection ends. */
  draining: boolean
}

/**
 * Where a connection stands: between requests or in a head; waiting for its token to be proved; in the body of one;
 * waiting for or writing its answer; ended, while the last bytes are on their way; a tunnel; gone.
 */
export type Phase = 'head' | 'proof' | 'body' | 'answer' | 'linger' | 'tunnel' | 'closed'

/** One connection of a caller. It has one request at a time: what comes behind it waits. */
export interface CallerConnection extends Sender {
  readonly listener: ListenerContext
  readonly accepted: Accepted
  readonly address: string
  readonly handler: UpstreamHandler
  /** Takes what waits, once the request in front of it is decided. */
  goOn(): void
  /** The head before this one. */
  readonly before: ReadBefore<RequestHead>
  /** Lines that pass of these values, the last ones. */
  linesOf: readonly string[] | undefined
  /** The header of API keys that was taken out of them. */
  linesWithout: string | undefined
  lines: string
  phase: Phase
  exchange: Exchange | undefined
  /** Bytes that are not yet taken. */
  pending: Buffer | undefined
  /** How many of them were looked at and are no whole head. */
  looked: number
  /** Whether they came before the answer to the request in front of them was given. */
  pipelined: boolean
  /** Answers so far. */
  served: number
  /** Text that goes out with the next flush, one character per byte. */
  out: string
  corked: boolean
  pumping: boolean
  /** Takes all bytes once the connection is a tunnel. */
  tunnel: ((bytes: Buffer) => void) | undefined
  /** The connection to the app, once both are a tunnel. */
  link: Upstream | undefined
  /** Bytes thrown away since the connection was ended, and its place among those that do so. */
  lingered: number
  seat: Place | undefined
  /** Bytes that the budget knows to be held for it, beyond what every connection takes. */
  held: number
  /** Ticks: of the last progress; since when the caller reads nothing; since when it sends nothing more. Or -1. */
  since: number
  blockedSince: number
  endedSince: number
  /** Bytes of a body since `since`. */
  progress: number
}

/** An admitted request and its answer. */
export interface Exchange extends OpenCall {
  readonly call: Call
  readonly head: RequestHead
  /** Where its body ends; undefined when there is none. */
  readonly body: Body | undefined
  upstream: Upstream | undefined
  /** What goes to the app first, while there is no connection to it. */
  waiting: string
  /** Whether the app has the whole request. */
  sent: boolean
  reported: boolean
  /** Whether the head of an answer was given. */
  begun: boolean
  /** Whether the connection ends with the answer. */
  closes: boolean
  /** Whether the answer goes out in chunks. */
  chunked: boolean
  /** Whether only the end of the connection says where it ends. */
  unframed: boolean
  standing: Standing | undefined
}

/** Reports the call, once. */
export function report({ listener }: CallerConnection, exchange: Exchange, status: number | undefined): void {
  if (exchange.reported) return
  exchange.reported = true
  listener.reporter.report(exchange.call, status)
}

/** Reports what closed it. @param status of the answer that says so; undefined when there was one already */
export function reportClosed(
  { listener }: CallerConnection,
  exchange: Exchange,
  verdict: Verdict,
  status: number | undefined,
): void {
  exchange.reported = true
  listener.reporter.report({ ...exchange.call, verdict }, status, 'call_closed')
}
