import { reasons } from '../../core/base/reasons.ts'
import type { DecisionPoint } from '../../enforce/authorize.ts'
import type { Reporter } from '../../enforce/report/report.ts'
import type { Answering, StreamExchange } from './answering.ts'

/** Open calls of gRPC. Each one is asked again while it lives: it was let in by a policy that may change. */
export interface OpenCalls {
  add(exchange: StreamExchange, answering: Answering): void
  /** Looks at all of them now; ends those that would not be let in any more. */
  review(): void
}

export function createOpenCalls(options: { decisions: DecisionPoint; reporter: Reporter }): OpenCalls {
  const { decisions, reporter } = options
  const open = new Map<StreamExchange, Answering>()
  return {
    add(exchange, answering) {
      open.set(exchange, answering)
      exchange.stream.once('close', () => open.delete(exchange))
    },
    review() {
      for (const [exchange, answering] of open) {
        const { call, head } = exchange
        const verdict = decisions.reauthorize(head, call.verdict)
        if (verdict.pass) continue
        open.delete(exchange)
        reporter.report({ ...call, verdict }, undefined, 'tunnel_closed')
        const { reason } = verdict.decision
        answering.withdraw(reasons[reason].status, reason)
      }
    },
  }
}
