import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Policy } from './policy.ts'

/** Metrics of one guard. Labels come from closed lists only, never from a caller: their number is bounded. */
export interface GuardMetrics {
  decided(decision: 'allow' | 'deny', reason: string, seconds: number, status: number | undefined): void
  /** @param route name of a declared route; undefined where none matched */
  wouldDeny(route: string | undefined): void
  auditDropped(lines: number): void
  /** Records that did not reach the OTLP collector. */
  auditNotExported(records: number): void
  exposed(ports: number): void
  tunnels(open: number): void
  connected(connected: boolean): void
  /** Calls that audit mode let through, earlier runs of this guard included. */
  wouldDenyCount(): number
  exposition(): Promise<{ contentType: string; body: string }>
}

const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Routes that are told apart. Their names are the owner's, but policies come and go, and series stay. */
const routesAtMost = 256

/** @param earlierWouldDeny what earlier runs of this guard counted */
export function createGuardMetrics(policy: Policy, earlierWouldDeny = 0): GuardMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const at = { registers: [registry] }
  const decisions = new Counter({
    ...at,
    name: 'latchkey_guard_decisions_total',
    help: 'Decisions, by decision and reason.',
    labelNames: ['decision', 'reason'],
  })
  const seconds = new Histogram({
    ...at,
    name: 'latchkey_guard_request_duration_seconds',
    help: 'Time until the head of the answer, by class of its status.',
    labelNames: ['status'],
    buckets,
  })
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
  const tunnels = gauge('latchkey_guard_tunnels', 'Open WebSocket connections.')
  const connected = gauge('latchkey_guard_snapshot_connected', '1 while the stream from the issuer is open.')
  policyMetrics(registry, policy)
  let count = earlierWouldDeny
  const routes = new Set<string>()

  return {
    decided(decision, reason, elapsed, status) {
      decisions.inc({ decision, reason })
      seconds.observe({ status: status === undefined ? 'none' : `${Math.trunc(status / 100)}xx` }, elapsed)
    },
    wouldDeny(route = '') {
      count++
      if (routes.size < routesAtMost) routes.add(route)
      wouldDeny.inc({ route: routes.has(route) ? route : 'other' })
    },
    auditDropped: lines => dropped.inc(lines),
    auditNotExported: records => notExported.inc(records),
    exposed: ports => exposed.set(ports),
    tunnels: open => tunnels.set(open),
    connected: is => connected.set(is ? 1 : 0),
    wouldDenyCount: () => count,
    exposition: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  }
}

function policyMetrics(registry: Registry, policy: Policy): void {
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
