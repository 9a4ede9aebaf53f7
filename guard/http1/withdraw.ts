import type { Verdict } from '../../enforce/authorize.ts'
import { denial } from '../../enforce/respond.ts'
import { inFormOf } from '../../enforce/soap.ts'
import type { OpenCalls } from '../open-calls/review.ts'
import { breakOffAnswer } from './answer.ts'
import { type CallerConnection, type Exchange, reportClosed } from './caller-state.ts'
import { leaveApp } from './request.ts'
import { endConnection, putOwn } from './write.ts'

/** Requests under way, tunnels apart: their bodies still come, the app is waited for, or its answer goes out. */
export function openExchanges(callers: Iterable<CallerConnection>): OpenCalls {
  return {
    *walk(look) {
      for (const caller of callers) {
        const { exchange } = caller
        if (!exchange) continue
        look(exchange, verdict => withdraw(caller, exchange, verdict))
        yield
      }
    },
  }
}

/** Nothing more passes, either way. Who has no answer yet is told why; half an answer is cut. */
function withdraw(caller: CallerConnection, exchange: Exchange, verdict: Verdict): void {
  const { begun, call, head } = exchange
  leaveApp(caller, exchange)
  const answer = begun ? undefined : inFormOf(head, denial(verdict, call.requestId, caller.listener.problemBase))
  reportClosed(caller, exchange, verdict, answer?.status)
  if (!answer) return void breakOffAnswer(caller, exchange)
  putOwn(caller, answer, true, head.method === 'HEAD')
  endConnection(caller)
}
