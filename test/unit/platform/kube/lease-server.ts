import { sleep } from '../../../../platform/clock.ts'
import { type KubeClient, KubeError, type KubeObject } from '../../../../platform/kube/client.ts'
import type { ManualClock } from '../manual-clock.ts'

/** What happens to the next calls of one candidate. */
export interface Faults {
  latencyMs: number
  /** The call arrives, its answer does not. */
  loseAnswer: boolean
  /** The call does not arrive. */
  unreachable: boolean
  forbidden: boolean
  /** Neither arrives nor fails until this is over. */
  hang: boolean
}

export const noFaults: Faults = { latencyMs: 1, loseAnswer: false, unreachable: false, forbidden: false, hang: false }

/** One lease as the API server keeps it, reached over faulty lines. */
export function createLeaseServer(clock: ManualClock) {
  let stored: KubeObject | undefined
  let version = 0

  const put = (object: KubeObject): KubeObject => {
    version++
    stored = structuredClone({ ...object, metadata: { ...object.metadata, resourceVersion: String(version) } })
    return structuredClone(stored)
  }

  async function over<R>(faults: () => Faults, act: () => R): Promise<R> {
    const { latencyMs } = faults()
    await sleep(clock, latencyMs)
    while (faults().hang) await sleep(clock, 100)
    if (faults().unreachable) throw new Error('connection refused')
    if (faults().forbidden) throw new KubeError('leases', 403, 'Forbidden')
    const result = act()
    const lost = faults().loseAnswer
    await sleep(clock, latencyMs)
    if (lost) throw new Error('socket hang up')
    return result
  }

  return {
    lease: () => stored as (KubeObject & { spec: { holderIdentity: string; leaseTransitions: number } }) | undefined,
    delete: () => {
      stored = undefined
    },
    /** Somebody writes to it, and not to its record. */
    annotate(value: string): void {
      if (stored) put({ ...stored, metadata: { ...stored.metadata, annotations: { scanned: value } } })
    },
    client: (faults: () => Faults): Pick<KubeClient, 'get' | 'create' | 'update'> => ({
      get: <T extends KubeObject>() => over(faults, () => structuredClone(stored) as T | undefined),
      create: <T extends KubeObject>(_resource: unknown, object: T) =>
        over(faults, () => {
          if (stored) throw new KubeError('leases', 409, 'AlreadyExists')
          return put(object) as T
        }),
      update: <T extends KubeObject>(_resource: unknown, object: T) =>
        over(faults, () => {
          if (!stored) throw new KubeError('leases', 404, 'NotFound')
          if (object.metadata.resourceVersion !== stored.metadata.resourceVersion) {
            throw new KubeError('leases', 409, 'Conflict')
          }
          return put(object) as T
        }),
    }),
  }
}
