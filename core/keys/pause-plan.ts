import type { AccessKey } from '../api/access-key.ts'
import { isSameJson } from '../base/canonical-json.ts'
import { isPaused, type Pause } from '../status/paused.ts'
import { onlyTakenAway } from './key-ledger.ts'
import type { CasePlan, SecretWrite } from './key-plan.ts'
import { secretNameOf } from './secret-data.ts'

/** A plan of which a pause may have kept something back. */
export interface PausedPlan extends CasePlan {
  /** Absent when the AccessKey is not paused. */
  readonly paused?: Omit<Pause, 'left'>
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
  const waits = [first, last].flatMap(step => (step ? [waitText(accessKey, step.write)] : []))
  if (!isSameJson(keys, planned.keys)) waits.push('what is published of the keys changes')
  // Where the next key is not published, the one before it is still the one in use.
  const before = keys.find(({ kid, state }) => kid === accessKey.status?.keyId && state === 'Active')
  const inUse = keys.some(({ kid }) => kid === keyId) ? keyId : before?.kid
  return { ...rest, keys, ...(inUse !== undefined && { keyId: inUse }), paused: pauseOf(waits) }
}

function pauseOf(waits: readonly string[]): Omit<Pause, 'left'> {
  return { withheld: waits.length > 0, ...(waits.length > 0 && { waits: waits.join('; ') }) }
}

/** What comes first after the pause. */
function waitText(accessKey: AccessKey, { kind, slot }: SecretWrite): string {
  const name = secretNameOf(accessKey, slot)
  if (kind === 'mint') {
    return slot === 'mounted' ? `a key is minted into the Secret ${name}` : 'the key rotates: the next one is minted'
  }
  if (kind === 'delete-secret') return `the Secret ${name} is deleted`
  return `the Secret ${name} is written`
}
