import { type AuditEntry, auditVersion, maxAuditPath } from '../../core/audit/audit-entry.ts'
import type { Clock } from '../../platform/clock.ts'
import { recordedIdentity, type Verdict } from '../authorize.ts'
import type { UpstreamFault } from '../respond.ts'
import type { Audit } from './audit.ts'
import type { GuardMetrics, Limit } from './metrics.ts'
import type { CallTrace } from './trace.ts'
import type { UsageCounter } from './usage.ts'

/** One call, from its first line to its one report. */
export interface Call {
  readonly verdict: Verdict
  readonly method: string | undefined
  readonly target: string | undefined
  readonly requestId: string
  /** Of the connection, or of the caller where a proxy tells it. */
  readonly address: string
  /** The peer that asked an authorizer, by its name in the list. */
  readonly proxy?: string | undefined
  /** Monotonic. */
  readonly startedMs: number
  /** Its span, when it is sampled. */
  readonly trace?: CallTrace | undefined
}

/** Statuses of a refused head that tell of a limit. */
const limitOf: Readonly<Record<number, Limit>> = { 408: 'head_timeout', 413: 'chunk', 414: 'target', 431: 'head' }

/** Tells audit and metrics of one decision, from one value: neither can say what the other does not. */
export interface Reporter {
  /** @param status of the answer; undefined when none could be sent */
  report(call: Call, status: number | undefined, event?: AuditEntry['event']): void
  /** The app did not answer, or broke off; told before the report, if there is still one to come. */
  upstreamFailed(call: Call, fault: UpstreamFault): void
  limitHit(limit: Limit): void
}

/** What is counted. Limits and faults of the app are met on a data path only. */
type Counted = Pick<GuardMetrics, 'decided' | 'wouldDeny'> &
  Partial<Pick<GuardMetrics, 'limitHit' | 'upstreamFailed' | 'closed'>>

export function createReporter(options: {
  audit: Audit
  metrics: Counted
  usage?: Pick<UsageCounter, 'count'> | undefined
  service: string
  clock: Clock
}): Reporter {
  const { audit, metrics, usage, service, clock } = options
  const timeText = timeTexts(clock)
  return {
    limitHit: limit => metrics.limitHit?.(limit),
    upstreamFailed(call, fault) {
      metrics.upstreamFailed?.(fault)
      call.trace?.fail(fault)
    },
    report(call, status, event) {
      const { verdict, requestId, address } = call
      const { decision } = verdict
      const identity = recordedIdentity(verdict)
      const elapsedMs = clock.now() - call.startedMs
      const outcome = verdict.pass ? 'allow' : 'deny'
      const wouldDeny = verdict.pass && !decision.allow
      metrics.decided(outcome, decision.reason, elapsedMs / 1_000, status)
      if (wouldDeny) metrics.wouldDeny(decision.route)
      const limit = decision.reason === 'request_malformed' ? limitOf[status ?? 0] : undefined
      if (limit) metrics.limitHit?.(limit)
      if (event !== undefined) metrics.closed?.(event, decision.reason)
      // What closes a call is no other one.
      if (event === undefined) usage?.count(verdict, call.startedMs)
      // Only the first time counts: what was answered before it was closed has ended.
      call.trace?.end({ verdict, method: call.method, service, address, status })
      audit.record({
        v: auditVersion,
        time: timeText(),
        decision: outcome,
        reason: decision.reason,
        wouldDeny: wouldDeny || undefined,
        rule: decision.allow ? decision.rule : undefined,
        grant: decision.allow ? decision.grant : decision.limit?.grant,
        missing: decision.allow ? undefined : decision.missing?.slice(0, maxAuditPath + 64),
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
        peer: address,
        proxy: call.proxy,
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
    const now = clock.wallMs()
    if (now !== last) {
      last = now
      text = new Date(now).toISOString()
    }
    return text
  }
}

/**
 * The path alone. What follows `?` may hold secrets; so may what follows `#` or `;` and what stands before the path, none
 * of which is in a path that is taken, but all of which is in some that are refused.
 */
function pathOf(target: string | undefined): string | undefined {
  if (!target?.startsWith('/')) return undefined
  const end = target.search(/[?#;]/)
  return (end === -1 ? target : target.slice(0, end)).slice(0, maxAuditPath)
}
