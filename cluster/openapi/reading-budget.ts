import type { Clock } from '../../platform/clock.ts'

/** What each namespace may spend of the thread that reads documents. */
export interface ReadingBudget {
  spend(namespace: string, ms: number): void
  /** How long the namespace has to wait before its next document, milliseconds. */
  pauseMs(namespace: string): number
}

/** At once. */
const burstMs = 60_000
/** Of each millisecond that passes. */
const share = 0.25

/** A namespace whose documents change all the time is held to a quarter of the thread, after a minute of it. */
export function createReadingBudget(clock: Pick<Clock, 'now'>): ReadingBudget {
  const spent = new Map<string, { ms: number; at: number }>()

  function owed(namespace: string): number {
    const one = spent.get(namespace)
    if (!one) return 0
    const left = one.ms - (clock.now() - one.at) * share
    if (left <= 0) spent.delete(namespace)
    return Math.max(0, left)
  }

  return {
    spend(namespace, ms) {
      if (ms > 0) spent.set(namespace, { ms: owed(namespace) + ms, at: clock.now() })
    },
    pauseMs: namespace => Math.ceil(Math.max(0, owed(namespace) - burstMs) / share),
  }
}
