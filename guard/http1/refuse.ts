import { malformedVerdict, overloadedVerdict } from '../../enforce/authorize.ts'
import type { Call } from '../../enforce/report/report.ts'
import { denial, malformed } from '../../enforce/respond.ts'
import { inFormOf } from '../../enforce/soap.ts'
import type { RefusedHead } from '../../platform/wire/read-head.ts'
import type { HeadFault, RequestHead } from '../../platform/wire/read-request.ts'
import { newRequestId } from '../../platform/wire/request-id.ts'
import type { CallerConnection } from './caller-state.ts'
import { awaitHead } from './phases.ts'
import { endConnection, flush, putOwn } from './write.ts'

/** A denied body is not read, so the connection ends with the answer. */
export function deny(caller: CallerConnection, head: RequestHead, call: Call): void {
  const { listener } = caller
  const answer = inFormOf(head, denial(call.verdict, call.requestId, listener.problemBase))
  listener.reporter.report(call, answer.status)
  const closes = !head.keepsOpen || head.body !== 'none' || head.webSocket || listener.draining
  putOwn(caller, answer, closes, head.method === 'HEAD')
  if (closes) return void endConnection(caller)
  // Answers to requests behind one another go out together.
  if (!caller.pumping || !caller.pending) flush(caller)
  awaitHead(caller)
}

/**
 * Answers what is no request, and ends the connection: nobody knows where the next one would begin.
 * @param toHead it began as a HEAD request: no body follows
 */
export function refuse(
  caller: CallerConnection,
  { refused, method, target }: RefusedHead,
  toHead: boolean = method === 'HEAD',
): void {
  const { policy, reporter, clock } = caller.listener
  const call: Call = {
    verdict: malformedVerdict(policy),
    method,
    target,
    requestId: newRequestId(),
    address: caller.address,
    startedMs: clock.now(),
  }
  reporter.report(call, refused.status)
  putOwn(caller, malformed(refused, call.requestId, caller.listener.problemBase), true, toHead)
  endConnection(caller)
}

export function refuseBytes(caller: CallerConnection, refused: HeadFault): void {
  refuse(
    caller,
    { refused, method: undefined, target: undefined },
    caller.pending?.toString('latin1', 0, 5) === 'HEAD ',
  )
}

/** There are too many requests behind one another: none of those that came on this connection is taken any more. */
export function refuseTurn(caller: CallerConnection): void {
  const { policy, reporter, clock, problemBase } = caller.listener
  const verdict = overloadedVerdict(policy)
  const requestId = newRequestId()
  const startedMs = clock.now()
  const call: Call = { verdict, method: undefined, target: undefined, requestId, address: caller.address, startedMs }
  const answer = denial(verdict, requestId, problemBase)
  reporter.report(call, answer.status)
  putOwn(caller, answer, true, false)
  endConnection(caller)
}
