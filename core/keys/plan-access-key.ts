import type { AccessKey } from '../api/access-key.ts'
import { isSameJson } from '../base/canonical-json.ts'
import { secondsOf, secondsOfTime } from '../base/time.ts'
import { horizonsOf, lifeEvents } from '../status/ending.ts'
import { findKeyFault, type KeyFault } from './accept-access-key.ts'
import { composeKeyStatus } from './access-key-status.ts'
import { withinOurTime } from './another-clock.ts'
import { takesAway } from './key-ledger.ts'
import type { AccessKeyPlan, CasePlan, ObservedAccessKey, PlanCase } from './key-plan.ts'
import { pausePlan } from './pause-plan.ts'
import { planBrought } from './plan-brought.ts'
import { planMinted } from './plan-minted.ts'
import { planRevoked } from './plan-revoked.ts'

/**
 * The write protocol of a key. Each pass makes at most one write and every order of crashes is harmless: what takes
 * rights away is published first; a key is created before it is published, under conditions that let only one of two
 * leaders through; what can be computed again comes last.
 * @param now seconds since epoch, whole
 */
export function planAccessKey(found: ObservedAccessKey, now: number): AccessKeyPlan {
  const { observed, told } = withinOurTime(found, now)
  const { accessKey, client, missingRoles, enforced, immutable } = observed
  const fault = findKeyFault(observed, now)
  const planned = pausePlan(accessKey, caseOf(accessKey)(observed, fault, now))
  const status = composeKeyStatus({ ...planned, accessKey, client, fault, missingRoles, enforced, immutable, now })
  const changed = found.accessKey.status === undefined || !isSameJson(found.accessKey.status, status)
  const events = [...lifeEvents(accessKey.status?.conditions, status.conditions), ...(told ? [told] : [])]
  const report = changed ? { write: { kind: 'status' as const, status }, events } : undefined
  const order =
    told || takesAway(accessKey.status?.keys ?? [], planned.keys)
      ? [report, planned.first, planned.last]
      : [planned.first, report, planned.last]
  const nextAt = soonest(planned, fault, now)
  return { ...(order.find(step => step !== undefined) ?? { events: [] }), ...(nextAt !== undefined && { nextAt }) }
}

/** Revocation goes before all else: it needs nobody's acceptance. */
function caseOf({ spec }: AccessKey): PlanCase {
  if (spec.revoked) return planRevoked
  if (spec.publicKey) return planBrought
  return planMinted
}

function soonest(
  { keys, keyId, renewalAt, wakeAt = [] }: CasePlan,
  fault: KeyFault | undefined,
  now: number,
): number | undefined {
  const end = secondsOf(keys.find(key => key.kid === keyId)?.notAfter)
  const times = [
    ...keys.flatMap(key => (key.state !== 'Revoked' && key.notAfter ? [secondsOfTime(key.notAfter)] : [])),
    ...(fault?.lookAgainAt === undefined ? [] : [fault.lookAgainAt]),
    ...(end === undefined ? [] : horizonsOf(end)),
    ...(renewalAt === undefined ? [] : horizonsOf(renewalAt)),
    ...wakeAt,
  ].filter(time => time > now && Number.isFinite(time))
  return times.length > 0 ? Math.min(...times) : undefined
}
