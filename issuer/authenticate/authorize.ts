import { guardContainerName } from '../../core/api/guarded-pod.ts'
import { guardLabel } from '../../core/api/labels.ts'
import type { PodObject } from '../../core/registry/kubernetes.ts'
import { type Clock, sleep, systemClock } from '../../platform/clock.ts'
import type { Objects } from '../objects.ts'
import type { Holder, Reviewer } from './token-review.ts'

/** Why a guard does not get a slice. */
export interface StreamRefusal {
  readonly code: 'forbidden' | 'service_not_found' | 'not_ready' | 'draining'
  readonly message: string
}

/** What the right to a slice stands on: the holder's pod is behind the service, or its user has the verb `enforce` on it. */
export type StreamRight = 'pod' | 'verb'

export interface StreamAuthorizer {
  /** Whether a holder may have the slice of a service. */
  authorize(holder: Holder, service: string): Promise<{ right: StreamRight } | { refusal: StreamRefusal }>
  /** Whether it may as a pod, by what is known now. */
  isPodBehind(holder: Holder, service: string): boolean
}

// A guard's first call can be faster than the kubelet's report of it, and than the watches that tell of its pod.
const newsWaitMs = 10_000
const newsLookMs = 100
// After its grace period a pod that is still there is stuck, not at work.
const terminationSlackMs = 60_000

export function createStreamAuthorizer(parts: {
  objects: Objects
  reviewer: Pick<Reviewer, 'mayEnforce'>
  clock?: Clock
}): StreamAuthorizer {
  const { objects, reviewer, clock = systemClock } = parts

  function podOf(holder: Holder) {
    const pod = holder.pod && objects.pods.store.get(`${holder.pod.namespace}/${holder.pod.name}`)
    return pod?.metadata.uid === holder.pod?.uid ? pod : undefined
  }

  async function newsArrived(holder: Holder, service: string): Promise<void> {
    const until = clock.now() + newsWaitMs
    const missing = () => !guardRuns(podOf(holder)) || !objects.services.store.has(service)
    while (missing() && clock.now() < until) await sleep(clock, newsLookMs)
  }

  function isPodBehind(holder: Holder, service: string): boolean {
    const pod = podOf(holder)
    const guarded = objects.services.store.get(service)
    if (!pod || !guarded || pod.metadata.namespace !== guarded.metadata.namespace) return false
    const ends = pod.metadata.deletionTimestamp
    if (ends !== undefined && !(Date.parse(ends) + terminationSlackMs > clock.wallMs())) return false
    const target = objects.targets.store.get(`${guarded.metadata.namespace}/${guarded.spec.targetRef.name}`)
    // Without its Service the policy is what it was, and its guards must hear of what is revoked: the label says whose they are.
    if (!target) return pod.metadata.labels?.[guardLabel] === guarded.metadata.name
    const selector = Object.entries(target.spec?.selector ?? {})
    // A Service without selector selects nothing; an empty match must not mean every pod.
    return selector.length > 0 && selector.every(([name, value]) => pod.metadata.labels?.[name] === value)
  }

  return {
    isPodBehind,
    async authorize(holder, service) {
      const [namespace = '', name = ''] = service.split('/')
      if (holder.pod?.namespace === namespace) {
        await newsArrived(holder, service)
        if (guardRuns(podOf(holder)) && isPodBehind(holder, service)) return { right: 'pod' }
      }
      if (await reviewer.mayEnforce(holder.user, { namespace, name })) return { right: 'verb' }
      const refusal = {
        code: 'forbidden' as const,
        message: `This token gives no right to the policy of ${service}: its pod must be behind the Service that the GuardedService names and its guard be running as the kubelet reports, or its user needs the verb enforce on guardedservices.latchkey.dev ${name}.`,
      }
      return { refusal }
    },
  }
}

/**
 * Whether the kubelet says that the guard's container runs. The pod may still be pending: the guard starts first. Pods can
 * be made by the thousand that no node ever runs, and each of them has a token.
 */
function guardRuns(pod: PodObject | undefined): boolean {
  const { containerStatuses = [], initContainerStatuses = [] } = pod?.status ?? {}
  return [...initContainerStatuses, ...containerStatuses].some(
    ({ name, state }) => name === guardContainerName && state?.running !== undefined,
  )
}
