import { finish, type Steps } from '../base/steps.ts'
import { emptyHash, rowHashing, startSum } from '../rows/hash.ts'
import type { Row } from '../rows/rows.ts'
import { createSnapshotBuilder, type Snapshot } from './snapshot.ts'

/** The snapshot of a whole slice that came from no stream; undefined without a service row. */
export function snapshotOfRows(rows: readonly Row[]): Snapshot | undefined {
  return finish(makingSnapshot(rows))
}

/** The same in steps. */
export function* makingSnapshot(rows: readonly Row[]): Steps<Snapshot | undefined> {
  const sum = startSum(emptyHash)
  for (const row of rows) {
    sum.addHash(yield* rowHashing(row))
    yield
  }
  const builder = createSnapshotBuilder()
  yield* builder.applying({ full: { rows }, seen: {}, hash: sum.hash() })
  return builder.snapshot()
}
