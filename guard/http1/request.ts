import type { Socket } from 'node:net'
import { malformedVerdict, overloadedVerdict, type Verdict } from '../../enforce/authorize.ts'
import { isLastRequest } from '../../enforce/forward-head.ts'
import type { Call } from '../../enforce/report/report.ts'
import type { CallTrace } from '../../enforce/report/trace.ts'
import { denial, malformed } from '../../enforce/respond.ts'
import { newBody, nextData } from '../../platform/wire/body.ts'
import { kept, partOf } from '../../platform/wire/kept-bytes.ts'
import { writeCopy } from '../../platform/wire/pages.ts'
import type { RefusedHead } from '../../platform/wire/read-head.ts'
import { fault, type HeadFault, type RequestHead } from '../../platform/wire/read-request.ts'
import { newRequestId } from '../../platform/wire/request-id.ts'
import { leastBodyBytes } from '../../platform/wire/ticks.ts'
import { holdBody } from '../upstream/send.ts'
import type { Upstream } from '../upstream/state.ts'
import { abandon } from '../upstream/upstream.ts'
import { type Caller, type Door, type Exchange, report } from './caller-state.ts'
import { forwardedText } from './forward-text.ts'
import { holdFor, holdLess } from './holding.ts'
import { awaitHead, endConnection, flush, putOwn } from './write.ts'

const tooEarly = fault('Send the handshake when all answers before it have arrived.')
const badBody = fault('The body is not framed as RFC 9112 has it: no chunk extensions, no bare line ends.')

/**
 * Answers what is no request, and ends the connection: nobody knows where the next one would begin.
 * @param toHead it began as a HEAD request: no body follows
 */
export function refuse(
  caller: Caller,
  { refused, method, target }: RefusedHead,
  toHead: boolean = method === 'HEAD',
): void {
  const { policy, reporter, clock } = caller.door
  const call: Call = {
    verdict: malformedVerdict(policy),
    method,
    target,
    requestId: newRequestId(),
    peer: caller.peer,
    startedMs: clock.now(),
  }
  reporter.report(call, refused.status)
  putOwn(caller, malformed(refused, call.requestId, caller.door.problemBase), true, toHead)
  endConnection(caller)
}

/** There are too many requests behind one another: none of those that came on this connection is taken any more. */
export function refuseTurn(caller: Caller): void {
  const { policy, reporter, clock, problemBase } = caller.door
  const verdict = overloadedVerdict(policy)
  const requestId = newRequestId()
  const startedMs = clock.now()
  const call: Call = { verdict, method: undefined, target: undefined, requestId, peer: caller.peer, startedMs }
  const answer = denial(verdict, requestId, problemBase)
  reporter.report(call, answer.status)
  putOwn(caller, answer, true, false)
  endConnection(caller)
}

export function refuseBytes(caller: Caller, refused: HeadFault): void {
  refuse(
    caller,
    { refused, method: undefined, target: undefined },
    caller.pending?.toString('latin1', 0, 5) === 'HEAD ',
  )
}

/** From a head to its one verdict, and from there to a denial or to the app. */
export function decideHead(caller: Caller, head: RequestHead): void {
  const { door } = caller
  const startedMs = door.clock.now()
  const { method, target } = head
  if (head.webSocket && caller.pipelined) return void refuse(caller, { refused: tooEarly, method, target })
  const trace = door.tracing?.begin(head)
  const verdict = admitKnown(door, head)
  if (verdict) decided(caller, head, verdict, startedMs, trace)
  else prove(caller, head, startedMs, trace)
}

/** A token that was not seen before: proving it costs time, of which every peer gets its part. */
function prove(caller: Caller, head: RequestHead, startedMs: number, trace: CallTrace | undefined): void {
  const { door, accepted } = caller
  caller.phase = 'proof'
  const fate = door.proofs.take(accepted.key, turn => {
    // The caller may have gone meanwhile.
    if (caller.phase !== 'proof') return
    caller.phase = 'head'
    try {
      decided(caller, head, turn === 'come' ? admit(door, head) : overloadedVerdict(door.policy), startedMs, trace)
      if (caller.held !== 0) holdLess(caller)
      caller.goOn()
    } catch (error) {
      door.log.error({ err: error }, 'a request could not be handled')
      caller.socket.destroy()
    }
  })
  if (fate === 'waits') holdFor(caller)
  if (fate !== 'refused') return
  caller.phase = 'head'
  decided(caller, head, overloadedVerdict(door.policy), startedMs, trace)
}

function decided(
  caller: Caller,
  head: RequestHead,
  verdict: Verdict,
  startedMs: number,
  trace: CallTrace | undefined,
): void {
  const { method, target } = head
  const requestId = head.requestId ?? newRequestId()
  const call: Call = { verdict, method, target, requestId, peer: caller.peer, startedMs, trace }
  if (verdict.pass) pass(caller, head, call)
  else deny(caller, head, call)
}

function admitKnown(door: Door, head: RequestHead): Verdict | undefined {
  try {
    return door.authorizer.authorizeKnown(head)
  } catch (error) {
    return afterBug(door, error)
  }
}

function admit(door: Door, head: RequestHead): Verdict {
  try {
    return door.authorizer.authorize(head)
  } catch (error) {
    return afterBug(door, error)
  }
}

/** The decision is total: an exception is a bug, and a bug is no reason to let anybody in, or to fall over. */
function afterBug({ log, policy }: Door, error: unknown): Verdict {
  log.error({ err: error }, 'the decision threw, the call is denied')
  return { ...malformedVerdict(policy), decision: { allow: false, reason: 'policy_unsupported' } }
}

/** A denied body is not read, so the connection ends with the answer. */
function deny(caller: Caller, head: RequestHead, call: Call): void {
  const { door } = caller
  const answer = denial(call.verdict, call.requestId, door.problemBase)
  door.reporter.report(call, answer.status)
  const closes = !head.keepsOpen || head.body !== 'none' || head.webSocket || door.draining
  putOwn(caller, answer, closes, head.method === 'HEAD')
  if (closes) return void endConnection(caller)
  // Answers to requests behind one another go out together.
  if (!caller.pumping || !caller.pending) flush(caller)
  awaitHead(caller)
}

function pass(caller: Caller, head: RequestHead, call: Call): void {
  const { door } = caller
  if (head.expectContinue) {
    caller.out += 'HTTP/1.1 100 Continue\r\n\r\n'
    flush(caller)
  }
  const body = head.body === 'none' ? undefined : newBody(head.body, head.length)
  const exchange: Exchange = {
    call,
    head,
    body,
    upstream: undefined,
    waiting: '',
    sent: body === undefined,
    reported: false,
    begun: false,
    closes: false,
    chunked: false,
  }
  caller.exchange = exchange
  exchange.waiting = withSmallBody(caller, exchange, forwardedText(caller, head, call))
  // What comes behind it waits, until there is a connection to the app.
  caller.phase = 'answer'
  const upstream = door.upstreams.take(caller.asker, head.method, head.webSocket)
  if (upstream) sendOn(caller, exchange, upstream)
  else if (caller.exchange === exchange) holdFor(caller)
}

/** Up to here a body that came with its head goes out in one piece with it. */
const smallBytes = 4_096

function withSmallBody(caller: Caller, exchange: Exchange, text: string): string {
  const { pending } = caller
  const { length, body } = exchange.head
  if (body !== 'sized' || length > smallBytes || !pending || pending.length < length) return text
  exchange.sent = true
  caller.pending = pending.length > length ? partOf(pending, length, pending.length) : undefined
  return text + pending.toString('latin1', 0, length)
}

/** The request, or its beginning, goes out on this connection. */
export function sendOn(caller: Caller, exchange: Exchange, upstream: Upstream): void {
  const { waiting } = exchange
  exchange.upstream = upstream
  exchange.waiting = ''
  upstream.hasBody = exchange.body !== undefined
  upstream.isLast = isLastRequest(exchange.head, exchange.call.verdict.decision)
  upstream.sent = exchange.sent
  upstream.out = waiting
  upstream.request = exchange.sent ? waiting : ''
  caller.door.outbox.add(upstream)
  // The other ones are in what every connection takes.
  if (waiting.length > smallBytes) holdFor(caller)
}

/** The head of its request went out: what has come of the body follows. */
export function sendBody(caller: Caller): void {
  const { pending } = caller
  caller.phase = 'body'
  caller.since = caller.door.tick
  caller.progress = 0
  caller.pending = undefined
  if (pending) takeBody(caller, pending, pending.length)
  // It was paused when too much came before its turn.
  else if (caller.socket.isPaused()) caller.socket.resume()
  if ((caller.exchange?.upstream?.socket.writableLength ?? 0) > 0) holdFor(caller)
  // It left while its request waited.
  if (caller.phase === 'body' && caller.endedSince >= 0) caller.socket.destroy()
}

/** Sends a request once more, on a new connection: the app closed the kept one under it. */
export function sendAgain(caller: Caller, exchange: Exchange, request: string): void {
  const { head } = exchange
  exchange.upstream = undefined
  exchange.waiting = request
  const upstream = caller.door.upstreams.takeNew(caller.asker, head.method, head.webSocket)
  if (upstream) sendOn(caller, exchange, upstream)
}

/** Passes on a piece of a request's body, framed anew. @param bytes good until this returns */
export function takeBody(caller: Caller, bytes: Buffer, length: number): void {
  const { exchange } = caller
  const upstream = exchange?.upstream
  const body = exchange?.body
  if (!exchange || !upstream || !body) return
  const { socket } = upstream
  let at = 0
  holdBody(upstream, caller.door.outbox)
  while (at < length && !body.done && !body.broken) {
    at = nextData(body, bytes, at, length)
    if (body.dataEnd === body.dataStart) continue
    if (body.framing === 'chunked') socket.write(`${(body.dataEnd - body.dataStart).toString(16)}\r\n`, 'latin1')
    writeBody(socket, bytes, body.dataStart, body.dataEnd)
    if (body.framing === 'chunked') socket.write('\r\n', 'latin1')
  }
  if (body.done && body.framing === 'chunked') socket.write('0\r\n\r\n', 'latin1')
  if (body.broken) return void breakOff(caller, exchange)
  noteProgress(caller, length)
  caller.door.upstreams.touch(upstream)
  if (socket.writableLength > 0 && !holdFor(caller)) return
  if (body.done) {
    exchange.sent = true
    upstream.sent = true
    caller.phase = 'answer'
    if (at < length) caller.pending = kept(bytes, at, length)
  } else if (socket.writableNeedDrain) caller.socket.pause()
  // It was paused when too much of this request came before its turn.
  else if (caller.socket.isPaused()) caller.socket.resume()
}

/** The app takes nothing more of the body: what still comes of it is thrown away, and the connection ends with the answer. */
export function dropBody(caller: Caller): void {
  if (!caller.exchange || caller.exchange.sent) return
  caller.phase = 'answer'
  caller.pending = undefined
  if (caller.socket.isPaused()) caller.socket.resume()
}

function noteProgress(caller: Caller, length: number): void {
  caller.progress += length
  if (caller.progress < leastBodyBytes) return
  caller.progress = 0
  caller.since = caller.door.tick
}

function writeBody(socket: Socket, bytes: Buffer, from: number, to: number): void {
  // Up to here a copy of its own is cheaper than a page.
  if (to - from <= smallBytes) socket.write(Buffer.from(bytes.subarray(from, to)))
  else writeCopy(socket, bytes, from, to)
}

/** A body that cannot be read fails its call as a whole. */
function breakOff(caller: Caller, exchange: Exchange): void {
  const { begun, head } = exchange
  abort(caller)
  if (begun) caller.socket.destroy()
  else refuse(caller, { refused: badBody, method: head.method, target: head.target })
}

/** Gives up the running call: nobody waits for its answer, or nothing more of it comes. */
export function abort(caller: Caller): void {
  const { exchange } = caller
  if (!exchange) return
  caller.exchange = undefined
  report(caller, exchange, undefined)
  if (exchange.upstream) abandon(exchange.upstream)
  else caller.door.upstreams.leave(caller.asker)
}
