import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { Change, Reflector } from './reflector.ts'
import type { Requeue, WorkQueue } from './work-queue.ts'

/** Where a controller's keys come from. */
export interface ControllerSource {
  // biome-ignore lint/suspicious/noExplicitAny: one controller has sources of several kinds
  reflector: Reflector<any>
  // biome-ignore lint/suspicious/noExplicitAny: one controller has sources of several kinds
  keys(change: Change<any>): Iterable<string>
}

export interface Controller {
  /** Resolves once all sources are synced and workers run. */
  start(): Promise<void>
  /** Resolves when the running reconciliations are done. */
  stop(): Promise<void>
  enqueue(key: string): void
  readonly queue: WorkQueue
}

export function createController(_options: {
  name: string
  reconcile(key: string): Promise<Requeue>
  sources: ControllerSource[]
  workers?: number
  resyncMs?: number
  log: Logger
  metrics?: Metrics
}): Controller {
  throw new Error('not there yet')
}
