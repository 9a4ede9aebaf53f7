import { installationOf, keyOf, organizationOf } from '../../core/registry/ids.ts'
import type { NamespaceObject, PodObject } from '../../core/registry/kubernetes.ts'
import { clientOfKey, roleOfGrant, serviceAccountOfPod, servicesOfRole } from '../../core/registry/reach.ts'
import type { KubeObject } from '../../platform/kube/client.ts'
import type { Change, Reflector } from '../../platform/kube/reflector.ts'
import type { Indexes } from '../indexes.ts'
import type { Objects } from '../objects.ts'
import { isUrgent } from './urgency.ts'

/** What has to be made anew. */
export interface Dirt {
  /** Clients that are resolved again, with those that their change may concern. */
  readonly resolve: Set<string>
  /** Namespaces all of whose clients are. */
  readonly namespaces: Set<string>
  /** Clients whose own row is made again. */
  readonly clients: Set<string>
  /** Services whose whole slice is made again. */
  readonly slices: Set<string>
  readonly grants: Set<string>
  services: boolean
}

export function cleanDirt(): Dirt {
  return {
    resolve: new Set(),
    namespaces: new Set(),
    clients: new Set(),
    slices: new Set(),
    grants: new Set(),
    services: false,
  }
}

export function isClean({ resolve, namespaces, clients, slices, grants, services }: Dirt): boolean {
  return !services && [resolve, namespaces, clients, slices, grants].every(({ size }) => size === 0)
}

/** Follows every change to what it makes stale. @param mark is told where to put it, and whether it can wait */
export function followChanges(
  objects: Objects,
  indexes: Indexes,
  mark: (put: (dirt: Dirt) => void, pace: 'urgent' | 'relaxed') => void,
): void {
  const on = <T extends KubeObject>(
    name: string,
    reflector: Reflector<T>,
    put: (dirt: Dirt, change: Change<T>) => void,
    matters: (change: Change<T>) => boolean = () => true,
  ) =>
    reflector.onChange(change => {
      if (!matters(change)) return
      mark(dirt => put(dirt, change), isUrgent(name, change as unknown as Change<KubeObject>) ? 'urgent' : 'relaxed')
    })

  on('apiclients', objects.apiclients, (dirt, { key }) => dirt.resolve.add(key))
  on('accesskeys', objects.accesskeys, (dirt, { object }) => dirt.clients.add(clientOfKey(object)))
  on('roles', objects.roles, (dirt, { object, old }) => {
    for (const role of old ? [object, old] : [object]) addAll(dirt.slices, servicesOfRole(role))
  })
  on('accessgrants', objects.accessgrants, (dirt, { object, old }) => {
    dirt.grants.add(keyOf(object))
    for (const grant of old ? [object, old] : [object]) {
      const role = objects.roles.store.get(roleOfGrant(grant))
      if (role) addAll(dirt.slices, servicesOfRole(role))
    }
  })
  on('guardedservices', objects.guardedservices, dirt => (dirt.services = true))
  on(
    'services',
    objects.services,
    dirt => (dirt.services = true),
    ({ object }) => indexes.servicesOfTarget.get(keyOf(object)).length > 0,
  )
  on('serviceaccounts', objects.serviceaccounts, (dirt, { object }) => {
    for (const client of indexes.clientsOfAccount.get(keyOf(object))) dirt.clients.add(keyOf(client))
  })
  on(
    'pods',
    objects.pods,
    (dirt, { object }) => {
      for (const client of indexes.clientsOfAccount.get(serviceAccountOfPod(object))) dirt.clients.add(keyOf(client))
    },
    ({ type, object, old }) => type !== 'updated' || !old || runs(object) !== runs(old),
  )
  on(
    'namespaces',
    objects.namespaces,
    (dirt, { object }) => {
      dirt.namespaces.add(object.metadata.name)
      dirt.services = true
    },
    ({ type, object, old }) => type !== 'updated' || !old || belongs(object) !== belongs(old),
  )
}

function runs({ metadata, spec, status }: PodObject): string {
  return `${metadata.uid} ${spec?.serviceAccountName} ${status?.phase === 'Succeeded' || status?.phase === 'Failed'}`
}

function belongs(namespace: NamespaceObject): string {
  return JSON.stringify([namespace.metadata.uid, installationOf(namespace), organizationOf(namespace) ?? null])
}

function addAll(set: Set<string>, keys: Iterable<string>): void {
  for (const key of keys) set.add(key)
}
