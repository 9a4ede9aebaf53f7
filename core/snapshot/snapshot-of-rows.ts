import { sliceHash } from './hash.ts'
import type { Row } from './rows.ts'
import { createSnapshotBuilder, type Snapshot } from './snapshot.ts'

/** The snapshot of a whole slice that came from no stream; undefined without a service row. */
export function snapshotOfRows(rows: readonly Row[]): Snapshot | undefined {
  const builder = createSnapshotBuilder()
  builder.apply({ full: { rows }, seen: {}, hash: sliceHash(rows) })
  return builder.snapshot()
}
