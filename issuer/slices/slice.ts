import { everyNth, finish, type Steps } from '../../core/base/steps.ts'
import { type Feature, features } from '../../core/rows/features.ts'
import type { Seen } from '../../core/rows/frames.ts'
import { emptyHash, type HashSum, startSum } from '../../core/rows/hash.ts'
import { type Row, rowKey } from '../../core/rows/rows.ts'
import type { ChunkCache } from '../snapshots/frame-text.ts'
import { measureRow, measuringRow } from './measure-row.ts'
import type { SliceView } from './slice-view.ts'
import { createSliceViews, type OpenView } from './slice-views.ts'

/** The rows of one service, with what is needed to bring any guard from what it holds to what is here. */
export interface Slice extends Pick<SliceView, 'hash' | 'frameFor' | 'heartbeat'> {
  /** `namespace/name`. */
  readonly key: string
  rows(): Row[]
  /** The row now under this key. */
  row(key: string): Row | undefined
  /**
   * Makes the rows equal to those that are being made, in steps; one at a time.
   * @returns what carries it out, in one piece that is short unless everything changed. Until then all is as it was.
   */
  replacing(making: Steps<Iterable<Row>>): Steps<() => void>
  /** The same at once. */
  replace(rows: Iterable<Row>): void
  /** Puts rows in place of those with their keys, at once, and in place of those that are being made. */
  renew(rows: Iterable<Row>): void
  /** Bytes of all rows as JSON, nearly. */
  bytes(): number
  /** The slice as a guard with these features is told it; without features it is this one. */
  open(features: readonly string[]): OpenView
  /** Calls back when anything differs. @returns a function that ends it */
  subscribe(listener: () => void): () => void
  /** Forgets old states. @param now monotonic ms */
  prune(now: number): void
}

interface Held {
  readonly row: Row
  readonly hash: string
  readonly bytes: number
  /** Which change brought it. */
  readonly change: Change
}

/** All rows that came at one time. */
interface Change {
  /** Known when it is carried out. */
  step: number
}

/** Rows that are measured and compared in one step. */
const rowsInStep = 64

/**
 * @param seenNow what the objects include that the rows were made of
 * @param now monotonic milliseconds
 * @param table what rows may say that guards of earlier releases do not know
 */
export function createSlice(
  key: string,
  seenNow: () => Seen,
  now: () => number,
  cache: ChunkCache,
  table: readonly Feature[] = features,
): Slice {
  let held = new Map<string, Held>()
  const removed = new Map<string, number>()
  const listeners = new Set<() => void>()
  let hash = emptyHash
  let step = 0
  let bytes = 0
  // Rows that came since the next ones are being made, by their keys.
  let renewed: Map<string, Row> | undefined
  const views = createSliceViews(
    {
      hash: () => hash,
      bytes: () => bytes,
      step: () => step,
      rows: () => [...held.values()].map(({ row }) => row),
      rowsSince: from => [...held.values()].filter(row => row.change.step > from).map(({ row }) => row),
      removedSince: from => [...removed].filter(([, at]) => at > from).map(([id]) => id),
      seen: seenNow,
      now,
      cache,
    },
    table,
  )

  /** What is held already, when it says the same. */
  function heldAs(row: Row, old: Held | undefined, change: Change): Held {
    if (old?.row === row) return old
    const fresh = measureRow(row)
    return old?.hash === fresh.hash ? old : { row, ...fresh, change }
  }

  /** The rows are as they shall be; now they are told. */
  function conclude(change: Change, sum: HashSum, rows: readonly Row[], gone: readonly string[]): void {
    change.step = ++step
    hash = sum.hash()
    views.changed(rows, gone)
    for (const listener of listeners) listener()
  }

  function renew(rows: Iterable<Row>): void {
    const change = { step: 0 }
    const sum = startSum(hash)
    const changed: Row[] = []
    for (const row of rows) {
      const id = rowKey(row)
      renewed?.set(id, row)
      const old = held.get(id)
      const fresh = old && heldAs(row, old, change)
      if (!fresh || fresh === old) continue
      sum.removeHash(old.hash)
      sum.addHash(fresh.hash)
      bytes += fresh.bytes - old.bytes
      held.set(id, fresh)
      changed.push(row)
    }
    if (changed.length > 0) conclude(change, sum, changed, [])
  }

  function* replacing(making: Steps<Iterable<Row>>): Steps<() => void> {
    const mine = new Map<string, Row>()
    renewed = mine
    const change = { step: 0 }
    const isDue = everyNth(rowsInStep)
    const next = new Map<string, Held>()
    for (const row of yield* making) {
      const id = rowKey(row)
      if (held.get(id)?.row !== row) yield* measuringRow(row)
      next.set(id, heldAs(row, held.get(id), change))
      if (isDue()) yield
    }
    const sum = startSum(emptyHash)
    const changed = new Map<string, Row>()
    let size = 0
    let kept = 0
    for (const [id, one] of next) {
      const old = held.get(id)
      if (old) kept++
      if (old !== one) changed.set(id, one.row)
      sum.addHash(one.hash)
      size += one.bytes
      if (isDue()) yield
    }
    const gone: string[] = []
    // Nearly always nothing went, and nobody has to look for it.
    for (const id of kept === held.size ? [] : held.keys()) {
      if (!next.has(id)) gone.push(id)
      if (isDue()) yield
    }
    return () => {
      for (const [id, row] of mine) {
        const made = next.get(id)
        if (!made) continue
        const old = held.get(id)
        const one = heldAs(row, old, change)
        sum.removeHash(made.hash)
        sum.addHash(one.hash)
        size += one.bytes - made.bytes
        next.set(id, one)
        if (one === old) changed.delete(id)
        else changed.set(id, row)
      }
      renewed = undefined
      if (changed.size === 0 && gone.length === 0) return
      held = next
      bytes = size
      for (const id of gone) removed.set(id, step + 1)
      if (removed.size > gone.length) for (const id of changed.keys()) removed.delete(id)
      conclude(change, sum, [...changed.values()], gone)
    }
  }

  return {
    key,
    hash: () => hash,
    rows: () => [...held.values()].map(({ row }) => row),
    row: id => held.get(id)?.row,
    replacing,
    replace: rows => finish(replacing(asSteps(rows)))(),
    renew,
    bytes: () => bytes,
    frameFor: views.whole.frameFor,
    heartbeat: views.whole.heartbeat,
    open: views.open,
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    prune(time) {
      const oldest = views.prune(time)
      for (const [id, at] of removed) if (at <= oldest) removed.delete(id)
    },
  }
}

// biome-ignore lint/correctness/useYield: there is nothing to do.
function* asSteps<T>(value: T): Steps<T> {
  return value
}
