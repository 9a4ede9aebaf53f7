import { expect, test } from 'vitest'
import { createMetrics } from '../../../platform/metrics.ts'

test("names are those that controller-runtime's and client-go's dashboards ask for, or our own", async () => {
  const metrics = createMetrics({ process: 'operator' })
  metrics.reconcileTotal.inc({ controller: 'access-key', result: 'success' })
  const { body, contentType } = await metrics.exposition()
  expect(contentType).toContain('text/plain')
  const names = [...body.matchAll(/^# TYPE (\S+)/gm)].map(match => match[1] as string)
  expect(names).toEqual(
    expect.arrayContaining([
      'controller_runtime_reconcile_total',
      'controller_runtime_reconcile_errors_total',
      'controller_runtime_reconcile_time_seconds',
      'workqueue_depth',
      'workqueue_adds_total',
      'workqueue_retries_total',
      'workqueue_queue_duration_seconds',
      'leader_election_master_status',
      'rest_client_requests_total',
      'latchkey_watch_restarts_total',
      'latchkey_relists_total',
      'latchkey_events_missed_total',
      'latchkey_build_info',
      'process_resident_memory_bytes',
    ]),
  )
  expect(body).toContain('controller_runtime_reconcile_total{controller="access-key",result="success"} 1')
  expect(body).toContain(`latchkey_build_info{process="operator",version="dev",node="${process.version}"} 1`)
})

test('how late the main thread was is told, and a block of it is seen', async () => {
  const metrics = createMetrics({ process: 'operator' })
  const read = async () => {
    const { body } = await metrics.exposition()
    return Object.fromEntries(
      [...body.matchAll(/^latchkey_event_loop_delay_seconds\{statistic="(\w+)"\} (\S+)$/gm)].map(([, name, value]) => [
        name,
        Number(value),
      ]),
    )
  }
  expect(Object.keys(await read())).toEqual(['p50', 'p99', 'max'])
  const pause = () => new Promise(resolve => setTimeout(resolve, 300))
  await pause()
  const until = performance.now() + 500
  while (performance.now() < until);
  await pause()
  expect((await read()).max).toBeGreaterThan(0.2)
})

test('two processes in one, as in tests, do not share a registry', async () => {
  createMetrics({ process: 'a' }).eventsDropped.inc()
  const { body } = await createMetrics({ process: 'b' }).exposition()
  expect(body).toContain('latchkey_events_dropped_total 0')
})
