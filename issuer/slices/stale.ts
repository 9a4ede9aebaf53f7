import type { Resolved } from '../../cluster/resolved.ts'
import { keyOf } from '../../core/registry/ids.ts'
import type { PodObject } from '../../core/registry/kubernetes.ts'
import { clientOfKey, roleOfGrant, serviceAccountOfPod, servicesOfRole } from '../../core/registry/reach.ts'
import type { KubeObject } from '../../platform/kube/client.ts'
import type { Change, Reflector } from '../../platform/kube/reflector.ts'
import type { Objects } from '../objects.ts'
import { isUrgent } from './urgency.ts'

/** What has to be made anew. */
export interface Stale {
  /** What the objects decide about each other may be something else. */
  decisions: boolean
  /** Clients whose own row is made again. */
  readonly clients: Set<string>
  /** Services whose whole slice is made again. */
  readonly slices: Set<string>
  readonly grants: Set<string>
}

export function nothingStale(): Stale {
  return { decisions: false, clients: new Set(), slices: new Set(), grants: new Set() }
}

export function isNothingStale({ decisions, clients, slices, grants }: Stale): boolean {
  return !decisions && [clients, slices, grants].every(({ size }) => size === 0)
}

/**
 * Follows every change to what it makes stale. What it makes of clients and services is told when they are settled.
 * @param mark is told where to put it, and whether it can wait
 */
export function followChanges(
  objects: Objects,
  resolved: Pick<Resolved, 'onStale'>,
  mark: (put: (stale: Stale) => void, pace: 'urgent' | 'relaxed') => void,
): void {
  const on = <T extends KubeObject>(
    name: string,
    reflector: Reflector<T>,
    put: (stale: Stale, change: Change<T>) => void,
    matters: (change: Change<T>) => boolean = () => true,
  ) =>
    reflector.onChange(change => {
      if (!matters(change)) return
      mark(stale => put(stale, change), isUrgent(name, change as unknown as Change<KubeObject>) ? 'urgent' : 'relaxed')
    })

  resolved.onStale(cause => {
    const urgent = 'change' in cause && isUrgent(cause.resource.plural, cause.change)
    const put = (stale: Stale): void => {
      stale.decisions = true
    }
    mark(put, urgent ? 'urgent' : 'relaxed')
  })
  on('accesskeys', objects.keys, (stale, { object }) => stale.clients.add(clientOfKey(object)))
  on('roles', objects.roles, (stale, { object, old }) => {
    for (const role of old ? [object, old] : [object]) addAll(stale.slices, servicesOfRole(role))
  })
  on('accessgrants', objects.grants, (stale, { object, old }) => {
    stale.grants.add(keyOf(object))
    for (const grant of old ? [object, old] : [object]) {
      const role = objects.roles.store.get(roleOfGrant(grant))
      if (role) addAll(stale.slices, servicesOfRole(role))
    }
  })
  on('serviceaccounts', objects.serviceAccounts, (stale, { object }) => {
    for (const client of objects.by.clientsOfAccount.get(keyOf(object))) stale.clients.add(keyOf(client))
  })
  on(
    'pods',
    objects.pods,
    (stale, { object }) => {
      for (const client of objects.by.clientsOfAccount.get(serviceAccountOfPod(object)))
        stale.clients.add(keyOf(client))
    },
    ({ type, object, old }) => type !== 'updated' || !old || runs(object) !== runs(old),
  )
}

function runs({ metadata, spec, status }: PodObject): string {
  return `${metadata.uid} ${spec?.serviceAccountName} ${status?.phase === 'Succeeded' || status?.phase === 'Failed'}`
}

function addAll(set: Set<string>, keys: Iterable<string>): void {
  for (const key of keys) set.add(key)
}
