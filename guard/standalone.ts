import { createManifests } from '../enforce/policy/manifests.ts'
import { createPolicy } from '../enforce/policy/policy.ts'
import { createGuardMetrics } from '../enforce/report/metrics.ts'
import { openAudit } from '../enforce/report/open-audit.ts'
import type { TraceSettings } from '../enforce/report/trace.ts'
import { startTracing } from '../enforce/report/trace-config.ts'
import type { OnBlock } from '../enforce/report/while-recorded.ts'
import type { ListenAddress } from '../enforce/settings.ts'
import type { Clock } from '../platform/clock.ts'
import { memoryLimit } from '../platform/fair/memory.ts'
import type { Logger } from '../platform/log.ts'
import { createGuard, type RunningGuard } from './guard.ts'
import type { UpstreamProtocol } from './http2/sessions.ts'

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
 * @throws SettingsError that lists every mistake of the manifests
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
