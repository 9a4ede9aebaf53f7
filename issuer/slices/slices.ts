import type { Documents } from '../../cluster/openapi/documents.ts'
import type { Resolved } from '../../cluster/resolved.ts'
import type { Steps } from '../../core/base/steps.ts'
import type { Revoked } from '../../core/registry/client-row.ts'
import { keyOf } from '../../core/registry/ids.ts'
import { serviceAccountOfPod } from '../../core/registry/reach.ts'
import { makingSliceRows, takesAccessTokens } from '../../core/registry/slice.ts'
import type { Feature } from '../../core/rows/features.ts'
import { maxSliceBytes, type Seen } from '../../core/rows/frames.ts'
import type { AccessTokensRow, ClusterRow } from '../../core/rows/rows.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'
import { driveSteps, takeTurn } from '../../platform/drive-steps.ts'
import type { Logger } from '../../platform/log.ts'
import type { Objects } from '../objects.ts'
import { createChunkCache } from '../snapshots/frame-text.ts'
import { createBuildTurns } from './build-turns.ts'
import { createChangedClients } from './changed-clients.ts'
import { createClientRenewals, nameOf } from './client-renewals.ts'
import { createLesserSlices, type LesserSlices } from './lesser-slices.ts'
import { followPodEnds } from './pod-ends.ts'
import { createRowCache } from './row-cache.ts'
import { createSeenBySlice } from './seen-by-slice.ts'
import { createSlice, type Slice } from './slice.ts'
import { followChanges, isNothingStale, nothingStale } from './stale.ts'

/** How long changes that take nothing away wait for others, in milliseconds. */
const coalesceMs = 20

/** Texts of slices that several guards are being sent. */
const chunkCacheBytes = 32 * 1_048_576

/**
 * One slice per GuardedService of this installation, kept in step with the objects. All work is done in turns: first
 * what a change means, then the slices it concerns.
 */
export interface Slices {
  /** Makes all slices; every object must be there. @returns when they are made */
  start(): Promise<void>
  get(service: string): Slice | undefined
  all(): Iterable<Slice>
  /** Begins with what waits. Afterwards clients and slices are as new as the objects, unless the work is long. */
  flush(): void
  /** Whether the slice is as new as the objects. */
  isCurrent(service: string): boolean
  /** Calls back when the slice has all that is in the objects now: at once, or after it was made. */
  whenCurrent(service: string, done: () => void): void
  /** Calls back when a GuardedService is gone. */
  onRemoved(handler: (service: string) => void): void
  /** Makes every slice anew: the cluster's keys changed. */
  clusterChanged(): void
  /** The same of services that take access tokens: what these are proved with changed. */
  accessTokensChanged(): void
  /** Makes a client's own row anew. @param client `namespace/name` */
  clientChanged(client: string, pace: 'urgent' | 'relaxed'): void
  /** Of a slice that not every guard takes, what fits. */
  readonly lesser: LesserSlices
  stop(): void
}

export function createSlices(parts: {
  objects: Objects
  resolved: Resolved
  documents: Pick<Documents, 'seenOf'>
  cluster: () => ClusterRow | undefined
  /** What access tokens are proved with, and what is known of those of a client at a service. */
  accessTokens?: {
    row(): AccessTokensRow
    revoked(clientId: string, audience: string): Revoked
  }
  log: Logger
  clock?: Clock
  drive?: typeof driveSteps
  /** What rows may say that guards of earlier releases do not know; default: of this release. */
  features?: readonly Feature[]
}): Slices {
  const { objects, resolved, documents, log, clock = systemClock, drive = driveSteps } = parts
  const { known } = resolved
  const { accessTokens } = parts
  const cache = createRowCache(
    objects,
    known.clients,
    () => clock.wallMs() / 1_000,
    (clientId, { namespace, name }) => {
      const service = known.services.get(`${namespace}/${name}`)
      if (!accessTokens || !service || !takesAccessTokens(service.service)) return undefined
      return accessTokens.revoked(clientId, service.audience)
    },
  )
  const chunks = createChunkCache(chunkCacheBytes)
  const slices = new Map<string, Slice>()
  const begun = new Map<string, Slice>()
  const removed = new Set<(service: string) => void>()
  const builds = createBuildTurns(building)
  const seen = createSeenBySlice(objects.content, documents.seenOf)
  const clients = createChangedClients({ objects, resolved, cache, isPending: builds.isPending })
  const renewals = createClientRenewals({
    clients: known.clients,
    cache,
    sliceOf: service => begun.get(service) ?? slices.get(service),
    failed,
  })
  const lesser = createLesserSlices({
    make: (key, seenNow) => createSlice(key, seenNow, clock.now, chunks, parts.features),
    seen: seen.of,
    ...{ clock, drive },
  })
  let stale = nothingStale()
  let cancel: (() => void) | undefined
  let isDue = false
  let resolving: Steps<void> | undefined
  let leave: (() => void) | undefined
  let loading: PromiseWithResolvers<void> | undefined

  function schedule(pace: 'urgent' | 'relaxed'): void {
    if (!loading) return
    if (pace === 'urgent') {
      cancel?.()
      // After all events that arrived together, before anything else is read.
      const immediate = setImmediate(flush)
      cancel = () => clearImmediate(immediate)
    } else cancel ??= clock.after(coalesceMs, flush)
  }

  followChanges(objects, resolved, (put, pace) => {
    put(stale)
    schedule(pace)
  })
  const endPodEnds = followPodEnds(objects.pods, clock, pod => {
    for (const client of objects.by.clientsOfAccount.get(serviceAccountOfPod(pod))) stale.clients.add(keyOf(client))
    schedule('relaxed')
  })

  function flush(): void {
    cancel?.()
    cancel = undefined
    if (!loading) return
    isDue = true
    // Slices that are being made must not delay what a change means.
    if (leave) takeTurn(resolvingOnly())
    else work()
  }

  function work(): void {
    let isOver = false
    const stop = drive(working(), outcome => {
      isOver = true
      leave = undefined
      if ('error' in outcome) throw outcome.error
      clients.settled()
      loading?.resolve()
    })
    if (!isOver) leave = stop
  }

  function* working(): Steps<void> {
    for (;;) {
      const isResolving = resolve() && resolving !== undefined
      // One step of a slice for all that came: a stream of changes must not starve the guards.
      if (!isResolving && !builds.step() && !isDue) return
      yield
    }
  }

  function* resolvingOnly(): Steps<void> {
    while (resolve()) yield
  }

  /** One step of what changes mean. @returns whether there was any */
  function resolve(): boolean {
    if (!resolving && !isDue) return false
    isDue &&= resolving !== undefined
    resolving ??= carryingOut()
    if (resolving.next().done) resolving = undefined
    return true
  }

  function* carryingOut(): Steps<void> {
    const work = stale
    stale = nothingStale()
    const content = objects.content()
    for (const key of work.grants) cache.forgetGrant(key)
    yield* clients.resolving(work)
    const renewed = yield* clients.findingRenewals(work)
    for (const key of [...work.slices, ...renewed.keys()]) seen.hold(key)
    seen.advance(content)
    for (const key of work.slices) toBuild(key)
    for (const [service, gone] of yield* clients.findingGone()) {
      if (builds.isLong(service)) renewals.disarm(service, gone)
      yield
    }
    for (const [service, keys] of renewed) {
      yield* renewals.preparing(service, keys)
      if (!builds.isPending(service)) seen.release(service)
      renewals.renew(service, keys)
      yield
    }
    seen.tell()
  }

  function toBuild(key: string): void {
    const service = known.services.get(key)
    if (service && !service.withheld) return void builds.add(key)
    // Withheld: its guards keep what they have, and whoever asks is told to come back. A slice that stands here all the
    // same is of a service before it that had this name.
    builds.drop(key)
    begun.delete(key)
    seen.release(key)
    if (!slices.delete(key)) return
    // Its guards keep the last policy, for as long as they may: a deletion is no outage.
    for (const handler of removed) handler(key)
  }

  /** What goes wrong with one service must delay no other; and what cannot be made anew must not stay as it was. */
  function failed(service: string, error: unknown): void {
    log.error({ err: error, service }, 'the slice could not be made, its guards deny')
    slices.get(service)?.replace([])
  }

  function* building(key: string): Steps<void> {
    const service = known.services.get(key)
    if (!service) return
    const slice = slices.get(key) ?? createSlice(key, () => seen.of(key), clock.now, chunks, parts.features)
    begun.set(key, slice)
    const upTo = seen.now(key)
    try {
      const roles = objects.by.rolesOfService.get(key)
      const namespace = service.service.metadata.namespace ?? ''
      const replace = yield* slice.replacing(
        makingSliceRows({
          service,
          roles,
          grants: roles.flatMap(role => objects.by.grantsOfRole.get(`${namespace}/${role.metadata.name}`)),
          grantRow: cache.grantRow,
          clientRow: client => cache.clientRow(client, nameOf(key)),
          cluster: parts.cluster(),
          accessTokens: accessTokens?.row(),
        }),
      )
      slices.set(key, slice)
      made(key, upTo)
      replace()
      if (slice.bytes() > maxSliceBytes)
        log.error(
          { service: key, bytes: slice.bytes() },
          'the slice is larger than any guard is sent, they get it without its largest clients',
        )
      log.debug({ service: key, revision: slice.hash().slice(0, 12) }, 'slice made')
    } catch (error) {
      made(key, upTo)
      failed(key, error)
    }
    begun.delete(key)
    seen.tell(key)
  }

  /** It includes what it was made of, and must not say more while more waits. */
  function made(key: string, upTo: Seen): void {
    if (builds.isWaiting(key)) seen.hold(key, upTo)
    else seen.release(key)
  }

  return {
    start() {
      loading = Promise.withResolvers()
      stale.decisions = true
      flush()
      return loading.promise
    },
    get: service => slices.get(service),
    all: () => slices.values(),
    flush,
    isCurrent: service => isNothingStale(stale) && !resolving && !seen.isHeld(service),
    whenCurrent(service, done) {
      seen.await(service, done)
      flush()
    },
    lesser,
    onRemoved: handler => void removed.add(handler),
    clusterChanged() {
      for (const key of known.services.keys()) stale.slices.add(key)
      schedule('relaxed')
    },
    accessTokensChanged() {
      for (const [key, { service }] of known.services) if (takesAccessTokens(service)) stale.slices.add(key)
      schedule('urgent')
    },
    clientChanged(client, pace) {
      stale.clients.add(client)
      schedule(pace)
    },
    stop() {
      loading?.reject(new Error('stopped'))
      loading = undefined
      cancel?.()
      leave?.()
      endPodEnds()
    },
  }
}
