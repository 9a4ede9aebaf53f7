import type { Clock } from '../../platform/clock.ts'
import { StoreError } from './store.ts'

/** Runs one operation of the store. @throws StoreError: its own, or store_unavailable for whatever else went wrong */
export type Attempt = <T>(operation: () => Promise<T>) => Promise<T>

/** As many operations as a store that hangs may hold on to. */
const mostUnderWay = 1_024

/**
 * Bounds what waits for the store: how long, and how many. An operation that took too long may still be carried out: who
 * asked was told that nobody knows, and its place is free only when the store has let go of it.
 */
export function createAttempts(options: { clock: Clock; deadlineMs: number; most?: number }): Attempt {
  const { clock, deadlineMs, most = mostUnderWay } = options
  let underWay = 0

  return async function attempt<T>(operation: () => Promise<T>): Promise<T> {
    if (underWay >= most) throw new StoreError('store_unavailable')
    underWay++
    const done = operation().finally(() => underWay--)
    let cancel: (() => void) | undefined
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(deadlineMs, () => reject(new StoreError('store_unavailable')))
    })
    try {
      return await Promise.race([done, late])
    } catch (error) {
      throw error instanceof StoreError ? error : new StoreError('store_unavailable', error)
    } finally {
      cancel?.()
    }
  }
}
