import { type Clock, sleep, systemClock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { type KubeClient, KubeError, type KubeObject, type Resource } from './client.ts'
import { createListWatch, type ListWatchOptions } from './list-watch.ts'
import { type Change, createObjectStore } from './object-store.ts'
import type { WatchEvent } from './watch-stream.ts'

export type { Change } from './object-store.ts'

/** A copy of one resource, kept up to date by list and watch, that never stops for good. */
export interface Reflector<T extends KubeObject> {
  /** By `namespace/name`, or `name` for cluster-scoped kinds. Always a state that existed at one time. */
  readonly store: ReadonlyMap<string, T>
  /** The last resourceVersion of this resource that the store includes, bookmarks counted. */
  readonly seen: () => string | undefined
  synced(): boolean
  /** Resolves after the first full list; rejects when the signal fires or the reflector is stopped before. */
  whenSynced(signal?: AbortSignal): Promise<void>
  /** Monotonic ms of the last good list, event, bookmark or orderly end of a watch. */
  lastProgress(): number
  /**
   * Called synchronously after the store changed; for what is in the store already, at once.
   * Must be quick; what it throws is logged and changes nothing.
   * @returns a function that ends it
   */
  onChange(handler: (change: Change<T>) => void): () => void
  /** Called after every batch of changes and every bookmark. @returns a function that ends it */
  onSeen(handler: (resourceVersion: string) => void): () => void
  /**
   * Has the server say within a few seconds, not within a minute, up to where nothing is missing (`onSeen`). Costs two
   * calls and a short watch: while one is under way, or was a moment ago, nothing happens.
   */
  askProgress(): void
  start(): void
  stop(): Promise<void>
}

export interface ReflectorOptions<T extends KubeObject> extends ListWatchOptions {
  /**
   * What of an object is kept; name, namespace, uid and resourceVersion must be. managedFields and the last-applied
   * annotation are dropped before. An object that it throws on is told to the log, and is not there: it costs no other.
   */
  keep?: (object: T) => T
  log?: Logger
  metrics?: Metrics
  clock?: Clock
}

// A watch shorter than this is a server in trouble, even when it ends in order.
const shortWatchMs = 1_000
// Whoever asks how far the server is, it is not asked again before.
const askAgainMs = 10_000
// After so many refusals in a row the version we ask from may be what is refused: the list gives a good one.
const refusalsBeforeList = 3

/**
 * Lists in pages, then watches from the list's version with bookmarks. A watch that ends is opened again from the last
 * version seen; a version too old (410, as status or in the stream) means a new list, and the difference is told as
 * changes, deletions too. Every failure is retried with back-off, for ever.
 */
export function createReflector<T extends KubeObject>(
  client: Pick<KubeClient, 'list' | 'watch'>,
  resource: Resource,
  options: ReflectorOptions<T> = {},
): Reflector<T> {
  const { metrics, clock = systemClock } = options
  const log = options.log?.child({ resource: resource.plural })
  const label = { resource: resource.group ? `${resource.plural}.${resource.group}` : resource.plural }
  const objects = createObjectStore<T>({ label, ...options })
  const source = createListWatch<T>(client, resource, options, clock, objects.keep)
  const stopping = new AbortController()
  let loop: Promise<void> | undefined
  let progress = clock.now()
  let listedAt = Number.NEGATIVE_INFINITY
  let failures = 0
  let watches = 0
  let askedAt = Number.NEGATIVE_INFINITY
  let isAsking = false
  let watching: AbortController | undefined

  async function list(): Promise<void> {
    const { items, resourceVersion } = await source.list(stopping.signal)
    const first = !objects.synced()
    const changes = objects.replace(items, resourceVersion)
    if (!first) {
      metrics?.relists.inc(label)
      metrics?.eventsMissed.inc(label, changes)
    }
    progress = clock.now()
    listedAt = progress
  }

  async function watch(): Promise<void> {
    if (watches++ > 0) metrics?.watchRestarts.inc(label)
    const isShort = isAsking
    isAsking = false
    const began = clock.now()
    watching = new AbortController()
    try {
      if (stopping.signal.aborted) return
      for await (const event of source.watch(objects.seen() as string, watching.signal, isShort)) {
        if (event.type === 'ERROR') throw streamError(resource, event)
        objects.take(event)
        progress = clock.now()
        failures = 0
      }
    } catch (error) {
      if (isAsking) return
      throw error
    }
    progress = clock.now()
    if (progress - began < shortWatchMs && !isAsking) throw new Error('the watch ended within a second')
    failures = 0
  }

  /** @returns ms to wait before the next try */
  function recover(error: unknown): number {
    failures++
    const refused = error instanceof KubeError
    const gone = refused && (error.status === 410 || error.reason === 'Expired')
    if (gone || (refused && failures % refusalsBeforeList === 0)) listedAt = Number.NEGATIVE_INFINITY
    log?.[failures > 1 ? 'warn' : 'info']({ err: error, failures }, 'watch interrupted')
    if (gone && failures === 1) return source.timings.floorMs
    return Math.max(source.backoffMs(failures), refused ? (error.retryAfterSeconds ?? 0) * 1_000 : 0)
  }

  /** The watch that is open goes on until the server's copy is new enough for the next one to be of use. */
  async function hasten(): Promise<void> {
    try {
      await source.refresh(stopping.signal)
    } catch (error) {
      log?.info({ err: error }, 'the server does not say how far it is')
    }
    isAsking = true
    watching?.abort()
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      let pauseMs = source.timings.floorMs
      try {
        if (clock.now() - listedAt >= source.timings.resyncMs) await list()
        await watch()
      } catch (error) {
        if (stopping.signal.aborted) break
        pauseMs = recover(error)
      }
      await sleep(clock, pauseMs, stopping.signal)
    }
  }

  return {
    store: objects.store,
    seen: objects.seen,
    synced: objects.synced,
    whenSynced: objects.whenSynced,
    lastProgress: () => progress,
    onChange: objects.onChange,
    onSeen: objects.onSeen,
    askProgress() {
      // Before the first list there is nothing to be told of, and a watch that failed is opened again soon.
      if (!objects.synced() || clock.now() - askedAt < askAgainMs) return
      askedAt = clock.now()
      void hasten()
    },
    start() {
      if (!stopping.signal.aborted) loop ??= run()
    },
    async stop() {
      stopping.abort()
      watching?.abort()
      objects.close()
      await loop
    },
  }
}

function streamError(resource: Resource, { object }: Extract<WatchEvent, { type: 'ERROR' }>): KubeError {
  return new KubeError(`${resource.plural} WATCH`, object.code ?? 500, object.reason, object.details?.retryAfterSeconds)
}
