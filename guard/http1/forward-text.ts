import { callerFields, identityLines, isLastRequest, keepsToken, linesOf } from '../../enforce/forward-head.ts'
import type { Call } from '../../enforce/report/report.ts'
import type { CallTrace } from '../../enforce/report/trace.ts'
import { inOnePiece } from '../../platform/wire/one-piece.ts'
import type { RequestHead } from '../../platform/wire/read-request.ts'
import type { Caller } from './caller-state.ts'

/** The head that the app gets, one character per byte: what forwardHead tells, as text. */
export function forwardedText(caller: Caller, head: RequestHead, call: Call): string {
  const { verdict, requestId, peer, trace } = call
  const { decision, snapshot } = verdict
  const keeps = keepsToken(decision, snapshot?.service?.keepCredential)
  const lines = keeps || trace ? peerLines(head, peer, keeps, trace) : linesAgain(caller, head)
  const told = identityLines(decision)
  let text = `${head.method} ${head.target} HTTP/1.1\r\n${lines}${told}X-Request-Id: ${requestId}\r\n`
  if (trace) text += `traceparent: ${trace.traceparent}\r\n`
  if (head.body === 'chunked') text += 'Transfer-Encoding: chunked\r\n'
  if (isLastRequest(head, decision)) text += 'Connection: close\r\n'
  if (head.webSocket) text += 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
  return `${text}\r\n`
}

/** The fields of the caller that pass, and where it is. */
function peerLines(head: RequestHead, peer: string, keepsToken: boolean, trace: CallTrace | undefined): string {
  return linesOf([...callerFields(head, keepsToken, trace), 'X-Forwarded-For', peer])
}

/** The lines of fields that came in the request before too are not made again. */
function linesAgain(caller: Caller, head: RequestHead): string {
  if (caller.linesOf !== head.values) {
    caller.linesOf = head.values
    caller.lines = inOnePiece(peerLines(head, caller.peer, false, undefined))
  }
  return caller.lines
}
