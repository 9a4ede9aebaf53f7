import { expect, test } from 'vitest'
import { emptyHash, sliceHash } from '../../../../core/rows/hash.ts'
import type { Row } from '../../../../core/rows/rows.ts'
import { makingSnapshot, snapshotOfRows } from '../../../../core/snapshot/snapshot-of-rows.ts'
import { grantRow, roleRow, serviceRow, snapshotOf, usualRows } from '../fixture.ts'
import { createFollowed } from './builder.ts'

test('a whole slice makes the snapshot that its frames would', () => {
  const rows = usualRows() as Row[]
  const { mark: _, ...snapshot } = snapshotOfRows(rows) ?? { mark: {}, hash: emptyHash }
  const { mark: __, ...streamed } = snapshotOf(rows)
  expect(snapshot).toEqual(streamed)
  expect(snapshot.hash).toBe(sliceHash(rows))
})

test('without a service row it makes none', () => {
  expect(snapshotOfRows([roleRow('reader')])).toBeUndefined()
})

test('it is made in steps: at least one for each row, so that others get their turns', () => {
  const rows = [serviceRow(), ...Array.from({ length: 100 }, (_, index) => grantRow(`g${index}`, 'r'))]
  let steps = 0
  for (const _ of makingSnapshot(rows)) steps++
  expect(steps).toBeGreaterThanOrEqual(rows.length)
})

test('the rows held are gone through as they were at the call, whatever comes meanwhile', () => {
  const rows = usualRows() as Row[]
  const { change, eachRow } = createFollowed(rows)
  const each = eachRow()
  change([grantRow('late', 'reader')], ['role/reader'])
  const byHash = (of: Iterable<Row>) => [...of].map(row => sliceHash([row])).sort()
  expect(byHash(each)).toEqual(byHash(rows))
})
