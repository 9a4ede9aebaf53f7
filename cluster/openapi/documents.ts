import type { GuardedService } from '../../core/api/guarded-service.ts'
import {
  afterLook,
  type DocumentState,
  isSettled,
  type Look,
  refOf,
  stateBefore,
} from '../../core/registry/document-state.ts'
import { withinNamespace } from '../../core/registry/document-sum.ts'
import { byAge, keyOf } from '../../core/registry/ids.ts'
import type { ConfigMapObject } from '../../core/registry/kubernetes.ts'
import { contentOf, type OpenApiSource } from '../../core/registry/openapi-document.ts'
import type { Seen } from '../../core/rows/frames.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'
import type { KubeClient, KubeObject } from '../../platform/kube/client.ts'
import { createDelays } from '../../platform/kube/delays.ts'
import type { Reflector } from '../../platform/kube/reflector.ts'
import { configMaps } from '../../platform/kube/resources.ts'
import { createWorkQueue, type Requeue } from '../../platform/kube/work-queue.ts'
import type { Logger } from '../../platform/log.ts'
import type { Metrics } from '../../platform/metrics.ts'
import type { DocumentReader } from './document-reader.ts'
import { createReadingBudget } from './reading-budget.ts'

/** The OpenAPI documents that GuardedServices name, read from their ConfigMaps and kept up to date. */
export interface Documents {
  /** Begins with what the store of services holds. Nobody has to wait: what is not read yet is not known. */
  start(): void
  /** undefined before anything came of it; the same object while the same is known. */
  get(service: GuardedService): OpenApiSource | undefined
  /** Whether something can be said of the document that the service names now. */
  isSettled(service: GuardedService): boolean
  /** The version of the ConfigMap that was read last, as a component of its own. @param service `namespace/name` */
  seenOf(service: string): Seen
  /** Told the key of each service of whose document something else is known. @returns a function that ends it */
  onChange(handler: (key: string) => void): () => void
  /** Resolves when nothing is under way. */
  stop(): Promise<void>
}

export interface DocumentsOptions {
  readonly client: Pick<KubeClient, 'get' | 'getMetadata'>
  readonly services: Pick<Reflector<GuardedService & KubeObject>, 'store' | 'onChange'>
  readonly reader: DocumentReader
  readonly log: Logger
  readonly metrics?: Metrics
  readonly clock?: Clock
  /** In [0, 1). */
  readonly random?: () => number
  readonly timings?: Partial<DocumentTimings>
}

/** Milliseconds. */
export interface DocumentTimings {
  /** How often a ConfigMap is looked at: they are not watched, for most have nothing to do with us. */
  readonly goodMs: number
  /** The same while something is wrong with it: somebody works on it. */
  readonly faultyMs: number
  /** The same for one that goes beyond what its namespace may have: it would be read each time. */
  readonly beyondMs: number
  /** After a failure, doubled with each further one. */
  readonly retryMs: number
  readonly longestRetryMs: number
}

const defaults: DocumentTimings = {
  goodMs: 30_000,
  faultyMs: 10_000,
  beyondMs: 300_000,
  retryMs: 1_000,
  longestRetryMs: 60_000,
}
// Namespaces that are looked at together. Each has one document under way at a time, so that none waits for another's.
const namespacesAtOnce = 8

export function createDocuments(options: DocumentsOptions): Documents {
  const { client, services, reader, log, clock = systemClock, random = Math.random } = options
  const timings = { ...defaults, ...options.timings }
  const states = new Map<string, DocumentState>()
  const handlers = new Set<(key: string) => void>()
  const waiting = new Map<string, Set<string>>()
  const budget = createReadingBudget(clock)
  const due = createDelays(clock, ask)
  let started = false
  let stopped = false
  // A key is a namespace, and a pass is one of its documents: the queue goes round among namespaces.
  const queue = createWorkQueue({
    name: 'openapi',
    workers: namespacesAtOnce,
    reconcile: turn,
    log,
    clock,
    ...(options.metrics && { metrics: options.metrics }),
  })
  const unsubscribe = services.onChange(({ type, key, object }) => {
    if (type === 'deleted' || !object.spec.openapi) {
      states.delete(key)
      due.delete(key)
    } else if (started && !isCurrent(states.get(key), object)) ask(key)
  })

  function ask(key: string): void {
    const namespace = key.slice(0, key.indexOf('/'))
    const keys = waiting.get(namespace) ?? new Set()
    waiting.set(namespace, keys.add(key))
    queue.add(namespace)
  }

  async function turn(namespace: string): Promise<Requeue> {
    const pause = budget.pauseMs(namespace)
    if (pause > 0) return { requeueAfterMs: pause }
    const [key] = waiting.get(namespace) ?? []
    if (key === undefined) return
    waiting.get(namespace)?.delete(key)
    await lookAgain(key)
    if (waiting.get(namespace)?.size) return { requeueAfterMs: budget.pauseMs(namespace) }
    waiting.delete(namespace)
  }

  async function lookAgain(key: string): Promise<void> {
    const service = services.store.get(key)
    if (stopped || !service?.spec.openapi) return
    const before = stateOf(service)
    const look = await lookAt(service, before).catch((error): Look => {
      if (!stopped) log.warn({ err: error, service: key }, 'the OpenAPI document was not read, trying again')
      return { failed: true }
    })
    const current = services.store.get(key)
    // Another one by now, or another document: its own event has asked for a look.
    if (stopped || !current || current.metadata.uid !== before.uid || refOf(current) !== refOf(service)) return
    const state = afterLook(before, look)
    states.set(key, state)
    due.set(key, clock.now() + pauseAfter(state))
    if (state !== before) for (const handler of handlers) handler(key)
  }

  async function lookAt(service: GuardedService, { read }: DocumentState): Promise<Look> {
    const { namespace = '', name: serviceName } = service.metadata
    const ref = refOf(service)
    const name = service.spec.openapi?.configMapRef.name ?? ''
    if (read?.ref === ref) {
      const found = await client.getMetadata(configMaps, namespace, name)
      if ((found?.resourceVersion ?? '') === read.version) return { unchanged: true }
    }
    const configMap = await client.get<ConfigMapObject & KubeObject>(configMaps, namespace, name)
    const version = configMap?.metadata.resourceVersion ?? ''
    const content = contentOf(service, configMap)
    if ('fault' in content) return { read: { ref, name, version }, reading: content }
    const { reading, spentMs } = await reader.read(content, serviceName)
    budget.spend(namespace, spentMs)
    const bounded = withinNamespace(reading, routesBeside(service))
    // Of no version: it is read again, for others may have gone.
    return 'beyond' in bounded
      ? { read: { ref, name, version: '' }, reading: bounded.beyond }
      : { read: { ref, name, version }, reading: bounded }
  }

  function* routesBeside({ metadata }: GuardedService) {
    const own = `${metadata.namespace}/${metadata.name}`
    for (const [key, { routes }] of states) {
      if (routes && key !== own && key.startsWith(`${metadata.namespace}/`)) yield routes
    }
  }

  function stateOf(service: GuardedService): DocumentState {
    const state = states.get(keyOf(service))
    return state && state.uid === service.metadata.uid ? state : stateBefore(service)
  }

  /** With a part by chance: what failed together is not tried again together. */
  function pauseAfter({ failures, fault, read }: DocumentState): number {
    const { goodMs, faultyMs, beyondMs, retryMs, longestRetryMs } = timings
    const faultMs = read?.version === '' && fault?.reason === 'OpenApiInvalid' ? beyondMs : faultyMs
    const ms = failures > 0 ? Math.min(longestRetryMs, retryMs * 2 ** (failures - 1)) : fault ? faultMs : goodMs
    return ms * (1 + random() / 4)
  }

  return {
    start() {
      started = true
      for (const service of [...services.store.values()].filter(one => one.spec.openapi).sort(byAge))
        ask(keyOf(service))
    },
    get(service) {
      const state = states.get(keyOf(service))
      return service.spec.openapi && state?.uid === service.metadata.uid ? state?.source : undefined
    },
    isSettled: service => !service.spec.openapi || isSettled(stateOf(service), service),
    seenOf(key) {
      const { read } = states.get(key) ?? {}
      const namespace = key.slice(0, key.indexOf('/'))
      return read?.version ? { [`configmaps/${namespace}/${read.name}`]: read.version } : {}
    },
    onChange(handler) {
      handlers.add(handler)
      return () => void handlers.delete(handler)
    },
    async stop() {
      stopped = true
      unsubscribe()
      due.clear()
      reader.stop()
      await queue.stop()
    },
  }
}

function isCurrent(state: DocumentState | undefined, service: GuardedService): boolean {
  return state?.uid === service.metadata.uid && state?.read?.ref === refOf(service)
}
