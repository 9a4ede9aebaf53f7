import { expect, test } from 'vitest'
import { finish } from '../../../../core/base/steps.ts'
import { emptyHash, sliceHash } from '../../../../core/rows/hash.ts'
import type { Row } from '../../../../core/rows/rows.ts'
import { createSnapshotBuilder } from '../../../../core/snapshot/snapshot.ts'
import { makingSnapshot, snapshotOfRows } from '../../../../core/snapshot/snapshot-of-rows.ts'
import { clientRow, grantRow, keyRow, roleRow, serviceRow, snapshotOf, usualRows } from '../fixture.ts'
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

test('a client with a thousand keys is exchanged in many steps', () => {
  const keys = Array.from({ length: 1_000 }, (_, at) => keyRow(undefined, { kid: `kid-${at}` }))
  const [before, after] = [clientRow({ keys }), clientRow({ keys: keys.slice(1) })]
  const builder = createSnapshotBuilder()
  const rows = [serviceRow(), before]
  finish(builder.applying({ full: { rows }, seen: {}, hash: sliceHash(rows) }))
  const hash = sliceHash([serviceRow(), after])
  let steps = 0
  for (const _ of builder.applying({ delta: { upsert: [after], remove: [] }, seen: {}, hash })) steps++
  expect(steps).toBeGreaterThan(2 * 15)
  expect(builder.hash()).toBe(hash)
})

test('the rows held are gone through as they were at the call, whatever comes meanwhile', () => {
  const rows = usualRows() as Row[]
  const { change, eachRow } = createFollowed(rows)
  const each = eachRow()
  change([grantRow('late', 'reader')], ['role/reader'])
  const byHash = (of: Iterable<Row>) => [...of].map(row => sliceHash([row])).sort()
  expect(byHash(each)).toEqual(byHash(rows))
})
