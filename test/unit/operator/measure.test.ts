import { expect, it } from 'vitest'
import type { ServiceReport } from '../../../core/status/judge-enforcement.ts'
import { measure } from '../../../operator/measure.ts'
import { createMetrics } from '../../../platform/metrics.ts'
import { version } from '../../../platform/version.ts'
import { serviceReport } from '../core/status/service-report.ts'

/** What the metric says of services whose guards are so. */
async function lacking(reports: readonly (readonly [string, ServiceReport])[]): Promise<string[]> {
  const metrics = createMetrics({ process: 'operator' })
  const store = new Map<string, never>()
  measure(metrics, {
    sources: { keys: { store }, services: { store } } as never,
    enforcement: {
      waiting: () => ({ count: 0, oldestSeconds: 0 }),
      guards: () => ({ expected: 0, current: 0 }),
      reports: () => reports,
    },
    nowSeconds: () => 0,
  })
  const { body } = await metrics.exposition()
  return body.split('\n').filter(line => line.startsWith('latchkey_guards_lacking{'))
}
const behind = serviceReport({ lacking: [{ lack: 'Behind', count: 2, pods: ['a', 'b'] }] })

it('a service is named while its guards lack something, with what, and guards of another release are counted', async () => {
  const versions = [
    { version: '999.0.0', count: 3 },
    { version, count: 4 },
  ]
  const mixed = serviceReport({ lacking: [{ lack: 'SliceTooLarge', count: 1, pods: ['c'] }], versions })
  const well = serviceReport({ versions: [{ version, count: 2 }] })
  expect(
    await lacking([
      ['shop/well', well],
      ['shop/orders', behind],
      ['shop/mixed', mixed],
    ]),
  ).toEqual([
    'latchkey_guards_lacking{guarded_service="shop/mixed",lack="SliceTooLarge"} 1',
    'latchkey_guards_lacking{guarded_service="shop/mixed",lack="OtherRelease"} 3',
    'latchkey_guards_lacking{guarded_service="shop/orders",lack="Behind"} 2',
  ])
})

it('a hundred services are named, the rest is counted together, so that an outage makes no thousands of series', async () => {
  const services = Array.from({ length: 1_000 }, (_, at) => `shop/s${String(at).padStart(3, '0')}`)
  const lines = await lacking(services.map(service => [service, behind] as const).toReversed())
  expect(lines).toHaveLength(101)
  expect(lines[0]).toContain('"shop/s000"')
  expect(lines.at(-1)).toBe('latchkey_guards_lacking{guarded_service="other",lack="Behind"} 1800')
})
