import type { AccessGrant } from '../api/access-grant.ts'
import type { Role } from '../api/role.ts'
import { secondsOf } from '../base/time.ts'
import type { ClientKey } from './client-row.ts'
import { isPresent } from './ids.ts'
import type { ResolvedClient } from './resolve-clients.ts'
import type { ResolvedService } from './resolve-services.ts'
import { isPinned } from './slice.ts'

/** What a client has at one service, as far as the key it used goes. */
export interface GrantedHere {
  /** Names of roles of the service's namespace, each once, in order. */
  readonly roles: readonly string[]
  /** Scopes that rules of these roles look for: all that a token of the client can carry there. */
  readonly scopes: ReadonlySet<string>
}

/**
 * The roles that grants give a client at a service, and that its key is not narrowed away from. What is granted to nobody
 * there and what does not exist look the same.
 * @param lookups the grants that name the client, and a role by `namespace/name`
 * @param now seconds since epoch
 * @returns undefined when there is none
 */
export function grantedHere(
  { service, published }: ResolvedService,
  { client, key }: { readonly client: ResolvedClient; readonly key: Pick<ClientKey, 'roles'> },
  lookups: { readonly grants: Iterable<AccessGrant>; readonly role: (key: string) => Role | undefined },
  now: number,
): GrantedHere | undefined {
  const { namespace, name } = service.metadata
  if (!published || client.suspended) return undefined
  const roles = new Set<string>()
  const scopes = new Set<string>()
  for (const grant of lookups.grants) {
    const granted = grant.spec.roleRef.name
    if (grant.metadata.namespace !== namespace || !isInForce(grant, now) || !namesClient(grant, client)) continue
    if (key.roles && !key.roles.some(one => one.namespace === namespace && one.name === granted)) continue
    const role = lookups.role(`${namespace}/${granted}`)
    const rules = role && isPresent(role) ? role.spec.rules.filter(({ services }) => services.includes(name)) : []
    if (rules.length === 0) continue
    roles.add(granted)
    for (const { when = [] } of rules) {
      for (const { scopeContains } of when) if (scopeContains) scopes.add(scopeContains.scope)
    }
  }
  return roles.size === 0 ? undefined : { roles: [...roles].sort(), scopes }
}

/** A time nobody can read must not make a grant endless. */
function isInForce(grant: AccessGrant, now: number): boolean {
  const { expiresAt } = grant.spec
  if (!isPresent(grant)) return false
  if (expiresAt === undefined) return true
  const end = secondsOf(expiresAt)
  return end !== undefined && now < end
}

/** As slices have it, for one client: named in spec, and pinned as the one it is now. */
function namesClient({ spec, status }: AccessGrant, client: ResolvedClient): boolean {
  const { namespace, name } = client.client.metadata
  const isMeant = (one: { readonly namespace: string; readonly name: string }) =>
    one.name === name && one.namespace === namespace
  if (!client.accepted || !spec.clients.some(isMeant)) return false
  return (status?.clients ?? []).some(pin => pin.state === 'Granted' && isMeant(pin) && isPinned(pin, client))
}
