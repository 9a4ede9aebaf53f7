import { createDecisionPoint } from '../../enforce/authorize.ts'
import { boundsFor, createIdentityCache } from '../../enforce/identity-cache.ts'
import { createReporter } from '../../enforce/report/report.ts'
import type { Guard, GuardOptions } from '../../guard/guard.ts'
import { createReview } from '../../guard/open-calls/review.ts'
import { createTunnels } from '../../guard/open-calls/tunnels.ts'
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
  const tunnels = createTunnels({ ...options, reporter })
  const review = createReview({ ...options, decisions, open: [tunnels] })
  const upstream = createUpstream({ origin: options.upstream, headersTimeoutMs: options.upstreamTimeoutMs })
  const proxy = createReferenceProxy({ ...options, ...options.listen, decisions, upstream, reporter, tunnels })
  return {
    async start() {
      review.start()
      return { ...(await proxy.listen()), adminPort: undefined }
    },
    announceStop: proxy.announceStop,
    async drain(graceMs, deadlineMs) {
      await proxy.drain(graceMs, deadlineMs)
      tunnels.closeAll()
      review.stop()
      await upstream.destroy()
    },
    close: async () => {},
  }
}
