import type { AccessGrant } from '../api/access-grant.ts'
import type { AccessKey } from '../api/access-key.ts'
import type { ApiClient } from '../api/api-client.ts'
import type { GuardedService } from '../api/guarded-service.ts'
import type { Role } from '../api/role.ts'
import { referenceKey } from './ids.ts'
import type { PodObject } from './kubernetes.ts'

// What an object points at, as `namespace/name` of the other object. Kept as indexes these answer "which services
// does this change concern?" without looking at every object.

export function clientOfKey(key: AccessKey): string {
  return `${key.metadata.namespace}/${key.spec.clientRef.name}`
}

/** The roles a key is narrowed to. */
export function rolesOfKey(key: AccessKey): string[] {
  return (key.spec.roles ?? []).map(referenceKey)
}

export function roleOfGrant(grant: AccessGrant): string {
  return `${grant.metadata.namespace}/${grant.spec.roleRef.name}`
}

/** Those of spec and those pinned: a client that was taken out of spec is concerned too. */
export function clientsOfGrant(grant: AccessGrant): string[] {
  return [...new Set([...grant.spec.clients, ...(grant.status?.clients ?? [])].map(referenceKey))]
}

export function servicesOfRole(role: Role): string[] {
  const names = role.spec.rules.flatMap(rule => rule.services)
  return [...new Set(names)].map(name => `${role.metadata.namespace}/${name}`)
}

export function serviceAccountsOfClient(client: ApiClient): string[] {
  return (client.spec.serviceAccounts ?? []).map(account => `${client.metadata.namespace}/${account.name}`)
}

export function serviceAccountOfPod(pod: PodObject): string {
  return `${pod.metadata.namespace}/${pod.spec?.serviceAccountName ?? 'default'}`
}

export function targetOfService(service: GuardedService): string {
  return `${service.metadata.namespace}/${service.spec.targetRef.name}`
}

/** Lookups over all objects, by what they point at. */
export interface Reach {
  /** Grants that name the client. */
  grantsOfClient(client: string): Iterable<AccessGrant>
  role(key: string): Role | undefined
}

/** The services that a client's grants may open: a change of the client concerns these and no other. */
export function servicesOfClient(client: string, reach: Reach): Set<string> {
  const found = new Set<string>()
  for (const grant of reach.grantsOfClient(client)) {
    const role = reach.role(roleOfGrant(grant))
    for (const service of role ? servicesOfRole(role) : []) found.add(service)
  }
  return found
}
