import { expect, test } from 'vitest'
import { changeHash, sliceHash } from '../../../../core/rows/hash.ts'
import type { RouteRow, Row } from '../../../../core/rows/rows.ts'
import type { FullFrame } from '../../../../core/snapshot/snapshot.ts'
import { createSnapshotBuilder } from '../../../../core/snapshot/snapshot.ts'
import { clientRow, grantRow, roleRow, serviceRow } from '../fixture.ts'

const count = 2_000
const numbers = Array.from({ length: count }, (_, number) => number)
const routes = numbers.map(
  (number): RouteRow => ({ name: `r${number}`, path: `/r/${number}/{id}`, methods: ['GET'], variants: 'Refuse' }),
)
const paths = numbers.slice(0, 64).map(number => `/r/${number}/{id}`)
const wide: Row[] = [
  serviceRow({ routes }),
  ...numbers.slice(0, 100).map(number => roleRow(`role-${number}`, { methods: ['GET'], paths })),
  ...numbers.slice(0, 100).map(number => grantRow(`grant-${number}`, `role-${number}`)),
  clientRow(),
]
const frame: FullFrame = { full: { rows: wide }, seen: {}, hash: sliceHash(wide) }

test('S07 a large policy is compiled in many steps, none of which is of many templates', () => {
  const steps = createSnapshotBuilder().applying(frame)
  let taken = 1
  while (!steps.next().done) taken++
  const templates = routes.length + 100 * paths.length
  expect(taken).toBeGreaterThan(templates / 16)
})

test('S07 what was held stays in force until the last step of a change, and whole', () => {
  const builder = createSnapshotBuilder()
  const before = [serviceRow(), roleRow('role-0'), clientRow()]
  builder.apply({ full: { rows: before }, seen: {}, hash: sliceHash(before) })
  const held = builder.snapshot()
  const steps = builder.applying(frame)
  for (let step = steps.next(); !step.done; step = steps.next()) expect(builder.snapshot()).toBe(held)
  expect(builder.snapshot()?.hash).toBe(frame.hash)
  expect(builder.snapshot()?.policy?.roles.size).toBe(100)
})

test('a client that changed costs few steps, however large the policy', () => {
  const builder = createSnapshotBuilder()
  builder.apply(frame)
  const changed = { ...clientRow(), suspended: true }
  const hash = changeHash(frame.hash, [clientRow()], [changed])
  const steps = builder.applying({ delta: { upsert: [changed], remove: [] }, seen: {}, hash })
  let taken = 1
  while (!steps.next().done) taken++
  expect(taken).toBeLessThan(10)
  expect(builder.hash()).toBe(hash)
})
