import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'

/** When to look at the key again without anything having changed; nothing means: not. */
// biome-ignore lint/suspicious/noConfusingVoidType: a reconciler may end without a return
export type Requeue = { requeueAfterMs?: number } | void

/** Keys waiting to be reconciled: each at most once, each with one worker at a time, none lost. */
export interface WorkQueue {
  /** Now, or after the pass that is running on it. */
  add(key: string): void
  /** In `ms`, unless added before. The earlier of two times holds. */
  addAfter(key: string, ms: number): void
  /** Keys waiting for a worker; those waiting for their time are not counted. */
  depth(): number
  /** Lets workers begin. Keys added before wait. */
  start(): void
  /** Takes no more keys and resolves when the running workers are done. */
  stop(): Promise<void>
}

export interface WorkQueueOptions {
  name: string
  workers: number
  reconcile: (key: string) => Promise<Requeue>
  backoff?: { minMs: number; maxMs: number }
  log: Logger
  metrics?: Metrics
  clock?: Clock
  /** In [0, 1); for the jitter of the back-off. */
  random?: () => number
}

export function createWorkQueue(_options: WorkQueueOptions): WorkQueue {
  throw new Error('not there yet')
}
