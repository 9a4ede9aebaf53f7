import type { ClientRow } from '../snapshot/rows.ts'
import { lookup } from '../snapshot/shared-map.ts'
import type { ClientGrants, Snapshot } from '../snapshot/snapshot.ts'
import { checkIdentity } from './check-identity.ts'
import { chooseGrant, type Question } from './choose-grant.ts'
import type { CompiledPolicy } from './compile.ts'
import { type Decision, type DenyReason, type Identity, reasons } from './decision.ts'
import { methodIndex } from './methods.ts'
import { readTarget, type Target } from './path.ts'
import { type Endpoint, findEndpoint } from './route-table.ts'
import { collectLeaves, type Leaf } from './rule-trie.ts'

export interface DecisionRequest {
  /** As on the wire: methods are case-sensitive. */
  readonly method: string
  /** Request target as on the wire, one character per byte. */
  readonly target: string
}

/**
 * May this call pass? Pure, synchronous and total; asked again on every request, also with an identity from a cache.
 * The order: a policy this version cannot read; a request that can be read in two ways; a public path; who calls
 * (refused, unproved, gone, suspended, revoked, ended); which route; the grants.
 * @param identity who calls, or why that is not known
 * @param now seconds since epoch
 */
export function decide(
  request: DecisionRequest,
  identity: Identity | DenyReason,
  snapshot: Snapshot,
  now: number,
): Decision {
  const { policy, service } = snapshot
  if (!policy || !service) return { allow: false, reason: 'policy_unsupported' }
  if (typeof identity === 'string' && reasons[identity].status === 400) return { allow: false, reason: identity }
  const target = readTarget(request.target)
  if (typeof target === 'string') return { allow: false, reason: target }
  const endpoint = findEndpoint(policy.routes, request.method, target)
  if (typeof endpoint === 'object' && endpoint.isPublic) return { allow: true, reason: 'public' }
  const place = placeOf(endpoint, policy, request.method)
  if (typeof identity === 'string') return deny(identity, place)
  const client = checkIdentity(identity, snapshot, now)
  if (typeof client === 'string') return deny(client, place)
  if (endpoint === 'path_ambiguous') return deny('path_ambiguous', place)
  if (!endpoint && policy.routes.hasRoutes) return deny('route_unknown', place)
  const question = ask(policy, endpoint, request.method, target)
  return decideByGrants(question, identity, client, snapshot, now, {
    route: place.route,
    mode: place.mode,
    missing: () => missing(request, endpoint, target),
  })
}

/** Which route a denial is about, and what that says about audit mode. */
interface Place {
  readonly route?: string | undefined
  readonly mode?: 'Enforce' | 'Audit' | undefined
}

type Naming = Place & { readonly missing: () => string }

/** An app may read a path that is nearly a route's, or a method in other letters, as the route's. */
function placeOf(endpoint: Endpoint | 'path_ambiguous' | undefined, policy: CompiledPolicy, method: string): Place {
  if (typeof endpoint === 'object') return { route: endpoint.name, mode: endpoint.mode }
  return endpoint === 'path_ambiguous' || methodIndex(method) < 0 ? { mode: policy.routes.strictMode } : {}
}

function decideByGrants(
  question: Question,
  identity: Identity,
  client: ClientRow,
  snapshot: Snapshot,
  now: number,
  naming: Naming,
): Decision {
  const held = lookup(snapshot.grantsByClient, identity.clientId)
  const { route } = naming
  if (!held) return { ...deny('not_granted', naming), missing: naming.missing() }
  const { chosen, wouldHaveAllowed } = chooseGrant(held.grants, question, identity, client, now)
  if (chosen) {
    const { grant, rule } = chosen
    return {
      allow: true,
      reason: 'granted',
      rule: `role/${grant.role}#${rule}`,
      grant: grant.name,
      roles: rolesOf(held, identity, snapshot.policy, now),
      ...(route !== undefined && { route }),
      ...(grant.attributes && { attributes: grant.attributes }),
    }
  }
  if (holdsUnsupportedRole(held, identity, snapshot)) return deny('policy_unsupported', naming)
  if (wouldHaveAllowed) return deny('grant_expired', naming)
  return { ...deny('not_granted', naming), missing: naming.missing() }
}

function deny(reason: DenyReason, { route, mode }: Place): Extract<Decision, { allow: false }> {
  return { allow: false, reason, ...(route !== undefined && { route }), ...(mode && { mode }) }
}

/** A route with a permission is opened by permission rules only; any other, and a service without routes, by path. */
function ask(policy: CompiledPolicy, endpoint: Endpoint | undefined, method: string, target: Target): Question {
  const leaves: Leaf[] = []
  if (!endpoint?.permission) {
    collectLeaves(policy.paths, target.segments, 0, leaves)
    const index = methodIndex(method)
    return { leaves, method: index < 0 ? 0 : 1 << index, values: target.segments }
  }
  const { action, parts } = endpoint.permission
  const values = (parts ?? []).map(part => (typeof part === 'string' ? part : (target.segments[part] ?? '')))
  const trie = policy.permissions.get(action)
  if (trie && parts) collectLeaves(trie, values, 0, leaves)
  return { leaves, method: 1, values }
}

function missing(request: DecisionRequest, endpoint: Endpoint | undefined, target: Target): string {
  if (endpoint?.permission) return `${endpoint.permission.action} ${endpoint.permission.resource}`
  return `${request.method} ${endpoint?.template ?? target.path}`
}

/** The roles the caller holds now. The usual case allocates nothing. */
function rolesOf(
  held: ClientGrants,
  identity: Identity,
  policy: CompiledPolicy | undefined,
  now: number,
): readonly string[] {
  const isHeld = (role: string) => policy?.roles.has(role) === true
  if (!identity.roles && !held.ends && held.roles.every(isHeld)) return held.roles
  const current = held.grants.filter(
    ({ role, expiresAt }) =>
      isHeld(role) &&
      (expiresAt === undefined || now < expiresAt) &&
      (!identity.roles || identity.roles.includes(role)),
  )
  return [...new Set(current.map(({ role }) => role))]
}

/** The role would perhaps have allowed: that is for a newer guard to say. */
function holdsUnsupportedRole(held: ClientGrants, identity: Identity, { unsupported }: Snapshot): boolean {
  if (unsupported.size === 0) return false
  return held.roles.some(role => unsupported.has(`role/${role}`) && (!identity.roles || identity.roles.includes(role)))
}
