import type { Steps } from '../../core/base/steps.ts'
import type { Seen } from '../../core/rows/frames.ts'
import { type ReducedRows, reducingRows, type SizedRow } from '../../core/rows/reduce-rows.ts'
import type { ClientRow } from '../../core/rows/rows.ts'
import type { Clock } from '../../platform/clock.ts'
import type { driveSteps } from '../../platform/drive-steps.ts'
import { measureRow } from './measure-row.ts'
import type { Slice } from './slice.ts'

/** It is made from all rows, so not more often than this, in milliseconds; the first change after a pause at once. */
const pauseMs = 1_000
/** Sizes that one slice is reduced to at one time: more than that many limits of memory no service's guards have. */
const mostSizes = 12

/** A slice as far as it fits into guards that cannot take it whole. */
export interface LesserSlice {
  /** A slice of its own: whoever moves between replicas finds the same states there. */
  readonly slice: Slice
  /** Whether it was made of what the whole one is now. */
  isCurrent(): boolean
  /** `too small`: not even the service itself fits; `making`: it was never made yet. */
  state(): 'making' | 'made' | 'too small'
  /** The clients that are left out. */
  refused(): readonly ClientRow[]
  /** Once: nobody looks any more. */
  close(): void
}

export interface LesserSlices {
  /**
   * @param takes bytes
   * @param onChange called when its state, its rows or whether it is current become others
   * @returns undefined when too many sizes are asked for
   */
  open(whole: Slice, takes: number, onChange: () => void): LesserSlice | undefined
}

type Kept = Omit<LesserSlice, 'close'> & { readonly listeners: Set<() => void>; end(): void }

/** @param make a slice without rows; what it includes is said when it is asked for */
export function createLesserSlices(parts: {
  make(key: string, seen: () => Seen): Slice
  seen(key: string): Seen
  clock: Clock
  drive: typeof driveSteps
}): LesserSlices {
  const bySlice = new WeakMap<Slice, Map<number, Kept>>()

  function start(whole: Slice, size: number): Kept {
    const listeners = new Set<() => void>()
    let seen: Seen = {}
    // What changes no row is included as soon as the whole slice includes it.
    const slice = parts.make(whole.key, () => (isFresh() ? parts.seen(whole.key) : seen))
    let state: ReturnType<LesserSlice['state']> = 'making'
    let refused: readonly ClientRow[] = []
    let from: string | undefined
    let isMaking = false
    let madeAt = Number.NEGATIVE_INFINITY
    let cancel: (() => void) | undefined
    let leave: (() => void) | undefined

    const isFresh = (): boolean => !isMaking && from === whole.hash()

    function changed(): void {
      if (isMaking || cancel || isFresh()) return
      const leftMs = madeAt + pauseMs - parts.clock.now()
      if (leftMs <= 0) begin()
      else
        cancel = parts.clock.after(leftMs, () => {
          cancel = undefined
          begin()
        })
    }

    function begin(): void {
      isMaking = true
      from = whole.hash()
      const included = parts.seen(whole.key)
      leave = parts.drive(making(), outcome => {
        isMaking = false
        madeAt = parts.clock.now()
        if ('error' in outcome) throw outcome.error
        const { reduced, replace } = outcome.value
        seen = included
        state = reduced ? 'made' : 'too small'
        refused = reduced?.clients ?? []
        replace()
        for (const listener of [...listeners]) listener()
        changed()
      })
    }

    function* making(): Steps<{ reduced: ReducedRows | undefined; replace(): void }> {
      const reduced = yield* reducingRows(sizedRows(whole), size)
      const replace = yield* slice.replacing(giving(reduced?.rows ?? []))
      return { reduced, replace }
    }

    const unsubscribe = whole.subscribe(changed)
    begin()
    return {
      ...{ slice, listeners },
      isCurrent: isFresh,
      state: () => state,
      refused: () => refused,
      end() {
        unsubscribe()
        cancel?.()
        leave?.()
      },
    }
  }

  return {
    open(whole, takes, onChange) {
      const size = sizeWithin(takes)
      const sizes = bySlice.get(whole) ?? new Map<number, Kept>()
      bySlice.set(whole, sizes)
      if (!sizes.has(size) && sizes.size >= mostSizes) return undefined
      const kept = sizes.get(size) ?? start(whole, size)
      sizes.set(size, kept)
      kept.listeners.add(onChange)
      const { slice, isCurrent, state, refused } = kept
      return {
        ...{ slice, isCurrent, state, refused },
        close() {
          kept.listeners.delete(onChange)
          if (kept.listeners.size > 0) return
          sizes.delete(size)
          kept.end()
        },
      }
    },
  }
}

/** Guards whose memory differs little share one: a power of two, or one and a half of it. */
function sizeWithin(takes: number): number {
  const power = 2 ** Math.floor(Math.log2(Math.max(1, takes)))
  return takes >= 1.5 * power ? 1.5 * power : power
}

function* sizedRows(whole: Slice): Generator<SizedRow> {
  for (const row of whole.rows()) yield { row, bytes: measureRow(row).bytes }
}

// biome-ignore lint/correctness/useYield: there is nothing to do.
function* giving<T>(value: T): Steps<T> {
  return value
}
