import type { AccessKey, PublishedKey } from '../api/access-key.ts'
import { secondsOf, timeOf } from '../base/time.ts'
import { horizonDays } from '../status/key-expiry.ts'
import type { ConditionFinding, PlannedEvent, StoredCondition } from '../status/report.ts'

const day = 86_400

/** When what is said of a time to come changes: the days before it of which people are told. */
export function horizonsOf(time: number): number[] {
  return horizonDays.map(days => time - days * day)
}

/** The nearest horizon that a time to come is within, in days. */
function horizonAt(time: number, now: number): (typeof horizonDays)[number] | undefined {
  return horizonDays.find(days => time - now <= days * day)
}

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

const reasons = { 30: 'Within30Days', 14: 'Within14Days', 7: 'Within7Days', 1: 'Within1Day' } as const
const spans = { 30: '30 days', 14: '14 days', 7: '7 days', 1: 'a day' } as const

/**
 * Expiring, of a key in use that ends soon and that none replaces by itself. A horizon as long as the key lives or longer
 * is none.
 * @param renewalAt when the next key takes its place, seconds since epoch
 */
export function findExpiring(
  { spec }: AccessKey,
  inUse: PublishedKey | undefined,
  renewalAt: number | undefined,
  now: number,
): ConditionFinding | undefined {
  const [from, end] = [secondsOf(inUse?.notBefore), secondsOf(inUse?.notAfter)]
  if (spec.revoked || inUse?.state !== 'Active' || from === undefined || end === undefined) return undefined
  if (spec.expiresAt === undefined && renewalAt !== undefined && renewalAt < end) return undefined
  const days = horizonAt(end, now)
  if (days === undefined || days * day >= end - from) return undefined
  const remedy =
    spec.expiresAt !== undefined
      ? 'Set a later spec.expiresAt, or create another AccessKey.'
      : spec.publicKey
        ? 'Exchange spec.publicKey.'
        : 'Set spec.rotation.requestedAt to rotate now, or spec.rotation.every to rotate regularly.'
  const message = `The key ends within ${spans[days]}, and none takes its place by itself. ${remedy}`
  return { type: 'Expiring', status: 'True', reason: reasons[days], message }
}

/** Of the conditions that come and go, those that a person should hear of, with the reasons for which; `any` means each. */
const warned: Readonly<Record<string, readonly string[] | 'any'>> = {
  Expiring: 'any',
  Rotating: ['GuardsBehind', 'TooManyRetiring'],
}

/** Warnings of conditions that come and go: each once, when its reason becomes it. */
export function lifeEvents(
  before: readonly StoredCondition[] | undefined,
  after: readonly StoredCondition[] | undefined,
): PlannedEvent[] {
  return (after ?? []).flatMap(({ type, reason, message }) => {
    const of = warned[type] ?? []
    const known = before?.some(one => one.type === type && one.reason === reason)
    if (known || (of !== 'any' && !of.includes(reason))) return []
    // All warnings of an end under one reason, so that one selector finds them.
    return [{ type: 'Warning' as const, reason: of === 'any' ? type : reason, action: 'Reconcile', note: message }]
  })
}
