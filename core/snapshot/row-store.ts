import { editMap, emptyMap, type SharedMap } from '../base/shared-map.ts'
import type { Steps } from '../base/steps.ts'
import { emptyHash, startSum } from '../rows/hash.ts'
import { parseRow } from '../rows/parse-row.ts'
import { type Row, rowKey } from '../rows/rows.ts'

/** A row as it came, and as it is understood. */
export interface StoredRow {
  readonly key: string
  /** What is hashed, stored and handed on, also by versions that do not understand it. */
  readonly value: unknown
  /** Absent when this version does not know all of it. */
  readonly row: Row | undefined
}

export interface RowStore {
  readonly rows: SharedMap<StoredRow>
  readonly hash: string
  readonly unsupported: ReadonlySet<string>
}

export interface RowChange {
  readonly key: string
  readonly before: StoredRow | undefined
  readonly after: StoredRow | undefined
}

export const emptyStore: RowStore = { rows: emptyMap(), hash: emptyHash, unsupported: new Set() }

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
    if (before) sum.remove(before.value)
    if (row) sum.add(row.value)
    if (before || row) changes.push({ key, before, after: row })
    yield
  }
  const hash = sum.hash()
  return { store: { rows: edit.finish(), hash, unsupported: unsupportedAfter(store.unsupported, changes) }, changes }
}

function storedRow(value: unknown): StoredRow {
  const row = parseRow(value)
  return 'unsupported' in row ? { key: row.unsupported, value, row: undefined } : { key: rowKey(row), value, row }
}

function unsupportedAfter(unsupported: ReadonlySet<string>, changes: readonly RowChange[]): ReadonlySet<string> {
  const next = new Set(unsupported)
  for (const { key, after } of changes) {
    if (after && !after.row) next.add(key)
    else next.delete(key)
  }
  return next
}
