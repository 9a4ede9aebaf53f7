import { keyOf } from '../../core/registry/ids.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'
import type { ClientKey } from '../../core/registry/slice.ts'
import { sliceRows } from '../../core/registry/slice.ts'
import type { Feature } from '../../core/rows/features.ts'
import { maxSliceBytes, type Seen } from '../../core/rows/frames.ts'
import type { ClusterRow } from '../../core/rows/rows.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/log.ts'
import type { Documents } from '../../platform/openapi/documents.ts'
import type { Indexes } from '../indexes.ts'
import type { Objects } from '../objects.ts'
import type { Registry } from '../registry.ts'
import { cleanDirt, type Dirt, followChanges } from './dirt.ts'
import { createChunkCache } from './frame-text.ts'
import { createRowCache } from './row-cache.ts'
import { createSlice, type Slice } from './slice.ts'

/** How long changes that take nothing away wait for others, in milliseconds. */
const coalesceMs = 20

/** After so many milliseconds of slices made anew, the rest wait until others had their turn. */
const turnMs = 5

/** Texts of slices that several guards are being sent. */
const chunkCacheBytes = 32 * 1_048_576

/** One slice per GuardedService of this installation, kept in step with the objects. */
export interface Slices {
  /** Makes all slices; every object must be there. */
  start(): void
  get(service: string): Slice | undefined
  all(): Iterable<Slice>
  /** Keys of a client, revoked and ended ones too. */
  keysOf(client: ResolvedClient): readonly ClientKey[]
  /** Carries out what waits: afterwards the slices are as new as the objects. */
  flush(): void
  /** Calls back when a GuardedService is gone. */
  onRemoved(handler: (service: string) => void): void
  /** Makes every slice anew: the cluster's keys changed. */
  clusterChanged(): void
  stop(): void
}

export function createSlices(parts: {
  objects: Objects
  indexes: Indexes
  registry: Registry
  documents: Pick<Documents, 'onChange' | 'seenOf'>
  cluster: () => ClusterRow | undefined
  log: Logger
  clock?: Clock
  /** What rows may say that guards of earlier releases do not know; default: of this release. */
  features?: readonly Feature[]
}): Slices {
  const { objects, indexes, registry, documents, log, clock = systemClock } = parts
  const cache = createRowCache(objects, indexes, registry.clients)
  const chunks = createChunkCache(chunkCacheBytes)
  const slices = new Map<string, Slice>()
  const removed = new Set<(service: string) => void>()
  let dirt = cleanDirt()
  let cancel: (() => void) | undefined
  let content: Seen = {}
  let seenByService = new Map<string, Seen>()
  let started = false

  function schedule(pace: 'urgent' | 'relaxed'): void {
    if (!started) return
    if (pace === 'urgent') {
      cancel?.()
      // After all events that arrived together, before anything else is read.
      const immediate = setImmediate(carryOut, turnMs)
      cancel = () => clearImmediate(immediate)
    } else cancel ??= clock.after(coalesceMs, () => carryOut(turnMs))
  }

  followChanges(objects, indexes, (put, pace) => {
    put(dirt)
    schedule(pace)
  })
  documents.onChange(() => {
    dirt.services = true
    schedule('relaxed')
  })

  function flush(): void {
    carryOut(Number.POSITIVE_INFINITY)
  }

  function carryOut(patienceMs: number): void {
    cancel?.()
    cancel = undefined
    if (!started) return
    const before = { content, seenByService }
    content = objects.content()
    seenByService = new Map()
    const work = dirt
    dirt = cleanDirt()
    for (const key of work.grants) cache.forgetGrant(key)
    for (const namespace of work.namespaces) resolveNamespace(namespace, work)
    for (const key of work.clients) cache.forgetClient(key)
    if (work.services) for (const key of registry.resolveServices()) work.slices.add(key)
    for (const key of rebuildSome(work.slices, patienceMs)) {
      // It includes what it did, and must not say more.
      seenByService.set(key, seenIn(before, key))
      dirt.slices.add(key)
    }
    if (dirt.slices.size > 0) schedule('urgent')
    for (const key of work.clients) {
      for (const service of indexes.servicesOfClient(key)) {
        if (!work.slices.has(service)) separately(service, () => renewClient(key, service))
      }
    }
  }

  /** @returns those for which there was no time */
  function rebuildSome(keys: Iterable<string>, patienceMs: number): string[] {
    const endsAt = clock.now() + patienceMs
    const waiting: string[] = []
    for (const key of keys) {
      if (clock.now() < endsAt) separately(key, () => rebuild(key))
      else waiting.push(key)
    }
    return waiting
  }

  /** What goes wrong with one service must delay no other; and what cannot be made anew must not stay as it was. */
  function separately(service: string, make: () => void): void {
    try {
      make()
    } catch (error) {
      log.error({ err: error, service }, 'the slice could not be made, its guards deny')
      slices.get(service)?.replace([])
    }
  }

  function resolveNamespace(namespace: string, work: Dirt): void {
    const { changed, moved } = registry.resolveClients(namespace)
    for (const key of changed) work.clients.add(key)
    for (const key of moved) {
      for (const grant of indexes.grantsOfClient.get(key)) cache.forgetGrant(keyOf(grant))
      for (const service of indexes.servicesOfClient(key)) work.slices.add(service)
    }
  }

  function rebuild(key: string): void {
    const service = registry.services.get(key)
    const slice = slices.get(key)
    // Withheld: its guards keep what they have, and who asks is told to come back. A slice that stands here all the
    // same is of a service before it that had this name.
    if (!service || service.withheld) {
      if (!slices.delete(key)) return
      // Its guards keep the last policy, for as long as they may: a deletion is no outage.
      for (const handler of removed) handler(key)
      return
    }
    const made = slice ?? createSlice(key, () => seenOf(key), clock.now, chunks, parts.features)
    slices.set(key, made)
    const roles = indexes.rolesOfService.get(key)
    const namespace = service.service.metadata.namespace ?? ''
    made.replace(
      sliceRows({
        service,
        roles,
        grants: roles.flatMap(role => indexes.grantsOfRole.get(`${namespace}/${role.metadata.name}`)),
        grantRow: cache.grantRow,
        clientRow: client => cache.clientRow(client, namespace),
        cluster: parts.cluster(),
      }),
    )
    if (made.bytes() > maxSliceBytes)
      log.error({ service: key, bytes: made.bytes() }, 'the slice is too large, its guards get none')
    log.debug({ service: key, revision: made.hash().slice(0, 12) }, 'slice made')
  }

  /** A client's own row, in a slice that has one. */
  function renewClient(key: string, service: string): void {
    const client = registry.clients.get(key)
    const slice = slices.get(service)
    if (!client?.accepted || !slice?.row(`client/${client.clientId}`)) return
    slice.apply([cache.clientRow(client, service.slice(0, service.indexOf('/')))], [])
  }

  /** The same object for all rows of one flush, so that they are compared once. */
  function seenOf(key: string): Seen {
    const known = seenIn({ content, seenByService }, key)
    seenByService.set(key, known)
    return known
  }

  function seenIn(of: { content: Seen; seenByService: ReadonlyMap<string, Seen> }, key: string): Seen {
    return of.seenByService.get(key) ?? { ...of.content, ...documents.seenOf(key) }
  }

  return {
    start() {
      started = true
      dirt.services = true
      flush()
    },
    get: service => slices.get(service),
    all: () => slices.values(),
    keysOf: cache.keysOf,
    flush,
    onRemoved: handler => void removed.add(handler),
    clusterChanged() {
      for (const key of slices.keys()) dirt.slices.add(key)
      schedule('relaxed')
    },
    stop() {
      started = false
      cancel?.()
    },
  }
}
