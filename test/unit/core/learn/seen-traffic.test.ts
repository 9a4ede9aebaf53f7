import { describe, expect, test } from 'vitest'
import type { AuditEntry } from '../../../../core/audit/audit-entry.ts'
import { type Reason, reasons } from '../../../../core/base/reasons.ts'
import { createSeenTraffic } from '../../../../core/learn/seen-traffic.ts'

const entry = (change: Partial<AuditEntry> = {}): AuditEntry => ({
  v: 1,
  time: '2026-11-25T10:00:00.000Z',
  decision: 'deny',
  reason: 'not_granted',
  missing: 'GET /orders/7',
  revision: 'abc',
  client: 'checkout/checkout',
  method: 'GET',
  path: '/orders/7',
  service: 'shop/orders',
  requestId: 'r',
  peer: '10.0.0.1',
  durationMs: 1,
  ...change,
})

function read(...lines: (string | AuditEntry)[]) {
  const traffic = createSeenTraffic('shop/orders')
  for (const line of lines) traffic.add(typeof line === 'string' ? line : JSON.stringify(line))
  return traffic
}

describe('audit lines', () => {
  test('of denied calls, and of those that audit mode let through, are added up by client, method and path', () => {
    const traffic = read(
      entry(),
      entry({ decision: 'allow', wouldDeny: true, time: '2026-11-25T11:00:00.000Z' }),
      entry({ client: 'other/one' }),
    )
    expect(traffic.denied()).toMatchObject([
      { client: 'checkout/checkout', path: '/orders/7', calls: 2, lastSeen: '2026-11-25T11:00:00.000Z' },
      { client: 'other/one', calls: 1 },
    ])
    expect(traffic.leftOut()).toEqual([])
  })

  test('are found behind the prefix of kubectl logs, among other lines of the container', () => {
    const traffic = read(`[pod/orders-1/latchkey-guard] ${JSON.stringify(entry())}`, '{"level":"info"}', 'nonsense', '')
    expect([traffic.denied().length, traffic.passedOver()]).toEqual([1, 3])
  })

  test.each<[string, object]>([
    ['of another version', { v: 2 }],
    ['of another service', { service: 'shop/other' }],
    ['with a reason nobody knows', { reason: 'because' }],
    ['with members of another type', { path: 7 }],
    ['with a time that ends a comment', { time: '2026\nx: y' }],
  ])('%s are passed over', (_, change) => {
    const traffic = read(JSON.stringify({ ...entry(), ...change }))
    expect([traffic.denied(), traffic.passedOver()]).toEqual([[], 1])
  })

  test('that allowed are counted', () => {
    expect(read(entry({ decision: 'allow', reason: 'granted' })).allowed()).toBe(1)
  })
})

describe('nothing is proposed for', () => {
  const others = (Object.keys(reasons) as Reason[]).filter(
    reason => reason !== 'not_granted' && reasons[reason].status !== 200,
  )
  test.each(others)('%s, and it is said why', reason => {
    const traffic = read(entry({ reason }), entry({ reason, decision: 'allow', wouldDeny: true }))
    expect(traffic.denied()).toEqual([])
    expect(traffic.leftOut()).toMatchObject([{ why: expect.stringContaining(reason), calls: 2 }])
  })

  test('a caller that proved nothing, whatever the line says of the call', () => {
    const { client: _, ...stranger } = entry()
    const traffic = read(stranger as AuditEntry)
    expect(traffic.denied()).toEqual([])
    expect(traffic.leftOut()).toMatchObject([{ why: 'nobody was proved' }])
  })

  test('what cannot be told as a whole', () => {
    const traffic = read(entry({ path: `/${'x'.repeat(1_023)}` }), entry({ client: 'a/b\n# c' }))
    expect(traffic.denied()).toEqual([])
    expect(traffic.leftOut()).toHaveLength(2)
  })
})
