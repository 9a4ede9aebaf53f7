import type { Clock } from '../../platform/clock.ts'

/** Says something a moment later, once for all that asked for it meanwhile. */
export interface Answer {
  /** At a time by chance within so many milliseconds, or sooner when somebody asked for that. */
  within(ms: number): void
  cancel(): void
}

export function createAnswer(clock: Clock, say: () => void): Answer {
  let due: { readonly at: number; cancel(): void } | undefined
  return {
    within(ms) {
      const now = clock.now()
      const at = now + Math.random() * ms
      if (due && due.at <= at) return
      due?.cancel()
      const cancel = clock.after(at - now, () => {
        due = undefined
        say()
      })
      due = { at, cancel }
    },
    cancel() {
      due?.cancel()
      due = undefined
    },
  }
}
