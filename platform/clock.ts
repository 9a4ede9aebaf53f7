import { performance } from 'node:perf_hooks'

/** Time as the runtime sees it. Tests give one that stands still until told. */
export interface Clock {
  /** Monotonic milliseconds: never jumps, has no relation to the time of day. */
  now(): number
  /** The time of day, milliseconds since epoch, for what people and other programs read. Never used to measure. */
  wallMs(): number
  /** Calls back once after `ms`, however long that is. @returns a function that cancels. */
  after(ms: number, callback: () => void): () => void
}

// setTimeout turns anything longer into 1 ms, and a key's next expiry can be 90 days away.
const longestTimerMs = 2 ** 31 - 1

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  after(ms, callback) {
    let timer: NodeJS.Timeout
    const arm = (left: number): void => {
      timer = setTimeout(
        () => (left > longestTimerMs ? arm(left - longestTimerMs) : callback()),
        Math.min(left, longestTimerMs),
      )
    }
    arm(Math.max(0, ms))
    return () => clearTimeout(timer)
  },
}

/** Waits `ms`, or less when the signal fires. Resolves in both cases: the caller looks at the signal. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve()
    const done = (): void => {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(ms, done)
    signal?.addEventListener('abort', done)
  })
}
