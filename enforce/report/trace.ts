import type { Decision } from '../../core/policy/decision.ts'
import { recordedIdentity, type Verdict } from '../authorize.ts'
import type { UpstreamFault } from '../respond.ts'

/** Where spans go, when somebody wants them. Without it a caller's trace headers pass as they came. */
export interface Tracing {
  /** Begins the span of a call; undefined when the call is not sampled, and then nothing about it changes. */
  begin(head: TraceHead): CallTrace | undefined
  /** Sends what waits, for at most `ms`. */
  flush(ms: number): Promise<void>
}

/** Which calls get a span, and where it goes. */
export interface TraceSettings {
  /** Where batches are posted to. */
  readonly url: string
  readonly sampler: `${'parentbased_' | ''}${'always_on' | 'always_off' | 'traceidratio'}`
  readonly ratio: number
  readonly serviceName: string
}

/** What is read of a request: W3C Trace Context. */
export interface TraceHead {
  /** Lower case; `values` runs beside it. */
  readonly names: readonly string[]
  readonly values: readonly string[]
}

/** The span of one call. */
export interface CallTrace {
  /** What the app receives in place of the caller's: it names this span as the parent. */
  readonly traceparent: string
  /** Whether the caller's tracestate goes on: it belongs to a traceparent that could be read. */
  readonly keepsState: boolean
  /** The app did not answer; told before `end`. */
  fail(fault: UpstreamFault): void
  /** Ends the span. Only the first time counts. */
  end(ended: EndedCall): void
}

/** All that a span may tell of a call: nothing here can be a path, a query or a header. */
export interface EndedCall {
  readonly verdict: Verdict
  readonly method: string | undefined
  readonly service: string
  readonly address: string
  /** Undefined when none could be sent. */
  readonly status: number | undefined
}

export type Attributes = Record<string, string | number | boolean>

const knownMethods = new Set(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'QUERY', 'TRACE'])

/**
 * Attributes of a server span. The path is left out, because its parameters may be secrets: `http.route` has the
 * template that the service declares.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span
 */
export function attributesOf(ended: EndedCall, fault: UpstreamFault | undefined): Attributes {
  const { verdict, method, status } = ended
  const { decision, snapshot, pass } = verdict
  const wouldDeny = pass && !decision.allow
  const all: Record<string, string | number | boolean | undefined> = {
    'http.request.method': methodOf(method),
    'http.route': routeOf(verdict),
    'http.response.status_code': status,
    'client.address': ended.address,
    'url.scheme': 'http',
    'error.type': fault ?? (status !== undefined && status >= 500 ? String(status) : undefined),
    'latchkey.service': ended.service,
    'latchkey.decision': pass ? 'allow' : 'deny',
    'latchkey.reason': decision.reason,
    'latchkey.would_deny': wouldDeny || undefined,
    'latchkey.rule': decision.allow ? decision.rule : undefined,
    'latchkey.grant': decision.allow ? decision.grant : undefined,
    'latchkey.route': decision.route,
    'latchkey.client': recordedIdentity(verdict)?.client,
    'latchkey.revision': snapshot?.revision,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Attributes
}

/** `GET /orders/{id}`, or the method alone. */
export function spanName({ verdict, method }: EndedCall): string {
  const known = methodOf(method)
  const route = routeOf(verdict)
  return [known === '_OTHER' ? 'HTTP' : known, ...(route === undefined ? [] : [route])].join(' ')
}

function methodOf(method: string | undefined): string {
  return method !== undefined && knownMethods.has(method) ? method : '_OTHER'
}

function routeOf({ decision, snapshot }: { decision: Decision; snapshot: Verdict['snapshot'] }): string | undefined {
  return snapshot?.service?.routes.find(({ name }) => name === decision.route)?.path
}
