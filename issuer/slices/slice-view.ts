import type { Frame, Seen } from '../../core/rows/frames.ts'
import { emptyHash, startSum } from '../../core/rows/hash.ts'
import { neededFor, type Projection } from '../../core/rows/project-rows.ts'
import { type Row, rowKey, type SentRow } from '../../core/rows/rows.ts'
import { dominates } from '../../core/rows/seen.ts'
import { type ChunkCache, createFrameText, type FrameText } from '../snapshots/frame-text.ts'
import { measureRow } from './measure-row.ts'

/** How long a guard that held an earlier state gets only what changed since, in milliseconds. */
export const historyMs = 600_000
/** States that are remembered at most. */
const historyLength = 4_096
/** How long the text of all rows of a large slice is sent to guards that come; they then get what changed meanwhile. */
const fullTextMs = 10_000
/** From this size on sending takes so long that changes come meanwhile anyway. */
const largeBytes = 1_048_576

/** A slice as guards of one set of features are told it. */
export interface SliceView {
  /** Of the rows as these guards understand them. */
  hash(): string
  /** The release that these guards need to understand all of it; undefined when they do. */
  needs(): string | undefined
  /**
   * The next frame for a guard: all rows, or what changed since it held what it holds. All rows may be those of a moment
   * ago, after which the guard asks again.
   */
  frameFor(guard: { readonly hash?: string | undefined; readonly seen?: Seen | undefined }): FrameText
  heartbeat(): string
}

export interface ChangingView extends SliceView {
  /** Another step was made: these rows came, and those keys went. */
  changed(rows: readonly Row[], gone: readonly string[]): void
  /** The last step after which the slice had this hash, as far as it is remembered. */
  stepOf(hash: string): number | undefined
  /** Forgets old states. @param now monotonic ms @returns the oldest step that is remembered */
  prune(now: number): number
}

/** What the rows are taken from. */
export interface ViewSource {
  /** Of the rows as they are. */
  hash(): string
  bytes(): number
  /** Counts the changes. */
  step(): number
  rows(): Row[]
  rowsSince(step: number): Row[]
  removedSince(step: number): string[]
  /** What the objects include that the rows were made of. */
  seen(): Seen
  /** Monotonic milliseconds. */
  now(): number
  readonly cache: ChunkCache
}

/** A row that these guards are sent otherwise. */
interface Differing {
  readonly row: Row
  readonly sent: SentRow
}

/** What a view of less than all is made with. */
export interface Lesser {
  readonly projection: Projection
  /** The view of guards that know all there is. */
  readonly whole: Pick<ChangingView, 'stepOf'>
}

/** @param lesser undefined: the guards know all there is. Such a view keeps nothing for each row, the others those that differ. */
export function createSliceView(source: ViewSource, lesser?: Lesser): ChangingView {
  const projection = lesser?.projection
  const differing = new Map<string, Differing>()
  // What their rows' hashes differ by, all together.
  const difference = startSum(emptyHash)
  // The content hash is the state: a guard that holds one of these holds what was here after that step, whichever
  // replica it came from. A state that never was here, because the other replica joined changes another way, gets all.
  const history = new Map<string, { readonly step: number; readonly at: number }>()
  const changes = new Map<number, FrameText>()
  let full: { readonly text: FrameText; readonly at: number } | undefined
  let needed: { readonly release: string | undefined } | undefined
  let hash = emptyHash
  become(source.rows(), [])

  function become(rows: readonly Row[], gone: readonly string[]): void {
    if (projection) for (const key of gone) same(key)
    if (projection) for (const row of rows) differ(row, projection)
    needed = undefined
    hash = hashNow()
    history.delete(hash)
    history.set(hash, { step: source.step(), at: source.now() })
  }

  function same(key: string): void {
    const old = differing.get(key)
    if (!old) return
    difference.removeHash(measureRow(old.sent).hash)
    difference.addHash(measureRow(old.row).hash)
    differing.delete(key)
  }

  function differ(row: Row, { project }: Projection): void {
    const key = rowKey(row)
    same(key)
    const sent = project(row)
    if (sent === row) return
    difference.removeHash(measureRow(row).hash)
    difference.addHash(measureRow(sent).hash)
    differing.set(key, { row, sent })
  }

  function hashNow(): string {
    if (differing.size === 0) return source.hash()
    const sum = startSum(source.hash())
    sum.addHash(difference.hash())
    return sum.hash()
  }

  function textOf(rows: readonly Row[], remove?: readonly string[]): FrameText {
    const sent = projection ? rows.map(projection.project) : rows
    return createFrameText({ hash, seen: source.seen(), rows: sent, ...(remove && { remove }) }, source.cache)
  }

  /** Made once for all guards that held the same. */
  function since(from: number): FrameText {
    const known = changes.get(from)
    if (known && dominates(known.seen, source.seen())) return known
    const text = textOf(source.rowsSince(from), source.removedSince(from))
    changes.set(from, text)
    return text
  }

  /** For a guard that held the rows as they were, or could not tell: there and elsewhere most services say nothing new. */
  function sinceWhole(from: number): FrameText {
    if (differing.size === 0) return since(from)
    const rows = new Set(source.rowsSince(from))
    for (const { row } of differing.values()) rows.add(row)
    return textOf([...rows], source.removedSince(from))
  }

  function isOfUse({ text, at }: { readonly text: FrameText; readonly at: number }): boolean {
    const isRecent = source.bytes() > largeBytes && source.now() - at < fullTextMs
    return text.hash === hash || (isRecent && history.has(text.hash))
  }

  /** Made once for all guards that come: after a restart they come together. */
  function all(known: Seen): FrameText {
    if (full && isOfUse(full) && dominates(full.text.seen, known)) return full.text
    full = { text: textOf(source.rows()), at: source.now() }
    return full.text
  }

  return {
    hash: () => hash,
    needs() {
      needed ??= { release: latest(differing.values()) }
      return needed.release
    },
    frameFor(guard) {
      const known = guard.hash === undefined ? undefined : history.get(guard.hash)
      if (known) return since(known.step)
      const whole = guard.hash === undefined ? undefined : lesser?.whole.stepOf(guard.hash)
      if (whole !== undefined) return sinceWhole(whole)
      const mine = Object.entries(guard.seen ?? {}).filter(([name]) => Object.hasOwn(source.seen(), name))
      return all(Object.fromEntries(mine))
    },
    heartbeat: () => line({ heartbeat: true, seen: source.seen(), hash }),
    stepOf: state => history.get(state)?.step,
    changed(rows, gone) {
      become(rows, gone)
      changes.clear()
      // What nearly every guard gets next, without a look at every row.
      changes.set(source.step() - 1, textOf(rows, gone))
    },
    prune(time) {
      if (full && time - full.at >= fullTextMs) full = undefined
      for (const [state, { at }] of history) {
        if (state === hash || (time - at < historyMs && history.size <= historyLength)) break
        history.delete(state)
      }
      const [oldest] = history.values()
      return oldest?.step ?? source.step()
    },
  }
}

function latest(differing: Iterable<Differing>): string | undefined {
  const releases = new Set<string>()
  for (const { sent } of differing) releases.add(neededFor(sent) ?? '')
  releases.delete('')
  return [...releases].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1)
}

/** One frame as a line of NDJSON. */
export function line(frame: Frame): string {
  return `${JSON.stringify(frame)}\n`
}
