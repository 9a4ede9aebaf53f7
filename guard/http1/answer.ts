import type { Decision } from '../../core/policy/decision.ts'
import { decisionHeader, type UpstreamFault, upstreamFailed } from '../../enforce/respond.ts'
import { inFormOf } from '../../enforce/soap.ts'
import { connectionLine, dateLine, statusLine } from '../../platform/wire/answer-lines.ts'
import type { AnswerHead } from '../../platform/wire/read-answer.ts'
import { type CallerConnection, type Exchange, report } from './caller-state.ts'
import { awaitHead, endExchange } from './phases.ts'
import { endConnection, flush, putBytes, putOwn, putText } from './write.ts'

/** Puts the head of the app's answer before the caller. */
export function beginAnswer(caller: CallerConnection, exchange: Exchange, answer: AnswerHead): void {
  const { listener } = caller
  const open = answer.framing === 'chunked' || answer.framing === 'to-close'
  exchange.begun = true
  // An HTTP/1.0 caller knows no chunks: its answer ends with the connection.
  exchange.chunked = open && exchange.head.version === '1.1'
  exchange.unframed = open && !exchange.chunked
  exchange.closes = endsWithAnswer(caller, exchange) || exchange.unframed
  report(caller, exchange, answer.status)
  putText(
    caller,
    statusLine(answer.status) +
      answer.fields +
      (answer.hasDate ? '' : dateLine(listener.clock)) +
      decisionLine(exchange) +
      framingLine(exchange, answer) +
      connectionLine(exchange.closes),
  )
}

const grantedLine = lineFor({ allow: true, reason: 'granted' })

function decisionLine({ call }: Exchange): string {
  const { decision } = call.verdict
  return decision.reason === 'granted' ? grantedLine : lineFor(decision)
}

function lineFor(decision: Decision): string {
  return `Latchkey-Decision: ${decisionHeader(decision, true)}\r\n`
}

function framingLine({ chunked }: Exchange, { length }: AnswerHead): string {
  if (chunked) return 'Transfer-Encoding: chunked\r\n'
  return length === undefined ? '' : `Content-Length: ${length}\r\n`
}

function endsWithAnswer({ listener }: CallerConnection, { head, sent }: Exchange): boolean {
  return !head.keepsOpen || !sent || head.webSocket || listener.draining
}

export function addData(caller: CallerConnection, exchange: Exchange, bytes: Buffer, from: number, to: number): void {
  if (!exchange.chunked) return void putBytes(caller, bytes, from, to)
  putText(caller, `${(to - from).toString(16)}\r\n`)
  putBytes(caller, bytes, from, to)
  putText(caller, '\r\n')
}

/** The answer is whole: the connection goes on to its next request, or ends. */
export function endAnswer(caller: CallerConnection, exchange: Exchange): void {
  if (exchange.chunked) putText(caller, '0\r\n\r\n')
  finish(caller, exchange)
}

/** There is no answer, or only half of one. */
export function failAnswer(caller: CallerConnection, exchange: Exchange, fault: UpstreamFault): void {
  caller.listener.reporter.upstreamFailed(exchange.call, fault)
  if (exchange.begun) {
    endExchange(caller)
    return void breakOffAnswer(caller, exchange)
  }
  const { call, head } = exchange
  const answer = inFormOf(head, upstreamFailed(fault, call.verdict, call.requestId, caller.listener.problemBase))
  report(caller, exchange, answer.status)
  exchange.closes = endsWithAnswer(caller, exchange)
  putOwn(caller, answer, exchange.closes, head.method === 'HEAD')
  finish(caller, exchange)
}

/** Half an answer cannot be taken back; a cut connection says that it was one. */
export function breakOffAnswer(caller: CallerConnection, { unframed }: Exchange): void {
  const { socket } = caller
  flush(caller)
  // An end would say that it was whole. Behind TLS an end says so only where it is announced.
  if (unframed && !('encrypted' in socket)) socket.resetAndDestroy()
  else socket.destroy()
}

function finish(caller: CallerConnection, exchange: Exchange): void {
  endExchange(caller)
  if (exchange.closes || !exchange.sent || caller.endedSince >= 0) return void endConnection(caller)
  // What was written in part already is not kept back.
  if (caller.corked) flush(caller)
  else caller.listener.outbox.add(caller)
  awaitHead(caller)
}
