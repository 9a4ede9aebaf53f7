import { type Feature, features } from '../../core/rows/features.ts'
import type { Seen } from '../../core/rows/frames.ts'
import { addHash, emptyHash, removeHash } from '../../core/rows/hash.ts'
import { type Row, rowKey } from '../../core/rows/rows.ts'
import type { ChunkCache } from './frame-text.ts'
import { measureRow } from './measure-row.ts'
import type { SliceView } from './slice-view.ts'
import { createSliceViews, type OpenView } from './slice-views.ts'

/** The rows of one service, with what is needed to bring any guard from what it holds to what is here. */
export interface Slice extends Pick<SliceView, 'hash' | 'frameFor' | 'heartbeat'> {
  /** `namespace/name`. */
  readonly key: string
  rows(): Row[]
  /** The row now under this key. */
  row(key: string): Row | undefined
  /** Makes the rows equal to these. */
  replace(rows: Iterable<Row>): void
  apply(upsert: Iterable<Row>, remove: Iterable<string>): void
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
  readonly step: number
}

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
  const held = new Map<string, Held>()
  const removed = new Map<string, number>()
  const listeners = new Set<() => void>()
  let hash = emptyHash
  let step = 0
  let bytes = 0
  const views = createSliceViews(
    {
      hash: () => hash,
      bytes: () => bytes,
      step: () => step,
      rows: () => [...held.values()].map(({ row }) => row),
      rowsSince: from => [...held.values()].filter(row => row.step > from).map(({ row }) => row),
      removedSince: from => [...removed].filter(([, at]) => at > from).map(([id]) => id),
      seen: seenNow,
      now,
      cache,
    },
    table,
  )

  function put(row: Row): boolean {
    const id = rowKey(row)
    const old = held.get(id)
    if (old?.row === row) return false
    const fresh = measureRow(row)
    if (old?.hash === fresh.hash) return false
    if (old) hash = removeHash(hash, old.hash)
    hash = addHash(hash, fresh.hash)
    bytes += fresh.bytes - (old?.bytes ?? 0)
    held.set(id, { row, ...fresh, step: step + 1 })
    removed.delete(id)
    return true
  }

  function drop(id: string): boolean {
    const old = held.get(id)
    if (!old) return false
    hash = removeHash(hash, old.hash)
    bytes -= old.bytes
    held.delete(id)
    removed.set(id, step + 1)
    return true
  }

  function change(upsert: Iterable<Row>, remove: Iterable<string>): void {
    const changed = [...upsert].filter(put)
    const dropped = [...remove].filter(drop)
    if (changed.length === 0 && dropped.length === 0) return
    step++
    views.changed(changed, dropped)
    for (const listener of listeners) listener()
  }

  return {
    key,
    hash: () => hash,
    rows: () => [...held.values()].map(({ row }) => row),
    row: id => held.get(id)?.row,
    replace(rows) {
      const fresh = new Map<string, Row>()
      for (const row of rows) fresh.set(rowKey(row), row)
      const changed: Row[] = []
      let kept = 0
      for (const [id, row] of fresh) {
        const old = held.get(id)
        if (old) kept++
        if (old?.row !== row) changed.push(row)
      }
      // Nearly always nothing went, and nobody has to look for it.
      const gone = kept === held.size ? [] : [...held.keys()].filter(id => !fresh.has(id))
      change(changed, gone)
    },
    apply: change,
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
