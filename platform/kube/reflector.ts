import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { KubeClient, KubeObject, Resource } from './client.ts'

/** What happened to one object. */
export interface Change<T extends KubeObject> {
  type: 'added' | 'updated' | 'deleted'
  /** `namespace/name`, or `name` for cluster-scoped kinds. */
  key: string
  /** As it is now, or was last seen before it went. */
  object: T
  old?: T
  resourceVersion: string
}

/** A copy of one resource, kept up to date by list and watch, that never stops for good. */
export interface Reflector<T extends KubeObject> {
  readonly store: ReadonlyMap<string, T>
  /** The last resourceVersion of this resource that the store includes, bookmarks counted. */
  readonly seen: () => string | undefined
  synced(): boolean
  /** Resolves after the first full list; rejects when the signal fires first. */
  whenSynced(signal?: AbortSignal): Promise<void>
  /** Monotonic ms of the last good list, event, bookmark or orderly end of a watch. */
  lastProgress(): number
  /** Called synchronously after the store changed. Must be quick; what it throws is logged and changes nothing. */
  onChange(handler: (change: Change<T>) => void): void
  /** Called after every batch of changes and every bookmark. */
  onSeen(handler: (resourceVersion: string) => void): void
  start(): void
  stop(): Promise<void>
}

export interface ReflectorTimings {
  pageSize: number
  /** Server-side watch time is drawn between these. */
  watchMinSeconds: number
  watchMaxSeconds: number
  /** How long after its server-side time a watch is cut by us. */
  watchGraceMs: number
  /** Least time between two watches, however they end. */
  floorMs: number
  backoffMinMs: number
  backoffMaxMs: number
  resyncMs: number
}

export interface ReflectorOptions<T extends KubeObject> {
  namespace?: string
  fieldSelector?: string
  labelSelector?: string
  /** What of an object is kept. managedFields and the last-applied annotation are dropped before. */
  keep?: (object: T) => T
  log?: Logger
  metrics?: Metrics
  clock?: Clock
  timings?: Partial<ReflectorTimings>
}

export function createReflector<T extends KubeObject>(
  _client: KubeClient,
  _resource: Resource,
  _options: ReflectorOptions<T> = {},
): Reflector<T> {
  throw new Error('not there yet')
}
