import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/log.ts'
import { createAudit } from './audit.ts'
import type { ListenAddress } from './config.ts'
import { createGuard } from './guard.ts'
import type { UpstreamProtocol } from './http2/sessions.ts'
import { createManifests } from './manifests.ts'
import { createGuardMetrics } from './metrics.ts'
import { createPolicy } from './policy.ts'
import type { RunningGuard } from './running-guard.ts'

export interface StandaloneOptions {
  manifests: string
  /** `namespace/name`. */
  service: string
  upstream: string
  upstreamProtocol: UpstreamProtocol
  listen: ListenAddress
  admin: ListenAddress | undefined
  audit: string
  issuer: string
  installation: string
}

/**
 * Starts a guard without a cluster: its policy is compiled from manifests, whose changes it follows.
 * @throws Error that lists every mistake of the manifests
 */
export async function startStandalone(
  options: StandaloneOptions,
  context: { clock: Clock; log: Logger; drainGraceMs?: number; intervalMs?: number },
): Promise<RunningGuard> {
  const { clock, log, drainGraceMs = 500 } = context
  const policy = createPolicy(clock)
  const manifests = createManifests({ ...options, ...context, path: options.manifests, policy })
  await manifests.load()
  const metrics = createGuardMetrics(policy)
  const audit = await createAudit({ sink: options.audit, onDropped: metrics.auditDropped, log })
  const guard = createGuard({
    ...options,
    upstreamTimeoutMs: 300_000,
    adminListen: options.admin,
    probes: [],
    policy,
    audit,
    metrics,
    exposed: async () => [],
    clock,
    log,
  })
  const ports = await guard.start()
  manifests.follow()
  return {
    ...ports,
    announceStop: guard.announceStop,
    async stop() {
      await guard.drain(drainGraceMs, 25_000)
      manifests.stop()
      await audit.flush(2_000)
      await guard.close()
    },
  }
}
