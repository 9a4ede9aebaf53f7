import type { AccessKey } from '../api/access-key.ts'
import { secondsOfTime } from '../base/time.ts'

/** The horizons at which somebody wants to know, in days. */
export const horizonDays = [1, 7, 14, 30] as const

export interface KeyExpiry {
  /** Seconds since epoch; undefined when no key ends. */
  readonly soonest: number | undefined
  /** How many end within each horizon, the nearer ones counted again in the farther. */
  readonly within: readonly { readonly days: (typeof horizonDays)[number]; readonly count: number }[]
}

/**
 * When a key in use will end by itself, seconds since epoch: one that is renewed before is nobody's worry, unless every
 * key ends with its object.
 */
function endOf({ spec, status }: AccessKey): number | undefined {
  if (status?.state !== 'Active' || status.expiresAt === undefined) return undefined
  const renewed = spec.expiresAt === undefined && status.renewalTime !== undefined
  if (renewed && secondsOfTime(status.renewalTime ?? '') < secondsOfTime(status.expiresAt)) return undefined
  return secondsOfTime(status.expiresAt)
}

interface Ending {
  readonly key: AccessKey
  /** Seconds since epoch. */
  readonly end: number
}

/** The keys in use that end first, in order. @param most how many are told of; all others cost one comparison */
export function firstEnds(keys: Iterable<AccessKey>, most: number): Ending[] {
  let first: Ending[] = []
  let last = Number.POSITIVE_INFINITY
  const cut = (): void => {
    first = first.sort((a, b) => a.end - b.end).slice(0, most)
  }
  for (const key of keys) {
    const end = endOf(key)
    if (end === undefined || end >= last) continue
    first.push({ key, end })
    if (first.length < 2 * most) continue
    cut()
    last = first.at(-1)?.end ?? last
  }
  cut()
  return first
}

/** Keys in use that will end by themselves. @param now seconds since epoch */
export function keyExpiry(keys: Iterable<AccessKey>, now: number): KeyExpiry {
  const ends = [...keys].flatMap(key => endOf(key) ?? [])
  return {
    soonest: ends.length === 0 ? undefined : ends.reduce((a, b) => Math.min(a, b)),
    within: horizonDays.map(days => ({ days, count: ends.filter(end => end - now <= days * 86_400).length })),
  }
}
