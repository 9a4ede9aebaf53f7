import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { registerProcess } from '../../platform/metrics.ts'
import type { Policy } from '../policy/policy.ts'
import type { UpstreamFault } from '../respond.ts'
import { countDecisions } from './decision-counters.ts'

/** Bounds that keep one caller from taking what belongs to all. */
export type Limit =
  | 'connections'
  | 'memory'
  | 'flood'
  | 'head'
  | 'head_timeout'
  | 'target'
  | 'chunk'
  | 'body_idle'
  | 'unread'

/** What became of a span. `dropped`: the queue was full. */
export type SpanFate = 'exported' | 'failed' | 'dropped'

/** What is looked at when somebody asks, and costs a call nothing. */
export interface Gauges {
  /** Calls that were let in and are not answered yet. */
  inFlight(): number
  isDraining(): boolean
  identities(): { readonly hits: number; readonly misses: number }
  /** Clients that are counted for limits of grants. */
  limitCounts(): number
}

/** Metrics of one guard. Labels come from closed lists only, never from a caller: their number is bounded. */
export interface GuardMetrics {
  decided(decision: 'allow' | 'deny', reason: string, seconds: number, status: number | undefined): void
  /** @param route name of a declared route; undefined where none matched */
  wouldDeny(route: string | undefined): void
  auditDropped(lines: number): void
  /** Records that did not reach the OTLP collector. */
  auditNotExported(records: number): void
  exposed(ports: number): void
  /** Whether the app listens where the guard reaches it. */
  listening(is: boolean): void
  tunnels(open: number): void
  /** A call that was open was closed, because it would not be let in any more. */
  closed(event: string, reason: string): void
  upstreamFailed(fault: UpstreamFault): void
  limitHit(limit: Limit): void
  spans(fate: SpanFate, count: number): void
  /** Called once, when there is something to look at. */
  observe(gauges: Gauges): void
  connected(connected: boolean): void
  /** The policy that is larger than this guard takes; undefined: it has it, or may. */
  keptBack(slice: { readonly bytes: number } | undefined): void
  /** Calls that audit mode let through, earlier runs of this guard included. */
  wouldDenyCount(): number
  exposition(): Promise<{ contentType: string; body: string }>
}

/** Routes that are told apart. Their names are the owner's, but policies come and go, and series stay. */
const routesAtMost = 256

/** @param earlierWouldDeny what earlier runs of this guard counted */
export function createGuardMetrics(policy: Policy, earlierWouldDeny = 0): GuardMetrics {
  const registry = new Registry()
  // Asking how late the event loop is wakes it each time: at the usual 10 ms that is most of what a guard at rest does.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 1_000 })
  registerProcess(registry, 'guard')
  const at = { registers: [registry] }
  const { decided } = countDecisions(registry)
  const wouldDeny = new Counter({
    ...at,
    name: 'latchkey_guard_would_deny_total',
    help: 'Calls that audit mode let through, by route.',
    labelNames: ['route'],
  })
  const dropped = new Counter({
    ...at,
    name: 'latchkey_guard_audit_dropped_total',
    help: 'Audit lines that were lost because the sink was slow or failed.',
  })
  const notExported = new Counter({
    ...at,
    name: 'latchkey_guard_audit_not_exported_total',
    help: 'Decisions that did not reach the OTLP collector; the audit sink has them.',
  })
  const gauge = (name: string, help: string): Gauge => new Gauge({ ...at, name, help })
  const exposed = gauge('latchkey_guard_exposed_ports', 'Addresses beyond loopback on which the app listens.')
  const silent = gauge(
    'latchkey_guard_upstream_not_listening',
    '1 when nothing has listened for a minute where the guard reaches the app.',
  )
  const tunnels = gauge('latchkey_guard_tunnels', 'Open WebSocket connections.')
  const connected = gauge('latchkey_guard_snapshot_connected', '1 while the stream from the issuer is open.')
  const keptBack = gauge(
    'latchkey_guard_snapshot_too_large_bytes',
    'Size of the policy that is larger than the memory of this guard allows; 0: it is not.',
  )
  const faults = counterOf(registry, 'latchkey_guard_upstream_faults_total', 'fault', 'Calls the app did not answer.')
  const closed = new Counter({
    ...at,
    name: 'latchkey_guard_open_calls_closed_total',
    help: 'Open calls and WebSocket connections that were closed because they would not be let in any more.',
    labelNames: ['event', 'reason'],
  })
  const limits = counterOf(registry, 'latchkey_guard_limits_hit_total', 'limit', 'Callers that met a limit.')
  const spans = counterOf(
    registry,
    'latchkey_guard_spans_total',
    'fate',
    'Spans of sampled calls, by what became of them.',
  )
  policyMetrics(registry, policy)
  let count = earlierWouldDeny
  const routes = new Set<string>()

  return {
    decided,
    wouldDeny(route = '') {
      count++
      if (routes.size < routesAtMost) routes.add(route)
      wouldDeny.inc({ route: routes.has(route) ? route : 'other' })
    },
    auditDropped: lines => dropped.inc(lines),
    auditNotExported: records => notExported.inc(records),
    exposed: ports => exposed.set(ports),
    listening: is => silent.set(is ? 0 : 1),
    tunnels: open => tunnels.set(open),
    closed: (event, reason) => closed.inc({ event, reason }),
    upstreamFailed: fault => faults.inc({ fault }),
    limitHit: limit => limits.inc({ limit }),
    spans: (fate, lines) => spans.inc({ fate }, lines),
    observe: gauges => processMetrics(registry, gauges),
    connected: is => connected.set(is ? 1 : 0),
    keptBack: slice => keptBack.set(slice?.bytes ?? 0),
    wouldDenyCount: () => count,
    exposition: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  }
}

function counterOf<L extends string>(registry: Registry, name: string, label: L, help: string): Counter<L> {
  return new Counter({ registers: [registry], name, help, labelNames: [label] })
}

function looked(registry: Registry, name: string, help: string, look: () => number): void {
  new Gauge({
    registers: [registry],
    name,
    help,
    collect() {
      this.set(look())
    },
  })
}

function processMetrics(registry: Registry, gauges: Gauges): void {
  looked(registry, 'latchkey_guard_requests_in_flight', 'Calls let in and not yet answered.', gauges.inFlight)
  looked(registry, 'latchkey_guard_draining', '1 from the moment on which the guard is told to stop.', () =>
    gauges.isDraining() ? 1 : 0,
  )
  looked(
    registry,
    'latchkey_guard_limit_counts',
    'Clients, by grant, whose calls are counted for a limit of the grant.',
    gauges.limitCounts,
  )
  new Counter({
    registers: [registry],
    name: 'latchkey_guard_identity_cache_lookups_total',
    help: 'Tokens looked up among those already proved; a miss costs a signature check.',
    labelNames: ['result'],
    collect() {
      const { hits, misses } = gauges.identities()
      this.reset()
      this.inc({ result: 'hit' }, hits)
      this.inc({ result: 'miss' }, misses)
    },
  })
}

function policyMetrics(registry: Registry, policy: Policy): void {
  looked(
    registry,
    'latchkey_guard_snapshot_max_age_seconds',
    'maxStaleness of the service: past this age everything is denied; -1 while there is no policy.',
    () => policy.snapshot()?.service?.maxStalenessSeconds ?? -1,
  )
  looked(
    registry,
    'latchkey_guard_snapshot_usable',
    '1 while calls are decided from the policy; 0: everything is denied.',
    () => (policy.unfit() === undefined ? 1 : 0),
  )
  new Gauge({
    registers: [registry],
    name: 'latchkey_guard_snapshot_age_seconds',
    help: 'Time since the policy was last confirmed; -1 while there is none.',
    collect() {
      this.set(policy.ageSeconds() ?? -1)
    },
  })
  new Gauge({
    registers: [registry],
    name: 'latchkey_guard_snapshot_info',
    help: 'Always 1; the label tells the revision in force.',
    labelNames: ['revision'],
    collect() {
      // One series only: without the reset every revision there ever was would stay.
      this.reset()
      const snapshot = policy.snapshot()
      if (snapshot) this.set({ revision: snapshot.revision }, 1)
    },
  })
}
