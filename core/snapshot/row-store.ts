import { editMap, emptyMap, type SharedMap } from '../base/shared-map.ts'
import type { Steps } from '../base/steps.ts'
import { emptyHash, rowHashing, startSum } from '../rows/hash.ts'
import { parseRow } from '../rows/parse-row.ts'
import { type Row, rowKey } from '../rows/rows.ts'

/** A row as it came, and as it is understood. */
export interface StoredRow {
  readonly key: string
  /** What is hashed, stored and handed on, also by versions that do not understand it. */
  readonly value: unknown
  /** Absent when this version does not know all of it. */
  readonly row: Row | undefined
  /** The release that knows all of it, where the row says so: it may be understood but for what was left out. */
  readonly needs: string | undefined
}

export interface RowStore {
  readonly rows: SharedMap<StoredRow>
  readonly hash: string
  /** Keys of rows that are not known as a whole, with the release that knows them, where they say so. */
  readonly unsupported: ReadonlyMap<string, string | undefined>
}

export interface RowChange {
  readonly key: string
  readonly before: StoredRow | undefined
  readonly after: StoredRow | undefined
}

export const emptyStore: RowStore = { rows: emptyMap(), hash: emptyHash, unsupported: new Map() }

/** The store with these rows in and those keys out, and what changed by that, each key once. */
export function* updateRows(
  store: RowStore,
  upsert: readonly unknown[],
  remove: readonly string[],
): Steps<{ readonly store: RowStore; readonly changes: readonly RowChange[] }> {
  const after = new Map<string, StoredRow | undefined>()
  for (const key of remove) after.set(key, undefined)
  for (const value of upsert) {
    const stored = storedRow(value)
    after.set(stored.key, stored)
    yield
  }
  const edit = editMap(store.rows)
  const changes: RowChange[] = []
  const sum = startSum(store.hash)
  for (const [key, row] of after) {
    const before = edit.get(key)
    if (row) edit.set(key, row)
    else edit.delete(key)
    if (before) sum.removeHash(yield* rowHashing(before.value))
    if (row) sum.addHash(yield* rowHashing(row.value))
    if (before || row) changes.push({ key, before, after: row })
    yield
  }
  const hash = sum.hash()
  return { store: { rows: edit.finish(), hash, unsupported: unsupportedAfter(store.unsupported, changes) }, changes }
}

function storedRow(value: unknown): StoredRow {
  const row = parseRow(value)
  if ('unsupported' in row) return { key: row.unsupported, value, row: undefined, needs: row.needs }
  return { key: rowKey(row), value, row, needs: 'needs' in row ? row.needs : undefined }
}

function unsupportedAfter(
  unsupported: RowStore['unsupported'],
  changes: readonly RowChange[],
): RowStore['unsupported'] {
  const next = new Map(unsupported)
  for (const { key, after } of changes) {
    if (after && (!after.row || after.needs !== undefined)) next.set(key, after.needs)
    else next.delete(key)
  }
  return next
}
