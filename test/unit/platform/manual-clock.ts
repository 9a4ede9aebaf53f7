import type { Clock } from '../../../platform/clock.ts'

/** A clock that stands still until told, and then lets everything that is due happen in its order. */
export interface ManualClock extends Clock {
  advance(ms: number): Promise<void>
  /** Timers set and not cancelled. */
  pending(): number
}

export function createManualClock(): ManualClock {
  let now = 1_000
  let counter = 0
  const timers = new Map<number, { at: number; callback: () => void }>()

  function due(until: number): [number, { at: number; callback: () => void }] | undefined {
    let first: [number, { at: number; callback: () => void }] | undefined
    for (const entry of timers) if (entry[1].at <= until && (!first || entry[1].at < first[1].at)) first = entry
    return first
  }

  return {
    now: () => now,
    wallMs: () => Date.UTC(2026, 0, 1) + now,
    after(ms, callback) {
      const id = counter++
      timers.set(id, { at: now + Math.max(0, ms), callback })
      return () => timers.delete(id)
    },
    pending: () => timers.size,
    async advance(ms) {
      const until = now + ms
      await settled()
      for (let next = due(until); next; next = due(until)) {
        timers.delete(next[0])
        now = Math.max(now, next[1].at)
        next[1].callback()
        await settled()
      }
      now = until
      await settled()
    },
  }
}

/** Lets promises and immediates run until they have had their say. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
}
