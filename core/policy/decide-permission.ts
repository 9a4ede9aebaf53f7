import type { Identity } from '../base/identity.ts'
import type { DenyReason } from '../base/reasons.ts'
import { readSegment } from '../matching/path.ts'
import { collectLeaves, type Leaf } from '../matching/rule-trie.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { rolesOf } from './caller.ts'
import { checkedIdentity } from './checked-identity.ts'
import { chooseGrant } from './choose-grant.ts'
import { allow, deny, refused, unreadOf, unsupported } from './decide.ts'
import type { Decision } from './decision.ts'
import { callerOf } from './known-identity.ts'

/** What somebody wants to do, where no request says it. */
export interface WantedPermission {
  readonly action: string
  /** As a permission rule would name this very one: segments between slashes, escaped as in a path. */
  readonly resource: string
  readonly segments: readonly string[]
}

const longestResource = 512

/** @returns undefined when no resource is written so: too long, an empty segment, or one that is not in normal form */
export function readWanted(action: string, resource: string): WantedPermission | undefined {
  if (resource.length > longestResource) return undefined
  const segments = resource.split('/').map(part => (part === '' ? undefined : readSegment(part)))
  return segments.every(segment => segment !== undefined) ? { action, resource, segments } : undefined
}

/**
 * May the caller do this? What `decide` says of a request whose route needs this permission: the same grants and rules, the
 * same order, the same reasons. Pure, synchronous and total.
 * @param identity who calls, or why that is not known
 * @param now seconds since epoch
 */
export function decidePermission(
  { action, resource, segments }: WantedPermission,
  identity: Identity | DenyReason,
  snapshot: Snapshot,
  now: number,
): Decision {
  const { policy, service } = snapshot
  if (!policy || !service) return { allow: false, ...unsupported(snapshot.unsupported.get('service')) }
  if (typeof identity === 'string') return deny(identity, {}, undefined)
  const caller = callerOf(identity, snapshot)
  if (!caller || !(now < caller.endsAt)) return refused(identity, snapshot, now, {})
  const checked = checkedIdentity(identity, caller, now)
  const leaves: Leaf[] = []
  const trie = policy.permissions.get(action)
  if (trie) collectLeaves(trie, segments, 0, leaves)
  const choice = chooseGrant(caller, { leaves, method: 1, values: segments }, identity, now)
  if (typeof choice === 'object') return allow(choice, rolesOf(caller, now), undefined, checked)
  const unread = unreadOf(identity, snapshot, now)
  if (unread) return { ...deny('policy_unsupported', {}, checked), ...unsupported(unread.needs) }
  if (choice === 'ended') return deny('grant_expired', {}, checked)
  return { ...deny('not_granted', {}, checked), missing: `${action} ${resource}` }
}
