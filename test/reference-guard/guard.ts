import { createDecisionPoint } from '../../enforce/authorize.ts'
import { boundsFor, createIdentityCache } from '../../enforce/identity-cache.ts'
import { createReporter } from '../../enforce/report/report.ts'
import type { Guard, GuardOptions } from '../../guard/guard.ts'
import { createTunnels } from '../../guard/upgrade.ts'
import { createReferenceProxy } from './proxy.ts'
import { createUpstream } from './upstream.ts'

/**
 * The guard over node:http and undici: another parser and another writer around the same reading, decision and
 * forwarded head. It ships nowhere; what the product's data path does is compared with what this one does.
 */
export function createReferenceGuard(options: GuardOptions): Guard {
  const { policy, clock } = options
  const decisions = createDecisionPoint({
    policy,
    cache: createIdentityCache(() => boundsFor(0)),
    now: () => Math.floor(clock.wallMs() / 1_000),
  })
  const reporter = createReporter({ ...options })
  const tunnels = createTunnels({ ...options, decisions, reporter })
  const upstream = createUpstream({ origin: options.upstream, headersTimeoutMs: options.upstreamTimeoutMs })
  const proxy = createReferenceProxy({ ...options, ...options.listen, decisions, upstream, reporter, tunnels })
  return {
    start: async () => ({ ...(await proxy.listen()), adminPort: undefined }),
    announceStop: proxy.announceStop,
    async drain(graceMs, deadlineMs) {
      await proxy.drain(graceMs, deadlineMs)
      tunnels.closeAll()
      await upstream.destroy()
    },
    close: async () => {},
  }
}
