import type { ConditionFinding, PlannedEvent, StoredCondition } from './report.ts'

/** The horizons at which somebody wants to know of an end, in days. */
export const horizonDays = [1, 7, 14, 30] as const

const day = 86_400

/** When what is said of a time to come changes: the days before it of which people are told. */
export function horizonsOf(time: number): number[] {
  return horizonDays.map(days => time - days * day)
}

/** The nearest horizon that a time to come is within, in days. */
export function horizonAt(time: number, now: number): (typeof horizonDays)[number] | undefined {
  return horizonDays.find(days => time - now <= days * day)
}

const reasons = { 30: 'Within30Days', 14: 'Within14Days', 7: 'Within7Days', 1: 'Within1Day' } as const
const spans = { 30: '30 days', 14: '14 days', 7: '7 days', 1: 'a day' } as const

/**
 * Expiring, of something that ends by itself: the nearest horizon, and that one alone, also of what is within it from
 * its first moment on.
 * @param what with a capital, for example `The key` @param rest why nothing averts it, and what to do; begins behind the span
 */
export function endingFinding(end: number, now: number, what: string, rest: string): ConditionFinding | undefined {
  const days = horizonAt(end, now)
  if (days === undefined || end <= now) return undefined
  const message = `${what} ends within ${spans[days]}${rest}`
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
