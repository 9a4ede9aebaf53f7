import { everyNth, type Steps } from '../base/steps.ts'
import { type ClientRow, type Row, rowKey } from './rows.ts'

/** A row with its size as JSON, bytes. */
export interface SizedRow {
  readonly row: Row
  readonly bytes: number
}

export interface ReducedRows {
  readonly rows: readonly Row[]
  /** Those that are left out, the largest first: whoever they are is refused. */
  readonly clients: readonly ClientRow[]
}

/** What is left out first. Each only allows: without it less is let in, and nothing more. */
const leftOut = ['client', 'grant', 'role'] as const

/**
 * As much of a slice as fits: the largest clients go first, the newest of equal ones, so that who makes a slice too large
 * is the one who is refused; then, where that is not enough, grants and roles in the same way. The same rows give the same.
 * In steps: of many rows nearly all are only counted.
 * @returns undefined when not even the service itself fits
 */
export function* reducingRows(sized: Iterable<SizedRow>, maxBytes: number): Steps<ReducedRows | undefined> {
  const isDue = everyNth(rowsInStep)
  const bySize = { client: new Map<number, Row[]>(), grant: new Map<number, Row[]>(), role: new Map<number, Row[]>() }
  const all: Row[] = []
  let left = 0
  for (const { row, bytes } of sized) {
    all.push(row)
    left += bytes
    if (row.type !== 'service' && row.type !== 'cluster') put(bySize[row.type], bytes, row)
    if (isDue()) yield
  }
  const out = new Set<Row>()
  for (const type of leftOut) {
    for (const [bytes, rows] of [...bySize[type]].sort(([a], [b]) => b - a)) {
      const due = Math.min(rows.length, Math.ceil((left - maxBytes) / bytes))
      if (due <= 0) break
      for (const row of due < rows.length ? rows.sort(newestFirst).slice(0, due) : rows) {
        out.add(row)
        if (isDue()) yield
      }
      left -= due * bytes
    }
  }
  if (left > maxBytes) return undefined
  const rows: Row[] = []
  for (const row of all) {
    if (!out.has(row)) rows.push(row)
    if (isDue()) yield
  }
  return { rows, clients: [...out].flatMap(row => (row.type === 'client' ? [row] : [])) }
}

/** Rows that are looked at in one step. */
const rowsInStep = 1_024

function put(lists: Map<number, Row[]>, bytes: number, row: Row): void {
  const list = lists.get(bytes)
  if (list) list.push(row)
  else lists.set(bytes, [row])
}

function newestFirst(a: Row, b: Row): number {
  if (a.type === 'client' && b.type === 'client') return b.createdAt - a.createdAt || (a.clientId < b.clientId ? -1 : 1)
  return rowKey(a) < rowKey(b) ? -1 : 1
}
