import type { Clock } from '../../platform/clock.ts'
import type { Audit } from './audit.ts'
import type { Verdict } from './authorize.ts'
import type { GuardMetrics } from './metrics.ts'

/** One call, from its first line to its one report. */
export interface Call {
  readonly verdict: Verdict
  readonly method: string | undefined
  readonly target: string | undefined
  readonly requestId: string
  readonly peer: string
  /** The listed proxy that asked. */
  readonly proxy?: string | undefined
  /** Monotonic. */
  readonly startedMs: number
}

/** Tells audit and metrics of one decision, from one value: neither can say what the other does not. */
export interface Reporter {
  /** @param status of the answer; undefined when none could be sent */
  report(call: Call, status: number | undefined, event?: 'tunnel_closed'): void
}

export function createReporter(options: {
  audit: Audit
  metrics: Pick<GuardMetrics, 'decided' | 'wouldDeny'>
  service: string
  clock: Clock
}): Reporter {
  const { audit, metrics, service, clock } = options
  return {
    report(call, status, event) {
      const { verdict, requestId, peer } = call
      const { decision, identity } = verdict
      const elapsedMs = clock.now() - call.startedMs
      const outcome = verdict.pass ? 'allow' : 'deny'
      const wouldDeny = verdict.pass && !decision.allow
      metrics.decided(outcome, decision.reason, elapsedMs / 1_000, status)
      if (wouldDeny) metrics.wouldDeny()
      audit.record({
        time: clock.wall().toISOString(),
        decision: outcome,
        reason: decision.reason,
        wouldDeny: wouldDeny || undefined,
        rule: decision.allow ? decision.rule : undefined,
        grant: decision.allow ? decision.grant : undefined,
        revision: verdict.snapshot?.revision ?? '',
        client: identity?.client,
        clientId: identity?.clientId,
        key: identity?.key,
        subject: identity?.subject,
        method: call.method,
        route: decision.route,
        path: pathOf(call.target),
        service,
        requestId,
        peer,
        proxy: call.proxy,
        status,
        durationMs: Math.round(elapsedMs * 1_000) / 1_000,
        event,
      })
    },
  }
}

function pathOf(target: string | undefined): string | undefined {
  if (target === undefined) return undefined
  const query = target.indexOf('?')
  return (query === -1 ? target : target.slice(0, query)).slice(0, 1_024)
}

/** IPv4 in its own form also where the socket is a dual-stack one. */
export function peerOf(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
