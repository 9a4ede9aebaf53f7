import { type Clock, systemClock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { Change, Reflector } from './reflector.ts'
import { createWorkQueue, type Requeue } from './work-queue.ts'

/** Where a controller's keys come from. */
export interface ControllerSource {
  // biome-ignore lint/suspicious/noExplicitAny: one controller has sources of several kinds
  reflector: Reflector<any>
  /** The keys to reconcile because of this change: the object's own, its owner's, those that refer to it. */
  // biome-ignore lint/suspicious/noExplicitAny: one controller has sources of several kinds
  keys(change: Change<any>): Iterable<string>
}

export interface Controller {
  /**
   * Starts the sources, resolves once all are synced and workers run. Nothing is reconciled before. Resolves too when
   * it is stopped first: losing the lease while starting is no error.
   */
  start(): Promise<void>
  /** Resolves when the running reconciliations are done. The sources go on: others may use them. */
  stop(): Promise<void>
  enqueue(key: string): void
  /** Whether a pass over it runs, or comes as soon as there is a worker. */
  isDue(key: string): boolean
}

export interface ControllerOptions {
  name: string
  reconcile(key: string): Promise<Requeue>
  sources: ControllerSource[]
  workers?: number
  /** How often every object is looked at although nothing changed. Default 10 h. */
  resyncMs?: number
  log: Logger
  metrics?: Metrics
  clock?: Clock
}

/** Turns changes of its sources into reconciled keys. Made anew for each term of leadership. */
export function createController(options: ControllerOptions): Controller {
  const { name, sources, resyncMs = 36_000_000, clock = systemClock } = options
  const log = options.log.child({ controller: name })
  const stopping = new AbortController()
  const subscriptions: (() => void)[] = []
  let cancelResync: (() => void) | undefined

  const queue = createWorkQueue({
    name,
    log,
    clock,
    paused: true,
    workers: options.workers ?? 4,
    reconcile: key => options.reconcile(key),
    ...(options.metrics && { metrics: options.metrics }),
  })

  function enqueueAll(source: ControllerSource): void {
    for (const [key, object] of source.reflector.store) {
      const { resourceVersion } = object.metadata
      for (const target of source.keys({ type: 'updated', key, object, resourceVersion })) queue.add(target)
    }
  }

  function armResync(): void {
    cancelResync = clock.after(resyncMs, () => {
      try {
        for (const source of sources) enqueueAll(source)
      } catch (error) {
        log.error({ err: error }, 'resync failed')
      }
      armResync()
    })
  }

  return {
    enqueue: queue.add,
    isDue: queue.isDue,
    async start() {
      for (const { reflector, keys } of sources) {
        subscriptions.push(
          reflector.onChange(change => {
            for (const key of keys(change)) queue.add(key)
          }),
        )
        reflector.start()
      }
      try {
        await Promise.all(sources.map(({ reflector }) => reflector.whenSynced(stopping.signal)))
      } catch (error) {
        if (!stopping.signal.aborted) throw error
      }
      if (stopping.signal.aborted) return
      queue.start()
      armResync()
      log.debug('workers run')
    },
    async stop() {
      stopping.abort(new Error(`controller ${name} stopped`))
      for (const unsubscribe of subscriptions) unsubscribe()
      cancelResync?.()
      await queue.stop()
    },
  }
}
