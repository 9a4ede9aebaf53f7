import type { DecisionPoint } from '../enforce/authorize.ts'
import type { Policy } from '../enforce/policy/policy.ts'
import type { GuardMetrics } from '../enforce/report/metrics.ts'
import type { Call, Reporter } from '../enforce/report/report.ts'
import type { RequestHead } from '../platform/wire/read-request.ts'

/** Open WebSocket connections. Each one is asked again while it lives: it was let in by a policy that may change. */
export interface Tunnels {
  /** @returns what to call when it has closed */
  open(tunnel: Tunnel): () => void
  size(): number
  /** Looks at all of them now; closes those that would not be let in any more. */
  review(): void
  closeAll(): void
}

export interface Tunnel {
  readonly call: Call
  readonly head: RequestHead
  close(): void
}

/** How often tunnels are asked again without a change of policy: keys and grants also end by themselves. */
export const reviewEveryMs = 1_000

export function createTunnels(options: {
  policy: Policy
  decisions: DecisionPoint
  reporter: Reporter
  metrics: Pick<GuardMetrics, 'tunnels'>
}): Tunnels {
  const { policy, decisions, reporter, metrics } = options
  const tunnels = new Set<Tunnel>()

  function review(): void {
    for (const { call, head, close } of tunnels) {
      const verdict = decisions.reauthorize(head, call.verdict)
      if (verdict.pass) continue
      reporter.report({ ...call, verdict }, undefined, 'tunnel_closed')
      close()
    }
  }
  policy.onChange(() => setImmediate(review))

  return {
    review,
    size: () => tunnels.size,
    closeAll() {
      for (const { close } of tunnels) close()
    },
    open(tunnel) {
      tunnels.add(tunnel)
      metrics.tunnels(tunnels.size)
      return () => {
        tunnels.delete(tunnel)
        metrics.tunnels(tunnels.size)
      }
    },
  }
}
