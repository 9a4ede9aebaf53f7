import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { countDecisions } from './decision-counters.ts'
import type { Policy } from './policy.ts'

/** Metrics of one guard. Labels come from closed lists only, never from a caller: their number is bounded. */
export interface GuardMetrics {
  decided(decision: 'allow' | 'deny', reason: string, seconds: number, status: number | undefined): void
  wouldDeny(): void
  auditDropped(lines: number): void
  /** A connection beyond the bounds was closed unanswered. */
  connectionRefused(): void
  exposed(ports: number): void
  tunnels(open: number): void
  connected(connected: boolean): void
  /** Calls that audit mode let through since the start. */
  wouldDenyCount(): number
  exposition(): Promise<{ contentType: string; body: string }>
}

export function createGuardMetrics(policy: Policy): GuardMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const at = { registers: [registry] }
  const { decided } = countDecisions(registry)
  const wouldDeny = new Counter({
    ...at,
    name: 'latchkey_guard_would_deny_total',
    help: 'Calls that audit mode let through.',
  })
  const dropped = new Counter({
    ...at,
    name: 'latchkey_guard_audit_dropped_total',
    help: 'Audit lines that were lost because the sink was slow or failed.',
  })
  const refused = new Counter({
    ...at,
    name: 'latchkey_guard_connections_refused_total',
    help: 'Connections closed unanswered because there were too many, of all callers or of one address.',
  })
  const gauge = (name: string, help: string): Gauge => new Gauge({ ...at, name, help })
  const exposed = gauge('latchkey_guard_exposed_ports', 'Addresses beyond loopback on which the app listens.')
  const tunnels = gauge('latchkey_guard_tunnels', 'Open WebSocket connections.')
  const connected = gauge('latchkey_guard_snapshot_connected', '1 while the stream from the issuer is open.')
  policyMetrics(registry, policy)
  let count = 0

  return {
    decided,
    wouldDeny() {
      count++
      wouldDeny.inc()
    },
    auditDropped: lines => dropped.inc(lines),
    connectionRefused: () => refused.inc(),
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
