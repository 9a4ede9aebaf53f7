import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/log.ts'
import type { ListenAddress } from './config.ts'
import { createGuard } from './guard.ts'
import type { UpstreamProtocol } from './http2/sessions.ts'
import { createManifests } from './manifests.ts'
import { memoryLimit } from './memory.ts'
import { createGuardMetrics } from './metrics.ts'
import { openAudit } from './open-audit.ts'
import { createPolicy } from './policy.ts'
import type { RunningGuard } from './running-guard.ts'
import type { TraceSettings } from './trace.ts'
import { startTracing } from './trace-config.ts'
import type { OnBlock } from './while-recorded.ts'

export interface StandaloneOptions {
  manifests: string
  /** `namespace/name`. */
  service: string
  upstream: string
  upstreamProtocol: UpstreamProtocol
  listen: ListenAddress
  admin: ListenAddress | undefined
  debug?: 'on' | 'off'
  audit: string
  auditOnBlock?: OnBlock | undefined
  auditOtlp?: string | undefined
  problemBase?: string
  issuer: string
  installation: string
}

/**
 * Starts a guard without a cluster: its policy is compiled from manifests, whose changes it follows.
 * @throws Error that lists every mistake of the manifests
 */
export async function startStandalone(
  options: StandaloneOptions,
  context: {
    clock: Clock
    log: Logger
    version: string
    drainGraceMs?: number
    intervalMs?: number
    traces?: TraceSettings | undefined
  },
): Promise<RunningGuard> {
  const { clock, log, version, drainGraceMs = 500 } = context
  const policy = createPolicy(clock)
  const manifests = createManifests({ ...options, ...context, path: options.manifests, policy })
  await manifests.load()
  const metrics = createGuardMetrics(policy)
  const tracing = await startTracing(context.traces, metrics, log)
  const audit = await openAudit(options, { metrics, log, version })
  const guard = createGuard({
    ...options,
    upstreamTimeoutMs: 300_000,
    adminListen: options.admin,
    probes: [],
    policy,
    audit,
    metrics,
    tracing,
    exposed: async () => [],
    memoryLimitBytes: memoryLimit(),
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
