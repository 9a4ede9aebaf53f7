import { sliceHash } from '../../../../core/rows/hash.ts'
import { type Row, rowKey } from '../../../../core/rows/rows.ts'
import { createSnapshotBuilder, type Snapshot } from '../../../../core/snapshot/snapshot.ts'

/** A guard's policy that is sent change by change, as rows that come and keys that go. */
export function createFollowed(rows: readonly Row[]): {
  change(upsert: readonly Row[], remove?: readonly string[]): Snapshot
  eachRow(): Iterable<Row>
} {
  const builder = createSnapshotBuilder()
  const held = new Map<string, Row>()
  const change = (upsert: readonly Row[], remove: readonly string[] = []): Snapshot => {
    for (const key of remove) held.delete(key)
    for (const row of upsert) held.set(rowKey(row), row)
    builder.apply({ delta: { upsert, remove }, seen: {}, hash: sliceHash(held.values()) })
    const snapshot = builder.snapshot()
    if (!snapshot) throw new Error('the rows of this test make no snapshot')
    return snapshot
  }
  change(rows)
  return { change, eachRow: builder.eachRow }
}
