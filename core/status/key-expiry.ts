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

/** Keys in use that will end by themselves: those that are renewed before are nobody's worry. @param now seconds since epoch */
export function keyExpiry(keys: Iterable<AccessKey>, now: number): KeyExpiry {
  const ends = [...keys].flatMap(({ status }) => {
    if (status?.state !== 'Active' || status.expiresAt === undefined) return []
    if (status.renewalTime !== undefined && status.renewalTime < status.expiresAt) return []
    return [secondsOfTime(status.expiresAt)]
  })
  return {
    soonest: ends.length === 0 ? undefined : ends.reduce((a, b) => Math.min(a, b)),
    within: horizonDays.map(days => ({ days, count: ends.filter(end => end - now <= days * 86_400).length })),
  }
}
