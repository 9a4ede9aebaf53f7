import type { Resolved } from '../../cluster/resolved.ts'
import { laterUse } from '../../core/status/last-use.ts'
import type { StoredCondition } from '../../core/status/report.ts'
import { type UsedKind, usedKinds } from '../../core/status/usage-report.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'
import { KubeError, type KubeObject, type Resource } from '../../platform/kube/client.ts'
import { accessGrants, accessKeys, roles } from '../../platform/kube/resources.ts'
import type { Logger } from '../../platform/log.ts'
import type { Replica } from '../replicas/ask-replica.ts'
import type { ReplicaClient } from '../replicas/issuer-replicas.ts'
import type { Sources } from '../sources.ts'
import type { StatusWriter } from '../status.ts'

/** What a replica that restarts has not told by then is lost. */
const everyMs = 30_000
/** A status is written no more often, whatever the clocks of the replicas say. */
const leastMs = 300_000
/** So much earlier than its last answer a replica is asked from: what was told in that second is told again. */
const overlapSeconds = 2

/** Brings what guards told of uses into the statuses, coarsely. */
export interface LastUsed {
  start(): void
  /** Resolves when the write under way is done. */
  stop(): Promise<void>
}

type Used = KubeObject & {
  readonly status?: { lastUsedAt?: string; observedGeneration?: number; conditions?: StoredCondition[] }
}

export interface LastUsedOptions {
  sources: Pick<Sources, 'keys' | 'grants' | 'roles'>
  resolved: Pick<Resolved, 'isOurs'>
  replicas(): Replica[]
  client: Pick<ReplicaClient, 'used'>
  writer: Pick<StatusWriter, 'write'>
  onWritten?(): void
  log: Logger
  clock?: Clock
}

/**
 * Every half minute the replicas are asked what is new; then the statuses are written that are behind by five minutes, one
 * after the other: never more in five minutes than objects are in use, and none where nothing is. What could not be asked
 * or written is asked and written the next time.
 */
export function createLastUsed(options: LastUsedOptions): LastUsed {
  const { resolved, log, clock = systemClock } = options
  const { keys, grants, roles: ofRoles } = options.sources
  const kinds: Readonly<Record<UsedKind, { resource: Resource; store: ReadonlyMap<string, KubeObject> }>> = {
    accesskeys: { resource: accessKeys, store: keys.store },
    accessgrants: { resource: accessGrants, store: grants.store },
    roles: { resource: roles, store: ofRoles.store },
  }
  // Seconds since epoch of the last use, of what a status may have to tell.
  const known: Readonly<Record<UsedKind, Map<string, number>>> = {
    accesskeys: new Map(),
    accessgrants: new Map(),
    roles: new Map(),
  }
  const writtenMs: Readonly<Record<UsedKind, Map<string, number>>> = {
    accesskeys: new Map(),
    accessgrants: new Map(),
    roles: new Map(),
  }
  const askedUntil = new Map<string, number>()
  let stopped = true
  let running = Promise.resolve()
  let cancel = (): void => {}
  let isAway = false

  async function ask(): Promise<void> {
    const replicas = options.replicas()
    const answers = await Promise.allSettled(replicas.map(askOne))
    const failed = answers.find(answer => answer.status === 'rejected')
    if (failed && !isAway) log.warn({ err: failed.reason }, 'an issuer does not say what its guards told was used')
    isAway = failed !== undefined
    const names = new Set(replicas.map(nameOf))
    for (const name of askedUntil.keys()) if (!names.has(name)) askedUntil.delete(name)
  }

  async function askOne(replica: Replica): Promise<void> {
    const name = nameOf(replica)
    const { at, used } = await options.client.used(replica, askedUntil.get(name) ?? 0)
    askedUntil.set(name, Math.max(0, at - overlapSeconds))
    for (const kind of usedKinds) {
      for (const [key, second] of used[kind]) known[kind].set(key, Math.max(second, known[kind].get(key) ?? 0))
    }
  }

  async function writeAll(): Promise<void> {
    for (const kind of usedKinds) {
      forgetGone(kind)
      for (const [key, second] of known[kind]) {
        if (stopped) return
        await writeOne(kind, key, second)
      }
    }
  }

  async function writeOne(kind: UsedKind, key: string, second: number): Promise<void> {
    const { resource, store } = kinds[kind]
    const object = store.get(key) as Used | undefined
    // Until the first pass the status is the schema's, and nobody's to repeat.
    if (object?.status?.observedGeneration === undefined || !resolved.isOurs(object.metadata.namespace)) return
    const lastUsedAt = laterUse(object.status, second, Math.floor(clock.wallMs() / 1_000))
    if (lastUsedAt === undefined) return
    const before = writtenMs[kind].get(key)
    if (before !== undefined && clock.now() - before < leastMs) return
    try {
      const status = { ...object.status, lastUsedAt }
      if (await options.writer.write(resource, object, status)) options.onWritten?.()
      writtenMs[kind].set(key, clock.now())
    } catch (error) {
      // It has changed or gone since: the next round sees it as it is then.
      if (!(error instanceof KubeError) || (error.status !== 409 && error.status !== 404)) throw error
    }
  }

  function forgetGone(kind: UsedKind): void {
    for (const list of [known[kind], writtenMs[kind]]) {
      for (const key of list.keys()) if (!kinds[kind].store.has(key)) list.delete(key)
    }
  }

  async function round(): Promise<void> {
    try {
      await ask()
      await writeAll()
    } catch (error) {
      log.warn({ err: error }, 'when objects were used could not be written')
    }
    arm()
  }

  function arm(): void {
    if (stopped) return
    cancel = clock.after(everyMs, () => {
      running = round()
    })
  }

  return {
    start() {
      stopped = false
      arm()
    },
    async stop() {
      stopped = true
      cancel()
      await running
    },
  }
}

function nameOf({ host, port }: Replica): string {
  return `${host}:${port}`
}
