import { ROOT_CONTEXT, type Span, type SpanContext, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { parseTraceParent } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { version } from '../../platform/version.ts'
import type { UpstreamFault } from '../respond.ts'
import type { SpanFate } from './metrics.ts'
import {
  attributesOf,
  type CallTrace,
  type EndedCall,
  spanName,
  type TraceHead,
  type TraceSettings,
  type Tracing,
} from './trace.ts'

/** Spans that wait for the collector. Beyond it they are dropped and counted. */
export const maxWaiting = 2_048

/**
 * Sends spans by OTLP over HTTP, in batches, never on a call's time: a collector that is slow or away costs spans and
 * nothing else. Headers, certificates, compression and timeout are read by the exporter from OTEL_EXPORTER_OTLP_*.
 */
export function createTracing(
  settings: TraceSettings,
  options: { onSpans(fate: SpanFate, count: number): void; delayMs?: number },
): Tracing {
  const exporter = new OTLPTraceExporter({ url: settings.url })
  const provider = new TracerProvider({
    sampler: samplerOf(settings),
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': settings.serviceName, 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [countedProcessor(exporter, options)],
    spanLimits: { attributeValueLengthLimit: 256 },
  })
  const tracer = provider.getTracer('latchkey')

  return {
    begin(head) {
      const parent = parentOf(head)
      const context = parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT
      // Named when it is known what it was.
      const span = tracer.startSpan('HTTP', { kind: SpanKind.SERVER }, context)
      return span.isRecording() ? callTrace(span, parent !== undefined) : undefined
    },
    async flush(ms) {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>(resolve => {
        timer = setTimeout(resolve, ms)
      })
      await Promise.race([provider.shutdown().catch(() => {}), late])
      clearTimeout(timer)
    },
  }
}

function callTrace(span: Span, keepsState: boolean): CallTrace {
  const { traceId, spanId } = span.spanContext()
  let fault: UpstreamFault | undefined
  return {
    traceparent: `00-${traceId}-${spanId}-01`,
    keepsState,
    fail(met) {
      fault = met
    },
    end(ended: EndedCall) {
      if (!span.isRecording()) return
      span.updateName(spanName(ended)).setAttributes(attributesOf(ended, fault))
      if (fault !== undefined || (ended.status ?? 0) >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    },
  }
}

/** The caller's span; undefined when there is none, or more than one, or one that cannot be read. */
function parentOf({ names, values }: TraceHead): SpanContext | undefined {
  const at = names.indexOf('traceparent')
  if (at === -1 || names.includes('traceparent', at + 1)) return undefined
  const parent = parseTraceParent(values[at] as string)
  return parent ? { ...parent, isRemote: true } : undefined
}

function samplerOf({ sampler, ratio }: TraceSettings): Sampler {
  const plain = sampler.replace('parentbased_', '')
  const root =
    plain === 'traceidratio'
      ? new TraceIdRatioBasedSampler(ratio)
      : plain === 'always_off'
        ? new AlwaysOffSampler()
        : new AlwaysOnSampler()
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root
}

/** Bounds what waits, in the queue and at the exporter together, and counts what becomes of it. */
function countedProcessor(
  exporter: SpanExporter,
  { onSpans, delayMs = 1_000 }: { onSpans(fate: SpanFate, count: number): void; delayMs?: number },
): SpanProcessor {
  let waiting = 0
  const batches = new BatchSpanProcessor({
    scheduledDelayMillis: delayMs,
    maxQueueSize: maxWaiting,
    exportTimeoutMillis: 10_000,
    exporter: {
      export(spans, done) {
        exporter.export(spans, result => {
          waiting -= spans.length
          onSpans(result.code === 0 ? 'exported' : 'failed', spans.length)
          done(result)
        })
      },
      shutdown: () => exporter.shutdown(),
    },
  })
  return {
    onStart: (span, context) => batches.onStart(span, context),
    onEnd(span) {
      if (waiting >= maxWaiting) return void onSpans('dropped', 1)
      waiting++
      batches.onEnd(span)
    },
    forceFlush: () => batches.forceFlush(),
    shutdown: () => batches.shutdown(),
  }
}
