import type { AccessGrant } from '../core/api/access-grant.ts'
import type { AccessKey } from '../core/api/access-key.ts'
import type { ApiClient } from '../core/api/api-client.ts'
import type { GuardedService } from '../core/api/guarded-service.ts'
import type { Role } from '../core/api/role.ts'
import type { NamespaceObject, PodObject, ServiceObject } from '../core/registry/kubernetes.ts'
import {
  clientOfKey,
  clientsOfGrant,
  roleOfGrant,
  servicesOfClient,
  servicesOfRole,
  targetOfService,
} from '../core/registry/reach.ts'
import { readClient, readGrant, readKey, readRole, readService } from '../core/registry/readable.ts'
import type { KubeObject } from '../platform/kube/client.ts'
import type { Reflector } from '../platform/kube/reflector.ts'
import * as resources from '../platform/kube/resources.ts'
import { createIndex, type Index } from './index-by.ts'
import { keepLabels, keepPod, keepService } from './projections.ts'
import type { Watches } from './watches.ts'

/** Copies of everything that policy is made of, each kept up to date by its own watch, with the lookups it needs. */
export interface View {
  readonly clients: Reflector<ApiClient & KubeObject>
  readonly keys: Reflector<AccessKey & KubeObject>
  readonly roles: Reflector<Role & KubeObject>
  readonly grants: Reflector<AccessGrant & KubeObject>
  readonly services: Reflector<GuardedService & KubeObject>
  readonly namespaces: Reflector<NamespaceObject>
  /** The Services that GuardedServices are put before, and all others. */
  readonly targets: Reflector<ServiceObject>
  readonly pods: Reflector<PodObject>
  readonly by: Indexes
}

/** Who points at what, so that a change is followed to what it concerns and no further. */
export interface Indexes {
  readonly clientsOfNamespace: Index<ApiClient>
  readonly keysOfClient: Index<AccessKey & KubeObject>
  readonly grantsOfClient: Index<AccessGrant & KubeObject>
  readonly grantsOfRole: Index<AccessGrant & KubeObject>
  readonly rolesOfService: Index<Role & KubeObject>
  /** By `namespace/name` of the Service. */
  readonly guardedOfTarget: Index<GuardedService & KubeObject>
  /** The services that grants of this client may open. */
  servicesOfClient(client: string): Set<string>
}

/** Made before whoever listens to its reflectors: an index must know of a change before those who ask it. */
export function createView(watches: Pick<Watches, 'add'>): View {
  const watched = {
    clients: watches.add<ApiClient & KubeObject>(resources.apiClients, { keep: reading(readClient) }),
    keys: watches.add<AccessKey & KubeObject>(resources.accessKeys, { keep: reading(readKey) }),
    roles: watches.add<Role & KubeObject>(resources.roles, { keep: reading(readRole) }),
    grants: watches.add<AccessGrant & KubeObject>(resources.accessGrants, { keep: reading(readGrant) }),
    services: watches.add<GuardedService & KubeObject>(resources.guardedServices, { keep: reading(readService) }),
    namespaces: watches.add<NamespaceObject>(resources.namespaces, { keep: keepLabels }),
    targets: watches.add<ServiceObject>(resources.services, { keep: keepService }),
    pods: watches.add<PodObject>(resources.pods, { keep: keepPod }),
  }
  return { ...watched, by: createIndexes(watched) }
}

/** Keeps the whole of what can be read. @param read throws when it cannot */
function reading<T extends KubeObject>(read: (object: T) => unknown): (object: T) => T {
  return object => {
    read(object)
    return object
  }
}

function createIndexes(watched: Omit<View, 'by'>): Indexes {
  const { clients, keys, grants, roles, services } = watched
  const grantsOfClient = createIndex(grants, clientsOfGrant)
  return {
    clientsOfNamespace: createIndex(clients, client => [client.metadata.namespace ?? '']),
    keysOfClient: createIndex(keys, key => [clientOfKey(key)]),
    grantsOfClient,
    grantsOfRole: createIndex(grants, grant => [roleOfGrant(grant)]),
    rolesOfService: createIndex(roles, servicesOfRole),
    guardedOfTarget: createIndex(services, service => [targetOfService(service)]),
    servicesOfClient: client =>
      servicesOfClient(client, { grantsOfClient: grantsOfClient.get, role: key => roles.store.get(key) }),
  }
}
