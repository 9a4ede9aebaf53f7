import type { Frame, Seen } from '../../core/rows/frames.ts'
import { addHash, emptyHash, removeHash } from '../../core/rows/hash.ts'
import { type Row, rowKey } from '../../core/rows/rows.ts'
import { dominates } from '../../core/rows/seen.ts'
import { type ChunkCache, createFrameText, type FrameText } from './frame-text.ts'
import { measureRow } from './measure-row.ts'

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
  /** Makes the rows equal to these. */
  replace(rows: Iterable<Row>): void
  apply(upsert: Iterable<Row>, remove: Iterable<string>): void
  /** Bytes of all rows as JSON, nearly. */
  bytes(): number
  /**
   * The next frame for a guard: all rows, or what changed since it held what it holds. All rows may be those of a moment
   * ago, after which the guard asks again.
   */
  frameFor(guard: { readonly hash?: string | undefined; readonly seen?: Seen | undefined }): FrameText
  heartbeat(): string
  /** Calls back when anything differs. @returns a function that ends it */
  subscribe(listener: () => void): () => void
  /** Forgets old states. @param now monotonic ms */
  prune(now: number): void
}

/** How long the text of all rows of a large slice is sent to guards that come, who then get what changed meanwhile. */
const fullTextMs = 10_000
/** From this size on sending takes so long that changes come meanwhile anyway. */
const largeBytes = 1_048_576

interface Held {
  readonly row: Row
  readonly hash: string
  readonly bytes: number
  readonly step: number
}

/**
 * @param seenNow what the objects include that the rows were made of
 * @param now monotonic milliseconds
 */
export function createSlice(key: string, seenNow: () => Seen, now: () => number, cache: ChunkCache): Slice {
  const held = new Map<string, Held>()
  const removed = new Map<string, number>()
  // The content hash is the state: a guard that holds one of these holds what was here after that step, whichever
  // replica it came from. A state that never was here, because the other replica joined changes another way, gets all.
  const history = new Map<string, { readonly step: number; readonly at: number }>()
  const listeners = new Set<() => void>()
  let hash = emptyHash
  let step = 0
  let bytes = 0
  let full: { readonly text: FrameText; readonly at: number } | undefined
  const changes = new Map<number, FrameText>()
  remember()

  function remember(): void {
    history.delete(hash)
    history.set(hash, { step, at: now() })
  }

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
    remember()
    changes.clear()
    // What nearly every guard gets next, without a look at every row.
    changes.set(step - 1, createFrameText({ hash, seen: seenNow(), rows: changed, remove: dropped }, cache))
    for (const listener of listeners) listener()
  }

  /** Made once for all guards that held the same. */
  function since(from: number): FrameText {
    const known = changes.get(from)
    if (known && dominates(known.seen, seenNow())) return known
    const rows = [...held.values()].filter(row => row.step > from).map(({ row }) => row)
    const remove = [...removed].filter(([, at]) => at > from).map(([id]) => id)
    const text = createFrameText({ hash, seen: seenNow(), rows, remove }, cache)
    changes.set(from, text)
    return text
  }

  function isOfUse({ text, at }: { readonly text: FrameText; readonly at: number }): boolean {
    return text.hash === hash || (bytes > largeBytes && history.has(text.hash) && now() - at < fullTextMs)
  }

  /** Made once for all guards that come: after a restart they come together. */
  function all(known: Seen): FrameText {
    if (full && isOfUse(full) && dominates(full.text.seen, known)) return full.text
    const rows = [...held.values()].map(({ row }) => row)
    full = { text: createFrameText({ hash, seen: seenNow(), rows }, cache), at: now() }
    return full.text
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
    frameFor(guard) {
      const known = guard.hash === undefined ? undefined : history.get(guard.hash)
      if (known) return since(known.step)
      const mine = Object.entries(guard.seen ?? {}).filter(([name]) => Object.hasOwn(seenNow(), name))
      return all(Object.fromEntries(mine))
    },
    heartbeat: () => line({ heartbeat: true, seen: seenNow(), hash }),
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    prune(time) {
      if (full && time - full.at >= fullTextMs) full = undefined
      for (const [state, { at }] of history) {
        if (state === hash || (time - at < historyMs && history.size <= historyLength)) break
        history.delete(state)
      }
      const [oldest] = history.values()
      for (const [id, at] of removed) if (at <= (oldest?.step ?? step)) removed.delete(id)
    },
  }
}

/** One frame as a line of NDJSON. */
export function line(frame: Frame): string {
  return `${JSON.stringify(frame)}\n`
}
