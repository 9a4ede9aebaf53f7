import type { Clock } from '../../platform/clock.ts'
import type { Audit } from './audit.ts'
import type { Verdict } from './authorize.ts'
import { boundedMemo } from './bounded-memo.ts'
import type { GuardMetrics } from './metrics.ts'

/** One call, from its first line to its one report. */
export interface Call {
  readonly verdict: Verdict
  readonly method: string | undefined
  readonly target: string | undefined
  readonly requestId: string
  readonly peer: string
  /** Monotonic. */
  readonly startedMs: number
}

/** Tells audit and metrics of one decision, from one value: neither can say what the other does not. */
export interface Reporter {
  /** @param status of the answer; undefined when none could be sent */
  report(call: Call, status: number | undefined, event?: 'tunnel_closed'): void
}

/**
 * The one string for all that say the same. What was just put together from parts would take JSON.stringify off its fast
 * way, for the whole line.
 */
const sameText = boundedMemo(1_024, text => text)

export function createReporter(options: {
  audit: Audit
  metrics: GuardMetrics
  service: string
  clock: Clock
}): Reporter {
  const { audit, metrics, service, clock } = options
  const timeText = timeTexts(clock)
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
        time: timeText(),
        decision: outcome,
        reason: decision.reason,
        wouldDeny: wouldDeny || undefined,
        rule: decision.allow && decision.rule !== undefined ? sameText(decision.rule) : undefined,
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
        status,
        durationMs: Math.round(elapsedMs * 1_000) / 1_000,
        event,
      })
    },
  }
}

/** The time of day as text, made once a millisecond. */
function timeTexts(clock: Clock): () => string {
  let last = Number.NaN
  let text = ''
  return () => {
    const wall = clock.wall()
    const now = wall.getTime()
    if (now !== last) {
      last = now
      text = wall.toISOString()
    }
    return text
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
