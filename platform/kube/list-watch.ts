import type { Clock } from '../clock.ts'
import { type KubeClient, KubeError, type KubeObject, type Resource } from './client.ts'
import type { WatchEvent } from './watch-stream.ts'

export interface ReflectorTimings {
  pageSize: number
  /** Server-side watch time is drawn between these. */
  watchMinSeconds: number
  watchMaxSeconds: number
  /** Of a watch that is to bring a bookmark at once: the API server sends one two seconds before the end. */
  askSeconds: number
  /** How long after its server-side time a watch is cut by us. */
  watchGraceMs: number
  /** Least pause between two watches, however well the first ended. */
  floorMs: number
  backoffMinMs: number
  backoffMaxMs: number
  /** Age at which the list is fetched again, at the next end of a watch. */
  resyncMs: number
}

export interface ListWatchOptions {
  namespace?: string
  fieldSelector?: string
  labelSelector?: string
  timings?: Partial<ReflectorTimings>
}

const defaults: ReflectorTimings = {
  pageSize: 500,
  watchMinSeconds: 300,
  watchMaxSeconds: 600,
  askSeconds: 3,
  watchGraceMs: 30_000,
  floorMs: 100,
  backoffMinMs: 800,
  backoffMaxMs: 30_000,
  resyncMs: 36_000_000,
}

/** The two calls, with selectors, paging and time limits. */
export function createListWatch<T extends KubeObject>(
  client: Pick<KubeClient, 'list' | 'watch'>,
  resource: Resource,
  options: ListWatchOptions,
  clock: Clock,
  keep: (object: T) => T | undefined,
) {
  const timings = { ...defaults, ...options.timings }
  const { namespace, fieldSelector, labelSelector } = options
  const selection = {
    ...(namespace !== undefined && { namespace }),
    ...(fieldSelector !== undefined && { fieldSelector }),
    ...(labelSelector !== undefined && { labelSelector }),
  }

  async function pages(limit: number | undefined, signal: AbortSignal) {
    const items: T[] = []
    let next: string | undefined
    let resourceVersion = ''
    do {
      const page = await client.list<T>(resource, {
        ...selection,
        ...(limit !== undefined && { limit }),
        ...(next !== undefined && { continue: next }),
        signal,
      })
      // Page by page: the rest of ten thousand objects would be as much again as what is kept of them.
      for (const item of page.items) {
        const kept = keep(item)
        if (kept) items.push(kept)
      }
      next = page.continue
      resourceVersion = page.resourceVersion
    } while (next !== undefined)
    return { items, resourceVersion }
  }

  return {
    timings,
    backoffMs: (failures: number): number =>
      Math.min(timings.backoffMaxMs, timings.backoffMinMs * 2 ** Math.min(failures - 1, 20) * (1 + Math.random())),

    /** All objects, as they are kept. */
    async list(signal: AbortSignal) {
      try {
        return await pages(timings.pageSize, signal)
      } catch (error) {
        // The continue token expires with etcd's compaction; one large list cannot.
        if (!(error instanceof KubeError && error.status === 410)) throw error
        return pages(undefined, signal)
      }
    },

    /** Brings the copy that the API server watches from up to date: a list of it is not answered before. */
    async refresh(signal: AbortSignal): Promise<void> {
      await client.list<T>(resource, { ...selection, limit: 1, signal })
    },

    /** @param isShort whether it is to bring a bookmark within two seconds, not within a minute */
    async *watch(resourceVersion: string, signal: AbortSignal, isShort = false): AsyncGenerator<WatchEvent> {
      const { watchMinSeconds: min, watchMaxSeconds: max, askSeconds, watchGraceMs } = timings
      const timeoutSeconds = isShort ? askSeconds : Math.round(min + Math.random() * (max - min))
      // A controller of its own, not AbortSignal.any: `signal` lives as long as the process and would collect them.
      const cut = new AbortController()
      const stop = (): void => cut.abort()
      signal.addEventListener('abort', stop)
      // The server ends the stream at its time. If it does not, the connection is dead or hung.
      const cancel = clock.after(timeoutSeconds * 1_000 + watchGraceMs, stop)
      try {
        if (signal.aborted) return
        yield* client.watch(resource, { ...selection, resourceVersion, timeoutSeconds, signal: cut.signal })
      } finally {
        cancel()
        signal.removeEventListener('abort', stop)
      }
    },
  }
}
