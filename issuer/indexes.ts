import {
  clientOfKey,
  clientsOfGrant,
  roleOfGrant,
  serviceAccountOfPod,
  serviceAccountsOfClient,
  servicesOfClient,
  servicesOfRole,
  targetOfService,
} from '../core/registry/reach.ts'
import { createIndex } from './object-index.ts'
import type { Objects } from './objects.ts'

/** Who points at what, so that a change is followed to the services it concerns and no further. */
export type Indexes = ReturnType<typeof createIndexes>

export function createIndexes(objects: Objects) {
  const grantsOfClient = createIndex(objects.accessgrants, clientsOfGrant)
  return {
    keysOfClient: createIndex(objects.accesskeys, key => [clientOfKey(key)]),
    grantsOfClient,
    grantsOfRole: createIndex(objects.accessgrants, grant => [roleOfGrant(grant)]),
    rolesOfService: createIndex(objects.roles, servicesOfRole),
    podsOfAccount: createIndex(objects.pods, pod => [serviceAccountOfPod(pod)]),
    clientsOfNamespace: createIndex(objects.apiclients, client => [client.metadata.namespace ?? '']),
    clientsOfAccount: createIndex(objects.apiclients, serviceAccountsOfClient),
    servicesOfTarget: createIndex(objects.guardedservices, service => [targetOfService(service)]),
    servicesOfClient: (client: string) =>
      servicesOfClient(client, { grantsOfClient: grantsOfClient.get, role: key => objects.roles.store.get(key) }),
  }
}
