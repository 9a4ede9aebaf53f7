import { namedIdentity } from '../authorize.ts'
import { callerFields, identityLines, keepsToken, linesOf } from '../forward-head.ts'
import type { RequestHead } from '../read-request.ts'
import type { Call } from '../report.ts'
import type { Caller } from './caller-state.ts'

/** The head that the app gets, one character per byte: what forwardHead tells, as text. */
export function forwardedText(caller: Caller, head: RequestHead, call: Call): string {
  const { verdict, requestId, peer, trace } = call
  const { decision, snapshot } = verdict
  const identity = namedIdentity(verdict)
  const keeps = keepsToken({ identity, keepCredential: snapshot?.service?.keepCredential ?? 'Never' })
  const callers = keeps || trace ? linesOf(callerFields(head, keeps, trace)) : callerLines(caller, head)
  let text = `${head.method} ${head.target} HTTP/1.1\r\n${callers}X-Forwarded-For: ${peer}\r\nX-Request-Id: ${requestId}\r\n`
  if (trace) text += `traceparent: ${trace.traceparent}\r\n`
  text += identityLines({ identity, decision })
  if (head.body === 'chunked') text += 'Transfer-Encoding: chunked\r\n'
  if (head.webSocket) text += 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
  return `${text}\r\n`
}

/** The lines of fields that came in the request before too are not made again. */
function callerLines(caller: Caller, head: RequestHead): string {
  if (caller.linesOf !== head.values) {
    caller.linesOf = head.values
    caller.lines = linesOf(callerFields(head, false, undefined))
  }
  return caller.lines
}
