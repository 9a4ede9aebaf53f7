import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Policy } from '../enforce/policy/policy.ts'
import type { GuardMetrics } from '../enforce/report/metrics.ts'
import type { HttpLimit } from '../platform/http/limits.ts'
import { type Metrics, registerProcess } from '../platform/metrics.ts'

/** What one service is counted in. */
export type ServiceCounts = Pick<GuardMetrics, 'decided' | 'wouldDeny' | 'wouldDenyCount' | 'connected'>

/** Metrics of an authorizer. Services come from the list of peers and reasons from a closed list: both are bounded. */
export interface AuthorizerMetrics extends Pick<Metrics, 'exposition'> {
  /** Of one service; `''` for questions that belong to none. */
  ofService(service: string): ServiceCounts
  /** Shows age and revision of a service's policy. */
  watch(service: string, policy: Policy): void
  auditDropped(lines: number): void
  limitHit(server: 'check' | 'grpc' | 'health', limit: HttpLimit): void
}

// Not `service`: whoever scrapes through a Service puts its name there.
const label = 'guarded_service'
const buckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.1, 1]

export function createAuthorizerMetrics(): AuthorizerMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  registerProcess(registry, 'authorizer')
  const at = { registers: [registry] }
  const tally = tallyOf(registry)
  const seconds = new Histogram({
    ...at,
    name: 'latchkey_authorizer_check_duration_seconds',
    help: 'Time from a question to its answer.',
    buckets,
  })
  const wouldDeny = new Counter({
    ...at,
    name: 'latchkey_authorizer_would_deny_total',
    help: 'Calls that audit mode let through, by service.',
    labelNames: [label],
  })
  const dropped = new Counter({
    ...at,
    name: 'latchkey_authorizer_audit_dropped_total',
    help: 'Audit lines that were lost because the sink was slow or failed.',
  })
  const limits = new Counter({
    ...at,
    name: 'latchkey_authorizer_limits_hit_total',
    help: 'Connections, checks and answers that met a limit of a listener.',
    labelNames: ['server', 'limit'],
  })
  const connected = new Gauge({
    ...at,
    name: 'latchkey_authorizer_snapshot_connected',
    help: '1 while the stream of a service is open.',
    labelNames: [label],
  })
  const watched = new Map<string, Policy>()
  policyMetrics(registry, watched)

  return {
    ofService(service) {
      let count = 0
      const counts = tally(service)
      return {
        decided(decision, reason, elapsed) {
          counts(decision, reason)
          seconds.observe(elapsed)
        },
        wouldDeny() {
          count++
          wouldDeny.inc({ [label]: service })
        },
        wouldDenyCount: () => count,
        connected: is => connected.set({ [label]: service }, is ? 1 : 0),
      }
    },
    watch: (service, policy) => void watched.set(service, policy),
    auditDropped: lines => dropped.inc(lines),
    limitHit: (server, limit) => limits.inc({ server, limit }),
    exposition: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  }
}

/** Counts decisions of each service. The series are made when somebody asks: what is counted on every check makes no labels. */
function tallyOf(registry: Registry): (service: string) => (decision: string, reason: string) => void {
  const counted: { readonly labels: Record<string, string>; count: number }[] = []
  new Counter({
    registers: [registry],
    name: 'latchkey_authorizer_decisions_total',
    help: 'Decisions, by service, decision and reason.',
    labelNames: [label, 'decision', 'reason'],
    collect() {
      this.reset()
      for (const { labels, count } of counted) this.inc(labels, count)
    },
  })
  return service => {
    const byReason = { allow: new Map<string, { count: number }>(), deny: new Map<string, { count: number }>() }
    return (decision, reason) => {
      const reasons = decision === 'allow' ? byReason.allow : byReason.deny
      let series = reasons.get(reason)
      if (!series) {
        const made = { labels: { [label]: service, decision, reason }, count: 0 }
        counted.push(made)
        reasons.set(reason, made)
        series = made
      }
      series.count++
    }
  }
}

function policyMetrics(registry: Registry, watched: ReadonlyMap<string, Policy>): void {
  new Gauge({
    registers: [registry],
    name: 'latchkey_authorizer_snapshot_age_seconds',
    help: 'Time since the policy of a service was last confirmed; -1 while there is none.',
    labelNames: [label],
    collect() {
      for (const [service, policy] of watched) this.set({ [label]: service }, policy.ageSeconds() ?? -1)
    },
  })
  new Gauge({
    registers: [registry],
    name: 'latchkey_authorizer_snapshot_info',
    help: 'Always 1; the labels tell the revision in force of each service.',
    labelNames: [label, 'revision'],
    collect() {
      // One series for each service only: without the reset every revision there ever was would stay.
      this.reset()
      for (const [service, policy] of watched) {
        const snapshot = policy.snapshot()
        if (snapshot) this.set({ [label]: service, revision: snapshot.revision }, 1)
      }
    },
  })
}
