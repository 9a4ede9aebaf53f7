import type { CheckedIdentity, Identity } from '../base/identity.ts'
import { methodIndex, noSuchMethod } from '../base/methods.ts'
import { type DenyReason, reasons } from '../base/reasons.ts'
import { lookup } from '../base/shared-map.ts'
import type { CompiledPolicy } from '../matching/compile.ts'
import { readTarget, type Target } from '../matching/path.ts'
import { pathFault } from '../matching/path-fault.ts'
import { type Endpoint, findEndpoint } from '../matching/route-table.ts'
import { collectLeaves, type Leaf } from '../matching/rule-trie.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { rolesOf } from './caller.ts'
import { checkIdentity } from './check-identity.ts'
import { checkedIdentity } from './checked-identity.ts'
import { type Choice, chooseGrant, type RequestedAccess, type Spent } from './choose-grant.ts'
import type { Decision } from './decision.ts'
import { callerOf } from './known-identity.ts'
import { type LimitsLeft, limitText } from './limits.ts'

export interface DecisionRequest {
  /** A permission that is asked about in place of the route that method and target would find. */
  readonly wanted?: Endpoint | undefined
  /** As on the wire: methods are case-sensitive. */
  readonly method: string
  /** Request target as on the wire, one character per byte. */
  readonly target: string
}

/**
 * May this call pass? Pure, synchronous and total; asked again on every request, also with an identity from a cache.
 * The order: a policy this version cannot read; a request that can be read in two ways; a public path, which passes
 * whoever calls; what is wrong with the caller (refused, unproved, gone, suspended, revoked, ended); which route;
 * the grants. The decision names the caller where it counts now, and nobody else.
 * @param identity who calls, or why that is not known
 * @param now seconds since epoch @param limits what is left of grants' limits; without it none is reached
 */
export function decide(
  request: DecisionRequest,
  identity: Identity | DenyReason,
  snapshot: Snapshot,
  now: number,
  limits?: LimitsLeft,
): Decision {
  const { policy, service } = snapshot
  if (!policy || !service) return { allow: false, ...unsupported(snapshot.unsupported.get('service')) }
  if (typeof identity === 'string' && reasons[identity].status === 400) return { allow: false, reason: identity }
  const caller = typeof identity === 'string' ? undefined : callerOf(identity, snapshot)
  const checked = typeof identity === 'string' ? undefined : checkedIdentity(identity, caller, now)
  const target = readTarget(request.target)
  if (typeof target === 'string') {
    const detail = target === 'path_malformed' ? { detail: pathFault(request.target) } : {}
    return { allow: false, reason: target, identity: checked, ...detail }
  }
  const endpoint = request.wanted ?? findEndpoint(policy.routes, request.method, target)
  if (typeof endpoint === 'object' && endpoint.isPublic) return { allow: true, reason: 'public', identity: checked }
  const place = placeOf(endpoint, policy, request.method)
  if (typeof identity === 'string') return deny(identity, place, undefined)
  if (!caller || !(now < caller.endsAt)) return refused(identity, snapshot, now, place)
  if (endpoint === 'path_ambiguous') return deny('path_ambiguous', place, checked)
  if (!endpoint && policy.routes.hasRoutes) {
    return {
      ...deny('route_unknown', place, checked),
      ...(methodIndex(request.method) < 0 && { detail: noSuchMethod }),
    }
  }
  if (endpoint?.needs !== undefined) {
    return { ...deny('policy_unsupported', place, checked), ...unsupported(endpoint.needs) }
  }
  const choice = chooseGrant(caller, ask(policy, endpoint, request.method, target), identity, now, limits)
  if (typeof choice === 'object') {
    if ('spent' in choice) return limited(choice, place, checked)
    return allow(choice, rolesOf(caller, now), endpoint?.name, checked)
  }
  const unread = unreadOf(identity, snapshot, now)
  if (unread) return { ...deny('policy_unsupported', place, checked), ...unsupported(unread.needs) }
  if (choice === 'ended') return deny('grant_expired', place, checked)
  return { ...deny('not_granted', place, checked), ...lacking(request, endpoint, target) }
}

/** Which route a denial is about, and what that says about audit mode. */
interface Place {
  readonly route?: string | undefined
  readonly mode?: 'Enforce' | 'Audit' | undefined
}

/** An app may read a path that is nearly a route's, or a method in other letters, as the route's. */
function placeOf(endpoint: Endpoint | 'path_ambiguous' | undefined, policy: CompiledPolicy, method: string): Place {
  if (typeof endpoint === 'object') return { route: endpoint.name, mode: endpoint.mode }
  return endpoint === 'path_ambiguous' || methodIndex(method) < 0 ? { mode: policy.routes.strictMode } : {}
}

/** What is wrong with an identity that does not count now; there is always something. */
function refused(identity: Identity, snapshot: Snapshot, now: number, place: Place): Decision {
  const client = checkIdentity(identity, snapshot, now)
  return deny(typeof client === 'string' ? client : 'invalid_token', place, undefined)
}

/** @param needs the release that knows what this version does not, where the policy says so */
function unsupported(needs: string | undefined): { reason: 'policy_unsupported'; detail?: string } {
  const reason = 'policy_unsupported'
  if (needs === undefined) return { reason }
  return { reason, detail: `The policy says what guards know from release ${needs} on. Upgrade the guard.` }
}

function allow(
  { grant, rule }: Choice,
  roles: readonly string[],
  route: string | undefined,
  identity: CheckedIdentity | undefined,
): Decision {
  const { attributes, limit } = grant
  const plain = { allow: true, reason: 'granted', rule: rule.name, grant: grant.name, roles, identity } as const
  if (route === undefined && !attributes && !limit) return plain
  return { ...plain, ...(route !== undefined && { route }), ...(attributes && { attributes }), ...(limit && { limit }) }
}

function limited({ spent, waitMs }: Spent, place: Place, identity: CheckedIdentity | undefined): Decision {
  const { requests = 0, perSeconds = 0 } = spent.limit ?? {}
  const limit = { grant: spent.name, requests, perSeconds, waitSeconds: Math.ceil(waitMs / 1_000) }
  return { ...deny('limit_exceeded', place, identity), limit, detail: limitText(limit) }
}

function deny(
  reason: DenyReason,
  { route, mode }: Place,
  identity: CheckedIdentity | undefined,
): Extract<Decision, { allow: false }> {
  return { allow: false, reason, identity, ...(route !== undefined && { route }), ...(mode && { mode }) }
}

/** A route with a permission is opened by permission rules only; any other, and a service without routes, by path. */
function ask(policy: CompiledPolicy, endpoint: Endpoint | undefined, method: string, target: Target): RequestedAccess {
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

/** What a role would have to allow, or that none can. */
function lacking(
  { method }: DecisionRequest,
  endpoint: Endpoint | undefined,
  target: Target,
): { missing: string } | { detail: string } {
  if (endpoint?.permission) return { missing: `${endpoint.permission.action} ${endpoint.permission.resource}` }
  if (methodIndex(method) < 0) return { detail: noSuchMethod }
  return { missing: `${method} ${endpoint?.template ?? target.path}` }
}

/** What would perhaps have allowed: that is for a newer guard to say. */
function unreadOf(
  { clientId, roles }: Identity,
  { unsupported: unread, grantsByClient }: Snapshot,
  now: number,
): { readonly needs: string | undefined } | undefined {
  if (unread.size === 0) return undefined
  const held = lookup(grantsByClient, clientId)?.grants ?? []
  const usable = held.filter(({ role }) => !roles || roles.includes(role))
  const grant = usable.find(({ needs, expiresAt = now + 1 }) => needs !== undefined && now < expiresAt)
  if (grant) return { needs: grant.needs }
  const role = usable.map(one => `role/${one.role}`).find(key => unread.has(key))
  return role === undefined ? undefined : { needs: unread.get(role) }
}
