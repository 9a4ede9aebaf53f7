import type { AccessKey, PublishedKey } from '../api/access-key.ts'
import { secondsOf, timeOf } from '../base/time.ts'
import { endingFinding, horizonAt } from '../status/ending.ts'
import { heldUpBy } from '../status/key-expiry.ts'
import type { ConditionFinding } from '../status/report.ts'

/**
 * When a key rotates, for people: the day, and once it is near within how many days it comes; on the last day the time.
 * It changes four times in the life of a key, for each change is a write.
 */
export function rotatesText(renewalAt: number, now: number): string {
  const [date = '', time = ''] = timeOf(renewalAt).split('T')
  const days = horizonAt(renewalAt, now)
  if (days === undefined) return date
  return days === 1 ? `${date} ${time.slice(0, 5)}Z` : `${date} (within ${days}d)`
}

/** Of a key in use, for its end. */
interface Life {
  readonly accessKey: AccessKey
  readonly inUse: PublishedKey | undefined
  /** When the next key takes its place: seconds since epoch. */
  readonly renewalAt: number | undefined
  /** What else is said of it. */
  readonly findings: readonly ConditionFinding[]
}

/**
 * Expiring, of a key in use that ends soon and that none replaces by itself: none is to come before, or what is to bring
 * it is held up.
 */
export function findExpiring(
  { accessKey: { spec }, inUse, renewalAt, findings }: Life,
  now: number,
): ConditionFinding | undefined {
  const end = secondsOf(inUse?.notAfter)
  if (spec.revoked || inUse?.state !== 'Active' || end === undefined) return undefined
  const isRenewed = spec.expiresAt === undefined && renewalAt !== undefined && renewalAt < end
  const held = isRenewed ? heldUpBy(findings) : undefined
  if (isRenewed && held === undefined) return undefined
  if (held !== undefined) {
    return endingFinding(end, now, 'The key', `, and its rotation is held up: see its condition ${held}.`)
  }
  return endingFinding(end, now, 'The key', `, and none takes its place by itself. ${remedyFor(spec)}`)
}

function remedyFor({ expiresAt, publicKey }: AccessKey['spec']): string {
  if (expiresAt !== undefined) return 'Set a later spec.expiresAt, or create another AccessKey.'
  if (publicKey) return 'Exchange spec.publicKey.'
  return 'Set spec.rotation.requestedAt to rotate now, or spec.rotation.every to rotate regularly.'
}
