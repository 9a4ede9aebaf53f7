import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { registerEventLoopDelay } from './event-loop.ts'
import { version } from './version.ts'

/** The metrics of one process. Labels are bounded: controllers, resources, methods and codes, never names of objects. */
export interface Metrics {
  /** Where a process registers what is its own, named `latchkey_…`. */
  readonly registry: Registry
  readonly reconcileTotal: Counter<'controller' | 'result'>
  readonly reconcileErrors: Counter<'controller'>
  readonly reconcileSeconds: Histogram<'controller'>
  readonly queueDepth: Gauge<'name'>
  readonly queueAdds: Counter<'name'>
  readonly queueRetries: Counter<'name'>
  readonly queueSeconds: Histogram<'name'>
  readonly leader: Gauge<'name'>
  readonly restRequests: Counter<'code' | 'method'>
  readonly clockAhead: Gauge
  readonly watchRestarts: Counter<'resource'>
  readonly relists: Counter<'resource'>
  readonly eventsMissed: Counter<'resource'>
  readonly handlerErrors: Counter<'resource'>
  readonly eventsDropped: Counter
  readonly httpRequests: Counter<'server' | 'code'>
  readonly httpLimits: Counter<'server' | 'limit'>
  /** The text exposition of everything registered. */
  exposition(): Promise<{ contentType: string; body: string }>
}

// From a millisecond, for work in memory, to a minute, for work behind a struggling API server.
const buckets = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60]

/**
 * Makes the registry of a process. Names are controller-runtime's and client-go's where they have one, so that
 * existing dashboards and alerts fit; ours begin with `latchkey_`.
 */
export function createMetrics(options: { process: string }): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const at = { registers: [registry] }
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []): Counter<L> =>
    new Counter({ ...at, name, help, labelNames })
  const gauge = <L extends string>(name: string, help: string, labelNames: L[]): Gauge<L> =>
    new Gauge({ ...at, name, help, labelNames })
  const histogram = <L extends string>(name: string, help: string, labelNames: L[]): Histogram<L> =>
    new Histogram({ ...at, name, help, labelNames, buckets })

  registerProcess(registry, options.process)
  return {
    registry,
    ...controllerMetrics(counter, gauge, histogram),
    ...apiMetrics(counter),
    clockAhead: gauge(
      'latchkey_clock_ahead_seconds',
      "How far this process's clock is ahead of the API server's, by its last answer; negative: behind.",
      [],
    ),
    httpRequests: counter('latchkey_http_requests_total', 'Requests answered, by server and status code.', [
      'server',
      'code',
    ]),
    httpLimits: counter(
      'latchkey_http_limits_hit_total',
      'Connections, requests and answers that met a limit of a server.',
      ['server', 'limit'],
    ),
    exposition: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  }
}

/** What every process tells: what runs, and how late its main thread is. */
export function registerProcess(registry: Registry, name: string): void {
  registerEventLoopDelay(registry)
  new Gauge({
    registers: [registry],
    name: 'latchkey_build_info',
    help: 'Always 1; the labels tell what runs.',
    labelNames: ['process', 'version', 'node'],
  }).set({ process: name, version, node: process.version }, 1)
}

type Make<M extends 'counter' | 'gauge' | 'histogram'> = <L extends string>(
  name: string,
  help: string,
  labelNames: L[],
) => { counter: Counter<L>; gauge: Gauge<L>; histogram: Histogram<L> }[M]

function controllerMetrics(counter: Make<'counter'>, gauge: Make<'gauge'>, histogram: Make<'histogram'>) {
  return {
    reconcileTotal: counter('controller_runtime_reconcile_total', 'Reconciliations, by result.', [
      'controller',
      'result',
    ]),
    reconcileErrors: counter('controller_runtime_reconcile_errors_total', 'Reconciliations that threw.', [
      'controller',
    ]),
    reconcileSeconds: histogram('controller_runtime_reconcile_time_seconds', 'Time of one reconciliation.', [
      'controller',
    ]),
    queueDepth: gauge('workqueue_depth', 'Keys waiting for a worker.', ['name']),
    queueAdds: counter('workqueue_adds_total', 'Keys added.', ['name']),
    queueRetries: counter('workqueue_retries_total', 'Keys put back after a failure.', ['name']),
    queueSeconds: histogram('workqueue_queue_duration_seconds', 'Time a key waited for a worker.', ['name']),
    leader: gauge('leader_election_master_status', '1 while this process leads.', ['name']),
  }
}

function apiMetrics(counter: Make<'counter'>) {
  return {
    restRequests: counter('rest_client_requests_total', 'Requests to the API server, by status code and method.', [
      'code',
      'method',
    ]),
    watchRestarts: counter('latchkey_watch_restarts_total', 'Watches opened anew.', ['resource']),
    relists: counter('latchkey_relists_total', 'Full lists after the first.', ['resource']),
    eventsMissed: counter('latchkey_events_missed_total', 'Changes a list found that the watch had not told.', [
      'resource',
    ]),
    handlerErrors: counter('latchkey_watch_handler_errors_total', 'Change handlers that threw.', ['resource']),
    eventsDropped: counter(
      'latchkey_events_dropped_total',
      'Kubernetes Events not sent, over the rate or refused.',
      [],
    ),
  }
}
