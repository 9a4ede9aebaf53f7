import {
  callerFields,
  identityLines,
  isLastRequest,
  keepsToken,
  linesOf,
  type Passing,
} from '../../enforce/forward-head.ts'
import type { Call } from '../../enforce/report/report.ts'
import { newBody } from '../../platform/wire/body.ts'
import { partOf } from '../../platform/wire/connection/kept-bytes.ts'
import { inOnePiece } from '../../platform/wire/fields/one-piece.ts'
import type { RequestHead } from '../../platform/wire/read-request.ts'
import type { Upstream } from '../upstream/state.ts'
import { abandon } from '../upstream/upstream.ts'
import { type CallerConnection, type Exchange, report } from './caller-state.ts'
import { holdFor, keepBytes } from './holding.ts'
import { beginExchange, endExchange } from './phases.ts'
import { flush, putText } from './write.ts'

/** A request that was let in goes to the app, as soon as there is a connection. */
export function pass(caller: CallerConnection, head: RequestHead, call: Call): void {
  const { listener } = caller
  if (head.expectContinue) {
    putText(caller, 'HTTP/1.1 100 Continue\r\n\r\n')
    flush(caller)
  }
  const smallBody = takeSmallBody(caller, head)
  const exchange: Exchange = {
    call,
    head,
    body: head.body === 'none' ? undefined : newBody(head.body, head.length),
    upstream: undefined,
    waiting: '',
    sent: head.body === 'none' || smallBody !== undefined,
    reported: false,
    begun: false,
    closes: false,
    chunked: false,
    unframed: false,
    standing: undefined,
  }
  beginExchange(caller, exchange)
  const text = forwardedText(caller, head, call)
  exchange.waiting = smallBody === undefined ? text : text + smallBody
  const upstream = listener.upstreams.take(caller.handler, head.method, head.webSocket)
  if (upstream) sendOn(caller, exchange, upstream)
  else if (caller.exchange === exchange) holdFor(caller)
}

/** Up to here a body that came with its head goes out in one piece with it. */
const smallBytes = 4_096

/** @returns undefined when there is none, or when it did not come whole with its head */
function takeSmallBody(caller: CallerConnection, { body, length }: RequestHead): string | undefined {
  const { pending } = caller
  if (body !== 'sized' || length > smallBytes || !pending || pending.length < length) return undefined
  keepBytes(caller, pending.length > length ? partOf(pending, length, pending.length) : undefined)
  return pending.toString('latin1', 0, length)
}

/** The request, or its beginning, goes out on this connection. */
export function sendOn(caller: CallerConnection, exchange: Exchange, upstream: Upstream): void {
  const { waiting } = exchange
  exchange.upstream = upstream
  exchange.waiting = ''
  upstream.hasBody = exchange.body !== undefined
  upstream.isLast = isLastRequest(exchange.head, exchange.call.verdict.decision)
  upstream.sent = exchange.sent
  upstream.out = waiting
  upstream.request = exchange.sent ? waiting : ''
  caller.listener.outbox.add(upstream)
  // The other ones are in what every connection takes.
  if (waiting.length > smallBytes) holdFor(caller)
}

/** Sends a request once more, on a new connection: the app closed the kept one under it. */
export function sendAgain(caller: CallerConnection, exchange: Exchange, request: string): void {
  const { head } = exchange
  exchange.upstream = undefined
  exchange.waiting = request
  const upstream = caller.listener.upstreams.takeNew(caller.handler, head.method, head.webSocket)
  if (upstream) sendOn(caller, exchange, upstream)
}

/** Gives up the running call: nobody waits for its answer, or nothing more of it comes. */
export function abort(caller: CallerConnection): void {
  const { exchange } = caller
  if (!exchange) return
  report(caller, exchange, undefined)
  leaveApp(caller, exchange)
}

/** The app is asked nothing more. */
export function leaveApp(caller: CallerConnection, exchange: Exchange): void {
  endExchange(caller)
  if (exchange.upstream) abandon(exchange.upstream)
  else caller.listener.upstreams.leave(caller.handler)
}

/** The head that the app gets, one character per byte: what forwardHead tells, as text. */
function forwardedText(caller: CallerConnection, head: RequestHead, call: Call): string {
  const { verdict, requestId, address, trace } = call
  const { decision, snapshot } = verdict
  const keeps = keepsToken(decision, snapshot?.service?.keepCredential)
  const keyHeader = snapshot?.service?.apiKey?.header
  const passing = { keepsToken: keeps, trace, keyHeader }
  const lines = keeps || trace ? callerLines(head, address, passing) : linesAgain(caller, head, passing)
  const told = identityLines(decision)
  let text = `${head.method} ${head.target} HTTP/1.1\r\n${lines}${told}X-Request-Id: ${requestId}\r\n`
  if (trace) text += `traceparent: ${trace.traceparent}\r\n`
  if (head.body === 'chunked') text += 'Transfer-Encoding: chunked\r\n'
  if (isLastRequest(head, decision)) text += 'Connection: close\r\n'
  if (head.webSocket) text += 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
  return `${text}\r\n`
}

/** The fields of the caller that pass, and where it is. */
function callerLines(head: RequestHead, address: string, passing: Passing): string {
  return linesOf([...callerFields(head, passing), 'X-Forwarded-For', address])
}

/** The lines of fields that came in the request before too are not made again. */
function linesAgain(caller: CallerConnection, head: RequestHead, passing: Passing): string {
  if (caller.linesOf !== head.values || caller.linesWithout !== passing.keyHeader) {
    caller.linesOf = head.values
    caller.linesWithout = passing.keyHeader
    caller.lines = inOnePiece(callerLines(head, caller.address, passing))
  }
  return caller.lines
}
