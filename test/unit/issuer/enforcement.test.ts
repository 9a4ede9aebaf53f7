import { expect, test } from 'vitest'
import type { Held } from '../../../core/rows/frames.ts'
import { reportEnforcement } from '../../../issuer/enforcement/enforcement.ts'
import type { SliceView } from '../../../issuer/slices/slice-view.ts'
import type { TooLarge } from '../../../issuer/snapshots/guard-stream.ts'

const hash = 'a'.repeat(64)
const slice = { key: 'shop/orders', hash: () => hash }
const guard = (pod: string, held: Partial<Held['held']>, view: Partial<SliceView> = {}) => ({
  slice,
  view: { hash: () => hash, needs: () => undefined, ...view },
  holder: { pod: { namespace: 'shop', name: pod, uid: `uid-${pod}` } },
  held: () => ({ hash, ...held }),
  version: '0.2.0',
  isViewCurrent: () => true,
  tooLarge: () => undefined as TooLarge | undefined,
})

const report = (streams: unknown[]) =>
  reportEnforcement(
    { progress: () => ({}) } as never,
    { flush() {}, all: () => [slice], isCurrent: () => true } as never,
    streams as never,
  )

test('a guard is current when it holds what guards of its features hold, and what it needs is told', () => {
  const other = 'b'.repeat(64)
  const view = { hash: () => other, needs: () => '0.3.0' }
  const { slices } = report([guard('whole', {}), guard('older', { hash: other }, view), guard('behind', {}, view)])
  expect(slices['shop/orders']?.hash).toBe(hash)
  expect(slices['shop/orders']?.guards.map(({ pod, current, needs }) => [pod, current, needs])).toEqual([
    ['whole', true, undefined],
    ['older', true, '0.3.0'],
    ['behind', false, '0.3.0'],
  ])
  expect(slices['shop/orders']?.guards[0]).not.toHaveProperty('needs')
})

test('the release of a guard is passed on when it can be one, and why it is not sent the slice', () => {
  const releases = ['0.2.0', '0.2.0-rc.1+b7', '', '<b>', 'x'.repeat(65), 'a b']
  const streams = releases.map(version => ({ ...guard('a', {}), version }))
  const { slices } = report([...streams, { ...guard('small', {}), tooLarge: () => ({ memory: 1 }) }])
  const found = slices['shop/orders']?.guards ?? []
  expect(found.map(one => one.version)).toEqual([...releases.slice(0, 2), ...Array(4).fill(undefined), '0.2.0'])
  expect(found.map(one => one.tooLarge)).toEqual([...Array(6).fill(undefined), { memory: 1 }])
})

test('the report passes on what guards found: ways around them, and apps they do not reach', () => {
  const streams = [
    guard('well', {}),
    guard('open', { exposed: ['0.0.0.0:8080'], wouldDeny: 2 }),
    guard('silent', { notListening: '127.0.0.1:9999' }),
  ]
  const { slices } = report(streams)
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
