import type { AccessKey } from '../api/access-key.ts'
import { isSameJson } from '../base/canonical-json.ts'
import { isPaused } from '../status/paused.ts'
import { onlyTakenAway } from './key-ledger.ts'
import type { CasePlan } from './key-plan.ts'

/** A plan of which a pause may have kept something back. */
export interface PausedPlan extends CasePlan {
  /** Absent when the AccessKey is not paused. */
  readonly paused?: { readonly withheld: boolean }
}

/**
 * The plan as a pause leaves it: nothing is minted, no Secret is written, no key is published or retired. What spec, time
 * or client take away is taken away, and a revocation is carried out to its end: the Secret is emptied.
 */
export function pausePlan(accessKey: AccessKey, planned: CasePlan): PausedPlan {
  if (!isPaused(accessKey)) return planned
  if (accessKey.spec.revoked) return { ...planned, paused: { withheld: false } }
  const { first, last, keyId, ...rest } = planned
  const keys = onlyTakenAway(accessKey.status?.keys ?? [], planned.keys)
  const withheld = first !== undefined || last !== undefined || !isSameJson(keys, planned.keys)
  // Where the next key is not published, the one before it is still the one in use.
  const before = keys.find(({ kid, state }) => kid === accessKey.status?.keyId && state === 'Active')
  const inUse = keys.some(({ kid }) => kid === keyId) ? keyId : before?.kid
  return { ...rest, keys, ...(inUse !== undefined && { keyId: inUse }), paused: { withheld } }
}
