import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import { type DecisionPoint, malformedVerdict, type Verdict } from '../../enforce/authorize.ts'
import type { Policy } from '../../enforce/policy/policy.ts'
import type { Call, Reporter } from '../../enforce/report/report.ts'
import { denial, malformed } from '../../enforce/respond.ts'
import type { Tunnels } from '../../guard/open-calls/tunnels.ts'
import type { Clock } from '../../platform/clock.ts'
import { plainAddress } from '../../platform/http/peer.ts'
import type { Logger } from '../../platform/log.ts'
import { type HeadFault, type RequestHead, readRequest } from '../../platform/wire/read-request.ts'
import { type Exchange, forward } from './forward.ts'
import { openTunnel } from './tunnel.ts'
import { writeAnswer } from './write-answer.ts'

/** What goes on on the connections of one server. */
export interface Traffic {
  /** Admitted calls that are not yet answered, by connection. */
  readonly running: Map<Socket, Set<Exchange>>
  /** Answers that are not yet wholly written, of every kind, by connection. */
  readonly open: WeakMap<Socket, number>
  /**
   * Connections whose last answer is being given. The parser goes on reading them; what it finds is not looked at, or
   * the rest of a refused request could come in as one of its own.
   */
  readonly ending: WeakSet<Socket>
  draining: boolean
}

export interface HandlerOptions {
  policy: Policy
  decisions: DecisionPoint
  upstream: Dispatcher
  reporter: Reporter
  tunnels: Tunnels
  clock: Clock
  log: Logger
  /** How long a client may be silent in the middle of a body. Default 60 s. */
  bodyIdleMs?: number
  /** How long a client may leave its answer unread. Default 60 s. */
  unreadMs?: number
}

/** @param firstBytes what came after the head of an upgrade */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse, firstBytes?: Buffer) => void

export function headOf(request: IncomingMessage): RequestHead | HeadFault {
  const { method = '', url = '', httpVersion, rawHeaders } = request
  return readRequest({ method, target: url, version: httpVersion, raw: rawHeaders })
}

/** From a request of node:http to its one verdict, and from there to a refusal, a denial or the app. */
export function createRequestHandler(traffic: Traffic, options: HandlerOptions): RequestHandler {
  const { policy, decisions, reporter, tunnels, clock, log, bodyIdleMs = 60_000 } = options

  function callOf(request: IncomingMessage, verdict: Verdict, requestId: string, startedMs: number): Call {
    const { method, url, socket } = request
    return { verdict, method, target: url, requestId, address: plainAddress(socket.remoteAddress), startedMs }
  }

  function refuse(request: IncomingMessage, response: ServerResponse, fault: HeadFault): void {
    const call = callOf(request, malformedVerdict(policy), randomUUID(), clock.now())
    traffic.ending.add(request.socket)
    writeAnswer({ request, response }, malformed(fault, call.requestId), true)
    reporter.report(call, fault.status)
  }

  function deny(exchange: Exchange): void {
    const { call, request } = exchange
    const answer = denial(call.verdict, call.requestId)
    reporter.report(call, answer.status)
    if (writeAnswer(exchange, answer, traffic.draining)) traffic.ending.add(request.socket)
  }

  function pass(exchange: Exchange, firstBytes: Buffer = Buffer.alloc(0)): void {
    const { head, request, response } = exchange
    track(traffic.running, exchange)
    if (head.body !== 'none') watchBody(request, response, bodyIdleMs)
    if (head.expectContinue) response.writeContinue()
    forward(exchange, {
      ...options,
      isDraining: () => traffic.draining,
      onTunnel: (admitted, answer, upstream) =>
        openTunnel(tunnels, { exchange: admitted, answer, upstream, firstBytes }),
    })
  }

  return (request, response, firstBytes) => {
    countOpen(traffic.open, request.socket, response)
    if (traffic.ending.has(request.socket)) return
    const startedMs = clock.now()
    const head = headOf(request)
    if ('status' in head) return void refuse(request, response, head)
    const verdict = admit(head, { policy, decisions, log })
    const call = callOf(request, verdict, head.requestId ?? randomUUID(), startedMs)
    const exchange = { call, head, request, response }
    if (head.connection.has('close')) traffic.ending.add(request.socket)
    if (verdict.pass) pass(exchange, firstBytes)
    else deny(exchange)
  }
}

function admit(
  head: RequestHead,
  { policy, decisions, log }: Pick<HandlerOptions, 'policy' | 'decisions' | 'log'>,
): Verdict {
  try {
    return decisions.authorize(head)
  } catch (error) {
    // The decision is total: an exception is a bug, and a bug is no reason to let anybody in, or to fall over.
    log.error({ err: error }, 'the decision threw, the call is denied')
    return { ...malformedVerdict(policy), decision: { allow: false, reason: 'policy_unsupported' } }
  }
}

function track(running: Map<Socket, Set<Exchange>>, exchange: Exchange): void {
  const { socket } = exchange.request
  const exchanges = running.get(socket) ?? new Set()
  running.set(socket, exchanges.add(exchange))
  exchange.response.once('close', () => {
    exchanges.delete(exchange)
    if (exchanges.size === 0) running.delete(socket)
  })
}

function countOpen(open: WeakMap<Socket, number>, socket: Socket, response: ServerResponse): void {
  open.set(socket, (open.get(socket) ?? 0) + 1)
  response.once('close', () => {
    const left = (open.get(socket) ?? 1) - 1
    if (left === 0) open.delete(socket)
    else open.set(socket, left)
  })
}

/** Ends a request whose body stopped coming: it would hold a connection to the app for ever. */
function watchBody(request: IncomingMessage, response: ServerResponse, idleMs: number): void {
  request.setTimeout(idleMs, () => response.destroy())
  request.once('end', () => request.socket.setTimeout(0))
}
