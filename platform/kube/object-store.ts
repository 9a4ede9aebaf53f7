import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { KubeObject } from './client.ts'
import type { WatchEvent } from './watch-stream.ts'

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

/** The reflector's copy and those who listen to it. Synchronous throughout. */
export interface ObjectStore<T extends KubeObject> {
  readonly store: ReadonlyMap<string, T>
  seen(): string | undefined
  synced(): boolean
  whenSynced(signal?: AbortSignal): Promise<void>
  onChange(handler: (change: Change<T>) => void): () => void
  onSeen(handler: (resourceVersion: string) => void): () => void
  /** What of an object is kept; undefined for one that cannot be read: it is told to the log, and not there. */
  keep(object: T): T | undefined
  /** Makes the copy equal to a full list of what is kept. @returns how many objects differed */
  replace(items: readonly T[], resourceVersion: string): number
  take(event: Exclude<WatchEvent, { type: 'ERROR' }>): void
  close(): void
}

interface Options<T> {
  label: { resource: string }
  keep?: (object: T) => T
  log?: Logger
  metrics?: Metrics
}

export function createObjectStore<T extends KubeObject>(options: Options<T>): ObjectStore<T> {
  const store = new Map<string, T>()
  const guard = guarded(options)
  const changed = new Set<(change: Change<T>) => void>()
  const announced = new Set<(resourceVersion: string) => void>()
  const sync = createGate()
  let seen: string | undefined
  let announcing: NodeJS.Immediate | undefined

  function tell(change: Change<T>): void {
    for (const handler of changed) guard(() => handler(change))
  }

  // Once for all events that arrived together, after the last of them.
  function announce(): void {
    announcing ??= setImmediate(() => {
      announcing = undefined
      for (const handler of announced) guard(() => handler(seen as string))
    })
  }

  function keep(object: T): T | undefined {
    const stripped = strip(object)
    return options.keep ? guard(() => options.keep?.(stripped), `${keyOf(object)} cannot be read`) : stripped
  }

  return {
    store,
    keep,
    seen: () => seen,
    synced: sync.isOpen,
    whenSynced: sync.wait,
    onChange(handler) {
      changed.add(handler)
      for (const [key, object] of store) {
        guard(() => handler({ type: 'added', key, object, resourceVersion: versionOf(object) }))
      }
      return () => void changed.delete(handler)
    },
    onSeen(handler) {
      announced.add(handler)
      return () => void announced.delete(handler)
    },
    replace(items, resourceVersion) {
      const changes = difference(store, new Map(items.map(item => [keyOf(item), item])), resourceVersion)
      // The whole copy first, so that handlers never see a mixture of two states.
      for (const { type, key, object } of changes) {
        if (type === 'deleted') store.delete(key)
        else store.set(key, object)
      }
      seen = resourceVersion
      for (const change of changes) tell(change)
      sync.open()
      announce()
      return changes.length
    },
    take(event) {
      const resourceVersion = event.object.metadata.resourceVersion
      seen = resourceVersion
      if (event.type !== 'BOOKMARK') {
        const change = changeOf(store, { ...event, type: event.type }, keep(event.object as T))
        if (change) tell(change)
      }
      announce()
    },
    close() {
      clearImmediate(announcing)
      sync.fail(new Error('the reflector was stopped'))
    },
  }
}

function changeOf<T extends KubeObject>(
  store: Map<string, T>,
  { type, object: said }: { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject },
  kept: T | undefined,
): Change<T> | undefined {
  const key = keyOf(said)
  const resourceVersion = versionOf(said)
  const old = store.get(key)
  const before = old && { old }
  const object = kept ?? old
  if (!object) return undefined
  if (type === 'DELETED' || !kept) {
    // With a selector the server tells of objects that leave it, known to us or not.
    return store.delete(key) ? { type: 'deleted', key, object, ...before, resourceVersion } : undefined
  }
  store.set(key, object)
  return { type: old ? 'updated' : 'added', key, object, ...before, resourceVersion }
}

/** What turns `store` into `fresh`: deletions first, so that a name that changed hands is free before it is taken. */
function difference<T extends KubeObject>(
  store: Map<string, T>,
  fresh: Map<string, T>,
  resourceVersion: string,
): Change<T>[] {
  const gone: Change<T>[] = []
  const here: Change<T>[] = []
  for (const [key, old] of store) {
    // Another uid under the same name is another object: its deletion was missed and must be told.
    if (fresh.get(key)?.metadata.uid === old.metadata.uid && fresh.has(key)) continue
    gone.push({ type: 'deleted', key, object: old, old, resourceVersion })
  }
  for (const [key, item] of fresh) {
    const old = store.get(key)
    const known = old && old.metadata.uid === item.metadata.uid
    if (known && versionOf(old) === versionOf(item)) continue
    here.push({
      type: known ? 'updated' : 'added',
      key,
      object: item,
      ...(known && { old }),
      resourceVersion: versionOf(item),
    })
  }
  return [...gone, ...here]
}

function keyOf({ metadata: { namespace, name } }: KubeObject): string {
  return namespace ? `${namespace}/${name}` : name
}

function versionOf(object: KubeObject): string {
  return object.metadata.resourceVersion ?? ''
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

/** Nobody reads these, and together they are often larger than the rest of the object. */
function strip<T extends KubeObject>(object: T): T {
  delete object.metadata.managedFields
  if (object.metadata.annotations) delete object.metadata.annotations[lastApplied]
  return object
}

/** Runs code that is not ours. What it throws, or rejects with later, must not reach the watch loop. */
function guarded<T>({ log, metrics, label }: Options<T>) {
  const report = (error: unknown, what: string): void => {
    metrics?.handlerErrors.inc(label)
    log?.error({ err: error, ...label }, what)
  }
  return <R>(run: () => R, what = 'a change handler failed'): R | undefined => {
    try {
      const result = run()
      if (result instanceof Promise) result.catch(error => report(error, what))
      return result
    } catch (error) {
      report(error, what)
      return undefined
    }
  }
}

/** Opens once; those who wait are told, or told that it never will. */
function createGate() {
  let opened = false
  let failure: Error | undefined
  const waiters = new Set<(failure?: Error) => void>()
  const settle = (): void => {
    for (const waiter of waiters) waiter(failure)
    waiters.clear()
  }
  return {
    isOpen: () => opened,
    open(): void {
      opened = true
      settle()
    },
    fail(error: Error): void {
      failure = error
      settle()
    },
    wait(signal?: AbortSignal): Promise<void> {
      if (opened) return Promise.resolve()
      if (failure) return Promise.reject(failure)
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const aborted = (): void => {
          waiters.delete(waiter)
          reject(signal?.reason)
        }
        const waiter = (error?: Error): void => {
          signal?.removeEventListener('abort', aborted)
          if (error) reject(error)
          else resolve()
        }
        waiters.add(waiter)
        signal?.addEventListener('abort', aborted)
      })
    },
  }
}
