import { type Clock, systemClock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { KubeError } from './client.ts'
import { createDelays } from './delays.ts'
import { createFifo, namespaceOf } from './fifo.ts'

/** When to look at the key again without anything having changed; nothing means: not. */
// biome-ignore lint/suspicious/noConfusingVoidType: a reconciler may end without a return
export type Requeue = { requeueAfterMs?: number } | void

/**
 * Keys waiting to be reconciled: each at most once, each with one worker at a time, none lost; namespaces have their turns,
 * and none of them has all workers.
 */
export interface WorkQueue {
  /** Now, or after the pass that is running on it. Never runs anything before it returns. */
  add(key: string): void
  /** Whether a pass over it runs, or is next when its turn comes: one that is to come later does not count. */
  isDue(key: string): boolean
  /** Lets workers begin, where the queue was made paused. */
  start(): void
  /** Takes no more keys and resolves when the running workers are done. */
  stop(): Promise<void>
}

export interface WorkQueueOptions {
  name: string
  workers: number
  /** Returns when to come back; throwing means back-off. The last pass's answer holds, earlier ones are forgotten. */
  reconcile: (key: string) => Promise<Requeue>
  /** Doubles from `minMs` to `maxMs` per failure in a row, plus up to a quarter. Default 1 s to 60 s. */
  backoff?: { minMs: number; maxMs: number }
  /** Keys wait until `start`. */
  paused?: boolean
  log: Logger
  metrics?: Metrics
  clock?: Clock
  /** In [0, 1). */
  random?: () => number
}

/** Per-key back-off: a key that always fails costs one pass a minute and delays no other. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { name, workers, clock = systemClock } = options
  const running = new Set<string>()
  const busy = new Map<string, number>()
  // A pass of a namespace that is slow to be answered must not be what everybody else waits for.
  const most = Math.max(1, workers - Math.ceil(workers / 4))
  const waiting = createFifo(namespace => namespace === '' || (busy.get(namespace) ?? 0) < most)
  // Added while running: a pass may have read the state from before the change, so another must follow.
  const again = new Set<string>()
  const failures = new Map<string, number>()
  const planned = createDelays(clock, add)
  const report = reporter(options)
  let started = !options.paused
  let stopped = false
  let scheduled = false
  let idle: (() => void) | undefined

  function add(key: string): void {
    if (stopped) return
    if (running.has(key)) again.add(key)
    else if (!waiting.push(key, clock.now())) return
    report.added(waiting.size())
    schedule()
  }

  // Not at once: the caller is a watch handler, and other handlers of the same change have to run first. A burst of
  // changes read in one go also becomes one pass.
  function schedule(): void {
    if (scheduled || !started) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      pump()
    })
  }

  function pump(): void {
    while (!stopped && running.size < workers) {
      const next = waiting.shift()
      if (!next) return
      report.taken(waiting.size(), clock.now() - next.at)
      void work(next.key)
    }
  }

  async function work(key: string): Promise<void> {
    running.add(key)
    occupy(namespaceOf(key), 1)
    planned.delete(key)
    const began = clock.now()
    try {
      const requeue = await options.reconcile(key)
      failures.delete(key)
      report.succeeded(clock.now() - began, requeue?.requeueAfterMs !== undefined)
      if (requeue?.requeueAfterMs !== undefined) later(key, requeue.requeueAfterMs)
    } catch (error) {
      const count = (failures.get(key) ?? 0) + 1
      failures.set(key, count)
      report.failed(clock.now() - began, key, count, error)
      later(key, backoffMs(options, count, error))
    }
    running.delete(key)
    occupy(namespaceOf(key), -1)
    if (again.delete(key)) add(key)
    if (running.size === 0) idle?.()
    pump()
  }

  function occupy(namespace: string, change: number): void {
    const count = (busy.get(namespace) ?? 0) + change
    if (count === 0) busy.delete(namespace)
    else busy.set(namespace, count)
  }

  function later(key: string, ms: number): void {
    if (!stopped) planned.set(key, clock.now() + Math.max(0, ms))
  }

  return {
    add,
    isDue: key => running.has(key) || waiting.has(key),
    start() {
      started = true
      schedule()
    },
    async stop() {
      stopped = true
      planned.clear()
      report.depth(0)
      if (running.size === 0) return
      await new Promise<void>(resolve => {
        const previous = idle
        idle = () => {
          previous?.()
          resolve()
        }
      })
      options.log.debug({ queue: name }, 'workers done')
    },
  }
}

function backoffMs(options: WorkQueueOptions, failures: number, error: unknown): number {
  const { minMs, maxMs } = options.backoff ?? { minMs: 1_000, maxMs: 60_000 }
  const random = (options.random ?? Math.random)()
  const wait = Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 30)) * (1 + random / 4)
  const askedMs = error instanceof KubeError ? (error.retryAfterSeconds ?? 0) * 1_000 : 0
  return Math.max(wait, askedMs)
}

function reporter({ name, log, metrics }: WorkQueueOptions) {
  const finished = (ms: number, result: string): void => {
    metrics?.reconcileTotal.inc({ controller: name, result })
    metrics?.reconcileSeconds.observe({ controller: name }, ms / 1_000)
  }
  const depth = (keys: number): void => metrics?.queueDepth.set({ name }, keys)
  return {
    depth,
    added(keys: number): void {
      metrics?.queueAdds.inc({ name })
      depth(keys)
    },
    taken(keys: number, waitedMs: number): void {
      metrics?.queueSeconds.observe({ name }, waitedMs / 1_000)
      depth(keys)
    },
    succeeded: (ms: number, requeue: boolean): void => finished(ms, requeue ? 'requeue_after' : 'success'),
    failed(ms: number, key: string, attempt: number, error: unknown): void {
      finished(ms, 'error')
      metrics?.reconcileErrors.inc({ controller: name })
      metrics?.queueRetries.inc({ name })
      // Two writers meeting is ordinary: the next pass reads what the other wrote.
      const conflict = error instanceof KubeError && error.status === 409
      log[conflict ? 'debug' : 'warn'](
        { err: error, controller: name, object: key, attempt },
        'reconcile failed, will retry',
      )
    },
  }
}
