import { expect, test } from 'vitest'
import type { Held } from '../../../core/rows/frames.ts'
import { reportEnforcement } from '../../../issuer/enforcement/enforcement.ts'

const hash = 'a'.repeat(64)
const slice = { key: 'shop/orders', hash: () => hash }
const guard = (pod: string, held: Partial<Held['held']>) => ({
  slice,
  holder: { pod: { namespace: 'shop', name: pod, uid: `uid-${pod}` } },
  held: () => ({ hash, ...held }),
})

test('the report passes on what guards found: ways around them, and apps they do not reach', () => {
  const streams = [
    guard('well', {}),
    guard('open', { exposed: ['0.0.0.0:8080'], wouldDeny: 2 }),
    guard('silent', { notListening: '127.0.0.1:9999' }),
  ]
  const { slices } = reportEnforcement(
    { progress: () => ({}) } as never,
    { flush() {}, all: () => [slice], isCurrent: () => true } as never,
    streams as never,
  )
  const found = slices['shop/orders']?.guards.map(({ pod, exposed, wouldDeny, notListening }) => [
    pod,
    exposed,
    wouldDeny,
    notListening,
  ])
  expect(found).toEqual([
    ['well', [], 0, undefined],
    ['open', ['0.0.0.0:8080'], 2, undefined],
    ['silent', [], 0, '127.0.0.1:9999'],
  ])
  expect(slices['shop/orders']?.guards[0]).not.toHaveProperty('notListening')
})

test('no guard counts as current while something waits to be put into its slice', () => {
  const { slices } = reportEnforcement(
    { progress: () => ({}) } as never,
    { flush() {}, all: () => [slice], isCurrent: () => false } as never,
    [guard('well', {})] as never,
  )
  expect(slices['shop/orders']).toMatchObject({ hash, guards: [{ hash, current: false }] })
})
