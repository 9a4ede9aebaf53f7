import type { Logger } from '../../platform/log.ts'
import { type Audit, createAudit } from './audit.ts'
import type { GuardMetrics } from './metrics.ts'
import type { OnBlock } from './while-recorded.ts'

export interface AuditSettings {
  /** A file that is appended to, `-` for stdout. */
  readonly audit: string
  readonly auditOnBlock?: OnBlock | undefined
  /** Where an OTLP collector takes logs; absent: nothing of OpenTelemetry is loaded. */
  readonly auditOtlp?: string | undefined
  readonly service: string
}

/** The audit log of a guard: its sink and, where one is named, a collector beside it. @throws Error as createAudit */
export async function openAudit(
  settings: AuditSettings,
  context: { metrics: GuardMetrics; log: Logger; version: string },
): Promise<Audit> {
  const { metrics, log, version } = context
  const { audit: sink, auditOnBlock: onBlock = 'Count', auditOtlp, service } = settings
  const audit = await createAudit({ sink, onBlock, onDropped: metrics.auditDropped, log })
  if (auditOtlp === undefined) return audit
  const { createAuditExport } = await import('./audit-otlp.ts')
  const exported = createAuditExport({ url: logsUrl(auditOtlp), service, version, onLost: metrics.auditNotExported })
  return {
    isBlocked: audit.isBlocked,
    record(entry) {
      audit.record(entry)
      exported.emit(entry)
    },
    async flush(ms) {
      const late = new Promise<void>(resolve => setTimeout(resolve, ms).unref())
      await Promise.all([audit.flush(ms), Promise.race([exported.shutdown().catch(() => {}), late])])
    },
  }
}

/** @see OpenTelemetry Protocol Exporter, "Endpoint URLs for OTLP/HTTP" */
function logsUrl(endpoint: string): string {
  return endpoint.endsWith('/v1/logs') ? endpoint : `${endpoint}/v1/logs`
}
