import type { Frame, Hello, Seen } from '../core/snapshot/frames.ts'
import { addHash, emptyHash, removeHash, rowHash } from '../core/snapshot/hash.ts'
import { type Row, rowKey } from '../core/snapshot/rows.ts'
import { dominates } from '../core/snapshot/seen.ts'

/** How long a removed row is remembered, in milliseconds. */
export const tombstoneMs = 600_000

/** The rows of one service, with what is needed to bring any guard from what it holds to what is here. */
export interface Slice {
  /** `namespace/name`. */
  readonly key: string
  hash(): string
  rows(): Row[]
  /** The row now under this key. */
  row(key: string): Row | undefined
  /** Makes the rows equal to these. Listeners are told when anything differs. */
  replace(rows: Iterable<Row>): void
  /** Changes some rows. Listeners are told when anything differs. */
  apply(upsert: Iterable<Row>, remove: Iterable<string>): void
  /** First frame for a guard, as a line: all rows, or what changed since. */
  opening(hello: Hello['hello']): string
  heartbeat(): string
  /** Calls back with each later frame, as a line. @returns a function that ends it */
  subscribe(listener: (line: string) => void): () => void
  /** Forgets removed rows after their time. @param now monotonic ms */
  prune(now: number): void
}

interface HeldRow {
  readonly row: Row
  readonly hash: string
  /** What had been seen when the row became what it is. */
  readonly since: Seen
}

const hashes = new WeakMap<Row, string>()

/**
 * @param seenNow what the objects include that the rows were made of
 * @param now monotonic milliseconds
 */
export function createSlice(key: string, seenNow: () => Seen, now: () => number): Slice {
  const held = new Map<string, HeldRow>()
  const tombstones = new Map<string, { since: Seen; at: number }>()
  const listeners = new Set<(line: string) => void>()
  let hash = emptyHash
  // A guard that has seen less may hold rows that are gone without a trace here.
  let horizon = seenNow()
  let rowsText: string | undefined

  function put(row: Row, seen: Seen): boolean {
    const rowId = rowKey(row)
    const old = held.get(rowId)
    if (old?.row === row) return false
    const fresh = hashOf(row)
    if (old?.hash === fresh) return false
    if (old) hash = removeHash(hash, old.hash)
    hash = addHash(hash, fresh)
    held.set(rowId, { row, hash: fresh, since: seen })
    tombstones.delete(rowId)
    return true
  }

  function drop(rowId: string, seen: Seen): boolean {
    const old = held.get(rowId)
    if (!old) return false
    hash = removeHash(hash, old.hash)
    held.delete(rowId)
    tombstones.set(rowId, { since: seen, at: now() })
    return true
  }

  function change(upsert: Iterable<Row>, remove: Iterable<string>): void {
    const seen = seenNow()
    const changed = [...upsert].filter(row => put(row, seen))
    const dropped = [...remove].filter(id => drop(id, seen))
    if (changed.length === 0 && dropped.length === 0) return
    rowsText = undefined
    const frame = line({ delta: { upsert: changed, remove: dropped }, seen, hash })
    for (const listener of listeners) listener(frame)
  }

  function since(guard: Seen): string {
    const known = new Map<Seen, boolean>()
    const has = (version: Seen): boolean => {
      const found = known.get(version) ?? dominates(guard, version)
      known.set(version, found)
      return found
    }
    // The cluster's keys have no version to compare, so they come along.
    const upsert = [...held.values()].filter(({ row, since }) => row.type === 'cluster' || !has(since))
    const remove = [...tombstones].filter(([, { since }]) => !has(since))
    const delta = { upsert: upsert.map(({ row }) => row), remove: remove.map(([id]) => id) }
    return line({ delta, seen: seenNow(), hash })
  }

  return {
    key,
    hash: () => hash,
    rows: () => [...held.values()].map(({ row }) => row),
    row: id => held.get(id)?.row,
    replace(rows) {
      const fresh = new Map([...rows].map(row => [rowKey(row), row]))
      change(
        fresh.values(),
        [...held.keys()].filter(id => !fresh.has(id)),
      )
    },
    apply: change,
    opening(hello) {
      if (hello.hash === hash) return line({ delta: { upsert: [], remove: [] }, seen: seenNow(), hash })
      if (hello.hash !== undefined && hello.seen && dominates(hello.seen, horizon)) return since(hello.seen)
      // Made once for all guards that come: after a restart they come together.
      rowsText ??= JSON.stringify([...held.values()].map(({ row }) => row))
      return `{"full":{"rows":${rowsText}},"seen":${JSON.stringify(seenNow())},"hash":"${hash}"}\n`
    },
    heartbeat: () => line({ heartbeat: true, seen: seenNow(), hash }),
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    prune(time) {
      for (const [id, { since, at }] of tombstones) {
        if (time - at < tombstoneMs) continue
        tombstones.delete(id)
        // `since` of later tombstones dominates this one: what was seen only grows.
        if (dominates(since, horizon)) horizon = since
      }
    },
  }
}

function hashOf(row: Row): string {
  const known = hashes.get(row)
  if (known !== undefined) return known
  const hash = rowHash(row)
  hashes.set(row, hash)
  return hash
}

/** One frame as a line of NDJSON. */
export function line(frame: Frame): string {
  return `${JSON.stringify(frame)}\n`
}
