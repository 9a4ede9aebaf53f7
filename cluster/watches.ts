import type { Clock } from '../platform/clock.ts'
import type { KubeClient, KubeObject, Resource } from '../platform/kube/client.ts'
import { createReflector, type Reflector, type ReflectorOptions } from '../platform/kube/reflector.ts'
import type { Logger } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'

/** The reflectors of one process: started, waited for and stopped together. */
export interface Watches {
  /** Makes one more; nothing is asked before `start`. */
  add<T extends KubeObject>(resource: Resource, options?: WatchOptions<T>): Reflector<T>
  all(): readonly Watch[]
  start(): void
  /** Resolves when every list is there; rejects when the signal fires or the watches are stopped before. */
  whenSynced(signal?: AbortSignal): Promise<void>
  /** A sentence when some watch has made no progress for `ms`. @param now monotonic ms */
  stuckFor(now: number, ms: number): string | undefined
  stop(): Promise<void>
}

interface Watch {
  readonly resource: Resource
  readonly reflector: Reflector<KubeObject>
}

type WatchOptions<T extends KubeObject> = Pick<
  ReflectorOptions<T>,
  'namespace' | 'fieldSelector' | 'labelSelector' | 'keep'
>

export function createWatches(
  client: Pick<KubeClient, 'list' | 'watch'>,
  about: { log: Logger; metrics?: Metrics; clock?: Clock; timings?: ReflectorOptions<KubeObject>['timings'] },
): Watches {
  const { log, metrics, clock, timings } = about
  const shared = { log, ...(metrics && { metrics }), ...(clock && { clock }), ...(timings && { timings }) }
  const all: Watch[] = []
  return {
    add<T extends KubeObject>(resource: Resource, options: WatchOptions<T> = {}) {
      const reflector = createReflector<T>(client, resource, { ...shared, ...options })
      all.push({ resource, reflector: reflector as Reflector<never> })
      return reflector
    },
    all: () => all,
    start: () => all.forEach(({ reflector }) => void reflector.start()),
    whenSynced: async signal => void (await Promise.all(all.map(({ reflector }) => reflector.whenSynced(signal)))),
    stuckFor: (now, ms) =>
      all.some(({ reflector }) => now - reflector.lastProgress() > ms) ? 'a watch has made no progress' : undefined,
    stop: async () => void (await Promise.all(all.map(({ reflector }) => reflector.stop()))),
  }
}
