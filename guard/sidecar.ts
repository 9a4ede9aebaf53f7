import { openConnections } from '../enforce/connection-settings.ts'
import { createPolicy } from '../enforce/policy/policy.ts'
import { createSlice } from '../enforce/policy/slice.ts'
import { createSnapshotClient } from '../enforce/policy/snapshot-client.ts'
import { createSnapshotFile } from '../enforce/policy/snapshot-file.ts'
import type { KeptBack } from '../enforce/policy/standing.ts'
import { createGuardMetrics } from '../enforce/report/metrics.ts'
import { openAudit } from '../enforce/report/open-audit.ts'
import type { TraceSettings } from '../enforce/report/trace.ts'
import { startTracing } from '../enforce/report/trace-config.ts'
import { createUsageCounter } from '../enforce/report/usage.ts'
import { openWouldDenyFile } from '../enforce/report/would-deny-file.ts'
import type { Clock } from '../platform/clock.ts'
import { memoryLimit } from '../platform/fair/memory.ts'
import type { Logger } from '../platform/log.ts'
import { auditOtlpOf, type GuardConfig } from './config.ts'
import { createGuard, type RunningGuard } from './guard.ts'
import { createExposure } from './probes/exposure.ts'
import { listenForStop } from './stop-socket.ts'

/** Starts a guard beside an app in a cluster: its policy is streamed by the issuer and kept on disk. */
export async function startSidecar(
  config: GuardConfig,
  context: { clock: Clock; log: Logger; version: string; procNet?: string; traces?: TraceSettings | undefined },
): Promise<RunningGuard> {
  const { clock, log, version, procNet = '/proc/net' } = context
  const policy = createPolicy(clock)
  const denied = await openWouldDenyFile(config.snapshotFile, config.service)
  const metrics = createGuardMetrics(policy, denied.earlier)
  const tracing = await startTracing(context.traces, metrics, log)
  const audit = await openAudit({ ...config, auditOtlp: auditOtlpOf(config) }, { metrics, log, version })
  const usage = createUsageCounter()
  const slice = createSlice(policy)
  const file = createSnapshotFile({ ...config, path: config.snapshotFile, slice, policy, clock, log })
  await file.load()
  let keptBack: KeptBack | undefined

  const exposure = createExposure({
    procNet,
    ownPorts: [config.listen.port, config.adminListen.port],
    openPorts: config.openPorts,
    upstream: config.upstream,
    clock,
    log,
    onChange({ exposed, notListening }) {
      metrics.exposed(exposed.length)
      metrics.listening(notListening === undefined)
      client.tellHeld()
    },
  })
  const client = createSnapshotClient({
    ...config,
    url: config.snapshotUrl,
    version,
    slice,
    findings: () => ({ ...exposure.found(), wouldDeny: metrics.wouldDenyCount() }),
    used: when => usage.told(clock.now(), when),
    onTaken(taken) {
      if (taken === 'applied') file.save()
      else file.confirm()
      void denied.save(metrics.wouldDenyCount())
    },
    onConnected: metrics.connected,
    onTooLarge(slice) {
      keptBack = slice
      metrics.keptBack(slice)
    },
    memoryBytes: memoryLimit() ?? 0,
    clock,
    log,
  })
  const connections = await openConnections(config, { log })
  const guard = createGuard({
    ...config,
    ...connections,
    policy,
    audit,
    metrics,
    tracing,
    usage,
    exposed: exposure.look,
    keptBack: () => keptBack,
    memoryLimitBytes: memoryLimit(),
    clock,
    log,
  })
  const ports = await guard.start()
  const stopSocket = await listenForStop({ ...config, log }, guard.announceStop)
  exposure.start()
  client.start()
  return {
    ...ports,
    announceStop: guard.announceStop,
    async stop() {
      stopSocket.close()
      await guard.drain(config.drainGraceMs, config.drainDeadlineMs)
      await client.tellUsed()
      client.stop()
      exposure.stop()
      connections.stop()
      await file.settled()
      await denied.save(metrics.wouldDenyCount())
      await audit.flush(2_000)
      await guard.close()
    },
  }
}
