import type { Frame, Hello, Seen } from '../core/snapshot/frames.ts'
import { addHash, emptyHash, removeHash, rowHash } from '../core/snapshot/hash.ts'
import { type Row, rowKey } from '../core/snapshot/rows.ts'

/** How long a guard that held an earlier state gets only what changed since, in milliseconds. */
export const historyMs = 600_000
/** States that are remembered at most. */
const historyLength = 4_096

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
  /** First frame for a guard, as a line: all rows, or what changed since it held what it holds. */
  opening(hello: Hello['hello']): string
  heartbeat(): string
  /** Calls back with each later frame, as a line. @returns a function that ends it */
  subscribe(listener: (line: string) => void): () => void
  /** Forgets old states. @param now monotonic ms */
  prune(now: number): void
}

const hashes = new WeakMap<Row, string>()

/**
 * @param seenNow what the objects include that the rows were made of
 * @param now monotonic milliseconds
 */
export function createSlice(key: string, seenNow: () => Seen, now: () => number): Slice {
  const held = new Map<string, { readonly row: Row; readonly hash: string; readonly step: number }>()
  const removed = new Map<string, number>()
  // The content hash is the state: a guard that holds one of these holds what was here after that step, whichever
  // replica it came from. A state that never was here, because the other replica joined changes another way, gets all.
  const history = new Map<string, { readonly step: number; readonly at: number }>()
  const listeners = new Set<(line: string) => void>()
  let hash = emptyHash
  let step = 0
  let rowsText: string | undefined
  remember()

  function remember(): void {
    history.delete(hash)
    history.set(hash, { step, at: now() })
  }

  function put(row: Row): boolean {
    const id = rowKey(row)
    const old = held.get(id)
    if (old?.row === row) return false
    const fresh = hashOf(row)
    if (old?.hash === fresh) return false
    if (old) hash = removeHash(hash, old.hash)
    hash = addHash(hash, fresh)
    held.set(id, { row, hash: fresh, step: step + 1 })
    removed.delete(id)
    return true
  }

  function drop(id: string): boolean {
    const old = held.get(id)
    if (!old) return false
    hash = removeHash(hash, old.hash)
    held.delete(id)
    removed.set(id, step + 1)
    return true
  }

  function change(upsert: Iterable<Row>, remove: Iterable<string>): void {
    const changed = [...upsert].filter(put)
    const dropped = [...remove].filter(drop)
    if (changed.length === 0 && dropped.length === 0) return
    step++
    remember()
    rowsText = undefined
    const frame = delta(changed, dropped)
    for (const listener of listeners) listener(frame)
  }

  function delta(upsert: readonly Row[], remove: readonly string[]): string {
    return line({ delta: { upsert, remove }, seen: seenNow(), hash })
  }

  function since(from: number): string {
    const upsert = [...held.values()].filter(row => row.step > from).map(({ row }) => row)
    return delta(
      upsert,
      [...removed].filter(([, at]) => at > from).map(([id]) => id),
    )
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
      const known = hello.hash === undefined ? undefined : history.get(hello.hash)
      if (known) return since(known.step)
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
      for (const [state, { at }] of history) {
        if (state === hash || (time - at < historyMs && history.size <= historyLength)) break
        history.delete(state)
      }
      const [oldest] = history.values()
      for (const [id, at] of removed) if (at <= (oldest?.step ?? step)) removed.delete(id)
    },
  }
}

function hashOf(row: Row): string {
  const known = hashes.get(row) ?? rowHash(row)
  hashes.set(row, known)
  return known
}

/** One frame as a line of NDJSON. */
export function line(frame: Frame): string {
  return `${JSON.stringify(frame)}\n`
}
