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
 * @returns undefined when not even the service itself fits
 */
export function reduceRows(sized: readonly SizedRow[], maxBytes: number): ReducedRows | undefined {
  let left = sized.reduce((sum, { bytes }) => sum + bytes, 0)
  const out = new Set<Row>()
  const clients: ClientRow[] = []
  for (const type of leftOut) {
    if (left <= maxBytes) break
    for (const { row, bytes } of sized.filter(({ row }) => row.type === type).sort(largestFirst)) {
      if (left <= maxBytes) break
      left -= bytes
      out.add(row)
      if (row.type === 'client') clients.push(row)
    }
  }
  if (left > maxBytes) return undefined
  return { rows: sized.flatMap(({ row }) => (out.has(row) ? [] : [row])), clients }
}

function largestFirst(a: SizedRow, b: SizedRow): number {
  return b.bytes - a.bytes || ageOf(b.row) - ageOf(a.row) || (rowKey(a.row) < rowKey(b.row) ? -1 : 1)
}

function ageOf(row: Row): number {
  return row.type === 'client' ? row.createdAt : 0
}
