import { type Row, rowKey } from '../../core/rows/rows.ts'
import {
  createSnapshotBuilder,
  type DeltaFrame,
  type FullFrame,
  type Snapshot,
  type SnapshotBuilder,
} from '../../core/snapshot/snapshot.ts'
import { driven } from '../../platform/drive-steps.ts'
import type { Slice } from '../slices/slice.ts'

/** Snapshots that are kept, by the bytes of their rows as JSON. One of a larger slice is kept alone. */
const mostBytes = 16 * 1_048_576

type CheckedSlice = Pick<Slice, 'key' | 'hash' | 'rows' | 'bytes'>

/** Of services that are asked about, what a guard would decide from. */
export interface HeldSnapshots {
  /**
   * The snapshot of a slice as it is, made in steps, and of what changed alone where it is kept.
   * @returns undefined when nothing can be decided from the slice
   */
  of(slice: CheckedSlice): Promise<Snapshot | undefined>
  /** Bytes of what is kept. */
  bytes(): number
}

interface Held {
  readonly slice: CheckedSlice
  readonly builder: SnapshotBuilder
  rows: ReadonlyMap<string, Row>
  bytes: number
  /** One change after the other. */
  work: Promise<unknown>
}

/** @param most bytes; what was used longest ago goes first */
export function createHeldSnapshots(most = mostBytes): HeldSnapshots {
  const held = new Map<string, Held>()

  function heldOf(slice: CheckedSlice): Held {
    const known = held.get(slice.key)
    const isSame = known?.slice === slice
    const one = isSame
      ? known
      : { slice, builder: createSnapshotBuilder(), rows: new Map(), bytes: 0, work: Promise.resolve() }
    // Set anew, so that the first of the map is the one used longest ago.
    held.delete(slice.key)
    held.set(slice.key, one)
    return one
  }

  function total(): number {
    let sum = 0
    for (const { bytes } of held.values()) sum += bytes
    return sum
  }

  function makeRoom(): void {
    for (const oldest of held.keys()) {
      if (held.size <= 1 || total() <= most) return
      held.delete(oldest)
    }
  }

  async function bring(one: Held): Promise<Snapshot | undefined> {
    const { slice, builder } = one
    if (builder.hash() !== slice.hash()) {
      const rows = new Map(slice.rows().map(row => [rowKey(row), row]))
      const frame = frameOf(one.rows, rows, slice.hash())
      one.bytes = slice.bytes()
      makeRoom()
      if ((await driven(builder.applying(frame))) === 'mismatch') {
        held.delete(slice.key)
        throw new Error(`the rows of ${slice.key} do not add up to their hash`)
      }
      one.rows = rows
    }
    return builder.snapshot()
  }

  return {
    bytes: total,
    of(slice) {
      const one = heldOf(slice)
      const work = one.work.then(() => bring(one))
      one.work = work.catch(() => {})
      return work
    },
  }
}

function frameOf(
  before: ReadonlyMap<string, Row>,
  after: ReadonlyMap<string, Row>,
  hash: string,
): FullFrame | DeltaFrame {
  if (before.size === 0) return { full: { rows: [...after.values()] }, seen: {}, hash }
  const upsert = [...after].flatMap(([key, row]) => (before.get(key) === row ? [] : [row]))
  const remove = [...before.keys()].filter(key => !after.has(key))
  return { delta: { upsert, remove }, seen: {}, hash }
}
