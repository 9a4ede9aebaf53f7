import { choice, readConfig, type Setting, text, url } from '../../platform/config.ts'
import type { Logger } from '../../platform/log.ts'
import type { GuardMetrics } from './metrics.ts'
import type { TraceSettings, Tracing } from './trace.ts'

/**
 * The settings of traces, under OpenTelemetry's own names. The exporter reads the rest of OTEL_EXPORTER_OTLP_* itself:
 * headers, certificates, compression, timeout.
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export const traceTable = {
  endpoint: url<string | undefined>('OTEL_EXPORTER_OTLP_ENDPOINT', {
    default: undefined,
    description: 'collector that spans are sent to, by OTLP over HTTP; without it none are made',
  }),
  tracesEndpoint: url<string | undefined>('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', {
    default: undefined,
    description: 'the same as a whole URL, with its path',
  }),
  disabled: choice('OTEL_SDK_DISABLED', ['true', 'false'], { default: 'false', description: 'true: no spans' }),
  exporter: choice('OTEL_TRACES_EXPORTER', ['otlp', 'none'], { default: 'otlp', description: 'none: no spans' }),
  protocol: choice('OTEL_EXPORTER_OTLP_PROTOCOL', ['http/protobuf'], {
    default: 'http/protobuf',
    description: 'how spans are sent',
  }),
  sampler: choice(
    'OTEL_TRACES_SAMPLER',
    [
      'parentbased_traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'traceidratio',
      'always_on',
      'always_off',
    ],
    { default: 'parentbased_traceidratio', description: 'which calls get a span' },
  ),
  ratio: ratio('OTEL_TRACES_SAMPLER_ARG', 'share of calls, where the sampler takes one'),
  serviceName: text<string>('OTEL_SERVICE_NAME', { default: 'latchkey-guard', description: 'service.name of spans' }),
}

/**
 * @returns undefined when no spans are wanted
 * @throws Error that lists every mistake
 */
export function readTraceSettings(env: Record<string, string | undefined>): TraceSettings | undefined {
  const own = Object.fromEntries(Object.values(traceTable).map(({ name }) => [name, env[name]]))
  const { endpoint, tracesEndpoint, disabled, exporter, sampler, ratio, serviceName } = readConfig(traceTable, own)
  const to = tracesEndpoint ?? (endpoint === undefined ? undefined : `${endpoint}/v1/traces`)
  if (to === undefined || disabled === 'true' || exporter === 'none') return undefined
  return { url: to, sampler, ratio, serviceName }
}

/** Loads what makes spans, only when they are wanted: it is as large as the guard itself. */
export async function startTracing(
  settings: TraceSettings | undefined,
  metrics: GuardMetrics,
  log: Logger,
): Promise<Tracing | undefined> {
  if (!settings) return undefined
  const { createTracing } = await import('./trace-otlp.ts')
  let failing = false
  return createTracing(settings, {
    onSpans(fate, count) {
      metrics.spans(fate, count)
      if (fate === 'failed' && !failing) log.warn('spans cannot be sent to the collector and are lost')
      if (fate !== 'dropped') failing = fate === 'failed'
    },
  })
}

function ratio(name: string, description: string): Setting<number> {
  return {
    name,
    description,
    default: { value: 1 },
    parse(given) {
      const value = /^(0|1|0?\.[0-9]{1,9}|1\.0{1,9})$/.test(given) ? Number(given) : Number.NaN
      return value >= 0 && value <= 1 ? { value } : { expected: 'a number from 0 to 1' }
    },
  }
}
