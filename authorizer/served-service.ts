import { createDecisionPoint, type DecisionPoint } from '../enforce/authorize.ts'
import { boundsFor, createIdentityCache } from '../enforce/identity-cache.ts'
import { countsWithin, createLimitCounts } from '../enforce/limit-counts.ts'
import type { Policy } from '../enforce/policy/policy.ts'
import type { Audit } from '../enforce/report/audit.ts'
import { createReporter, type Reporter } from '../enforce/report/report.ts'
import type { UsageCounter } from '../enforce/report/usage.ts'
import { type OnBlock, whileRecorded } from '../enforce/report/while-recorded.ts'
import type { Clock } from '../platform/clock.ts'
import type { ServiceCounts } from './metrics.ts'

/** All that decides about one service and tells of it. Services share nothing: the fault of one is no other's. */
export interface ServedService {
  readonly name: string
  readonly policy: Policy
  readonly authorizer: DecisionPoint
  readonly reporter: Reporter
}

export function createServedService(options: {
  name: string
  policy: Policy
  audit: Audit
  auditOnBlock?: OnBlock | undefined
  counts: ServiceCounts
  /** Where an issuer is told what was used. */
  usage?: UsageCounter | undefined
  /** What it may have of the process's memory; absent: it has no limit. */
  memoryBytes?: number | undefined
  clock: Clock
}): ServedService {
  const { name, policy, audit, auditOnBlock = 'Count', counts, usage, memoryBytes, clock } = options
  return {
    name,
    policy,
    authorizer: createDecisionPoint({
      policy: whileRecorded(policy, audit, auditOnBlock),
      cache: createIdentityCache(() => boundsFor(policy.snapshot()?.clients.size ?? 0, memoryBytes)),
      limits: createLimitCounts(clock.now, countsWithin(memoryBytes)),
      now: () => Math.floor(clock.wallMs() / 1_000),
    }),
    reporter: createReporter({ audit, metrics: counts, usage, service: name, clock }),
  }
}
