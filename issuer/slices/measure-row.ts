import { createHash } from 'node:crypto'
import { canonicalJson } from '../../core/base/canonical-json.ts'
import type { Steps } from '../../core/base/steps.ts'
import { rowMeasuring } from '../../core/rows/hash.ts'
import type { SentRow } from '../../core/rows/rows.ts'

interface Measured {
  /** As `rowHash`. */
  readonly hash: string
  readonly bytes: number
}

const measured = new WeakMap<SentRow, Measured>()

/** The same in steps, which are many where the row is long: afterwards it is known. */
export function* measuringRow(row: SentRow): Steps<Measured> {
  const known = measured.get(row)
  if (known) return known
  const { hash, bytes } = yield* rowMeasuring(row)
  const fresh = { hash, bytes: bytes + 1 }
  measured.set(row, fresh)
  return fresh
}

/** Hash and size of a row, from its text, which is made once for a row that many slices hold. */
export function measureRow(row: SentRow): Measured {
  const known = measured.get(row)
  if (known) return known
  const text = canonicalJson(row)
  const fresh = { hash: createHash('sha256').update(text).digest('hex'), bytes: Buffer.byteLength(text) + 1 }
  measured.set(row, fresh)
  return fresh
}
