import type { Verdict } from '../../enforce/authorize.ts'
import type { GuardMetrics } from '../../enforce/report/metrics.ts'
import type { Reporter } from '../../enforce/report/report.ts'
import type { OpenCall, OpenCalls } from './review.ts'

/** Open WebSocket connections. */
export interface Tunnels extends OpenCalls {
  /** @returns what to call when it has closed */
  open(tunnel: Tunnel): () => void
  size(): number
  closeAll(): void
}

export interface Tunnel extends OpenCall {
  /** Ends both connections. @param verdict why; undefined: the guard stops */
  close(verdict: Verdict | undefined): void
}

export function createTunnels(options: { reporter: Reporter; metrics: Pick<GuardMetrics, 'tunnels'> }): Tunnels {
  const { reporter, metrics } = options
  const tunnels = new Set<Tunnel>()
  const forget = (tunnel: Tunnel): void => {
    if (tunnels.delete(tunnel)) metrics.tunnels(tunnels.size)
  }
  return {
    size: () => tunnels.size,
    *walk(look) {
      for (const tunnel of tunnels) {
        look(tunnel, verdict => {
          // It may linger for a moment: told of once.
          forget(tunnel)
          reporter.report({ ...tunnel.call, verdict }, undefined, 'tunnel_closed')
          tunnel.close(verdict)
        })
        yield
      }
    },
    closeAll() {
      for (const { close } of tunnels) close(undefined)
    },
    open(tunnel) {
      tunnels.add(tunnel)
      metrics.tunnels(tunnels.size)
      return () => forget(tunnel)
    },
  }
}
