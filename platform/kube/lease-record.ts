import { isSameJson } from '../../core/base/canonical-json.ts'
import type { Clock } from '../clock.ts'
import { type KubeClient, KubeError, type KubeObject, type OwnerReference, type Resource } from './client.ts'
import { microTime } from './object.ts'

/** `coordination.k8s.io/v1` Lease. */
export const leases: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
}

interface LeaseSpec {
  holderIdentity?: string
  leaseDurationSeconds?: number
  acquireTime?: string
  renewTime?: string
  leaseTransitions?: number
}

interface Lease extends KubeObject {
  spec?: LeaseSpec
}

/** `held`: by us, as of before the call. `taken`: by another. `deleted`: it is gone. `failed`: the call told nothing. */
export type LeaseOutcome = 'held' | 'taken' | 'deleted' | 'failed'

interface RecordOptions {
  client: Pick<KubeClient, 'get' | 'create' | 'update'>
  namespace: string
  name: string
  identity: string
  leaseDurationMs?: number
  ownerReferences?: OwnerReference[]
}

/** One candidate's view of the lease and its moves on it. Every write is conditional on what was read. */
export function createLeaseRecord(options: RecordOptions, clock: Clock) {
  const { client, namespace, name, identity, leaseDurationMs = 15_000 } = options
  let lease: Lease | undefined
  // The last holder seen, and when its record last changed before our eyes. Outlives the lease's deletion.
  let holder: { spec: LeaseSpec; since: number } | undefined

  function observe(found: Lease): void {
    const spec = found.spec ?? {}
    // Not by resourceVersion: whoever writes labels or annotations to it renews nothing.
    if (!isSameJson(holder?.spec, spec)) holder = { spec, since: clock.now() }
    lease = found
  }

  function free(): boolean {
    if (!holder?.spec.holderIdentity || holder.spec.holderIdentity === identity) return true
    const durationMs = Math.max(leaseDurationMs, (holder.spec.leaseDurationSeconds ?? 0) * 1_000)
    return clock.now() >= holder.since + durationMs
  }

  function mine(): LeaseSpec {
    const previous = lease?.spec
    const now = after(previous?.renewTime, microTime(new Date(clock.wallMs())))
    const renewing = previous?.holderIdentity === identity
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.ceil(leaseDurationMs / 1_000)),
      acquireTime: renewing ? (previous.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (previous?.leaseTransitions ?? 0) + (renewing || !previous ? 0 : 1),
    }
  }

  async function create(): Promise<LeaseOutcome> {
    const { ownerReferences } = options
    const metadata = { name, namespace, ...(ownerReferences && { ownerReferences }) }
    lease = undefined
    try {
      observe(await client.create<Lease>(leases, { metadata, spec: mine() }))
      return 'held'
    } catch (error) {
      if (error instanceof KubeError && error.status === 409) return 'taken'
      throw error
    }
  }

  async function write(current: Lease, spec: LeaseSpec): Promise<LeaseOutcome> {
    // Unknown until answered: after a lost answer or a conflict the next attempt reads first.
    lease = undefined
    try {
      observe(await client.update<Lease>(leases, { ...current, spec }))
      return 'held'
    } catch (error) {
      // Somebody wrote since we read. It may have been the holder's rival, or only a label.
      if (error instanceof KubeError && error.status === 409) return 'failed'
      if (error instanceof KubeError && error.status === 404) return 'deleted'
      throw error
    }
  }

  return {
    /**
     * Takes the lease if it is free, or renews it. One read and one write at most.
     * @param leading a leader that finds the lease gone must step down: another may have made it anew already
     * @throws Error when the API server could not be asked or refused
     */
    async attempt(leading: boolean): Promise<LeaseOutcome> {
      if (leading && lease) return write(lease, mine())
      const found = await client.get<Lease>(leases, namespace, name)
      if (!found) {
        if (leading) return 'deleted'
        // The holder we knew notices at its next renewal; until its time is over it may still be leading. A candidate
        // that never saw the lease cannot know of a holder, and the two may overlap for one retry period: writers
        // have to be safe against that anyway, and waiting would delay every first installation.
        return free() ? create() : 'taken'
      }
      observe(found)
      return free() ? write(found, mine()) : 'taken'
    },

    /** Gives the lease up, if it is still ours. */
    async release(): Promise<void> {
      if (lease?.spec?.holderIdentity !== identity) return
      await write(lease, { ...mine(), holderIdentity: '', leaseDurationSeconds: 1 })
    },
  }
}

/** A renewal is another record than the one before, also where the clock stands still or was set back. */
function after(previous: string | undefined, now: string): string {
  const [, second, micros] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.)(\d{6})Z$/.exec(previous ?? '') ?? []
  if (previous === undefined || second === undefined || now > previous) return now
  const next = (Number(micros) + 1) % 1_000_000
  return `${second}${String(next).padStart(6, '0')}Z`
}
