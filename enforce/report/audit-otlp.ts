import { SeverityNumber } from '@opentelemetry/api'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchLogRecordProcessor, LoggerProvider, type LogRecordExporter } from '@opentelemetry/sdk-logs'
import type { AuditEntry } from '../../core/audit/audit-entry.ts'

/** Sends decisions to an OTLP collector, beside the sink. Best effort: the sink is the record. */
export interface AuditExport {
  emit(entry: AuditEntry): void
  /** Sends what waits and ends. */
  shutdown(): Promise<void>
}

/** Records that wait for the collector. */
const maxQueueSize = 4_096

/**
 * @param options.url where logs are posted to, with its path; headers and timeouts come from OTEL_EXPORTER_OTLP_*, as
 *   OpenTelemetry names them
 * @param options.onLost records that did not reach the collector
 */
export function createAuditExport(options: {
  url: string
  service: string
  version: string
  onLost(records: number): void
}): AuditExport {
  const { url, service, version, onLost } = options
  let waiting = 0
  const settle = (records: number, arrived: boolean): void => {
    waiting -= records
    if (!arrived) onLost(records)
  }
  const exporter = observed(new OTLPLogExporter({ url }), settle)
  const provider = new LoggerProvider({
    resource: resourceFromAttributes({
      'service.name': 'latchkey-guard',
      'service.version': version,
      'latchkey.service': service,
    }),
    processors: [new BatchLogRecordProcessor({ exporter, maxQueueSize })],
  })
  const logger = provider.getLogger('latchkey.guard', version)

  return {
    emit(entry) {
      // The processor would drop it too, and tell nobody.
      if (waiting >= maxQueueSize) return onLost(1)
      waiting++
      logger.emit(recordOf(entry))
    },
    shutdown: () => provider.shutdown(),
  }
}

function recordOf(entry: AuditEntry) {
  const attributes: Record<string, string | number | boolean> = {}
  for (const [name, value] of Object.entries(entry)) {
    if (name !== 'time' && value !== undefined) attributes[`latchkey.${name}`] = value
  }
  const denied = entry.decision === 'deny'
  return {
    timestamp: new Date(entry.time),
    eventName: 'latchkey.decision',
    severityNumber: denied ? SeverityNumber.WARN : SeverityNumber.INFO,
    severityText: denied ? 'WARN' : 'INFO',
    body: `${entry.decision} ${entry.reason}`,
    attributes,
  }
}

function observed(exporter: LogRecordExporter, settle: (records: number, arrived: boolean) => void): LogRecordExporter {
  return {
    export(records, done) {
      exporter.export(records, result => {
        settle(records.length, result.code === 0)
        done(result)
      })
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  }
}
