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

/** The keys in use that end first, with their ends. @param most how many are told of */
export function firstEnds(
  keys: Iterable<AccessKey>,
  most: number,
): { readonly key: AccessKey; readonly end: number }[] {
  return [...keys]
    .flatMap(key => {
      const end = endOf(key)
      return end === undefined ? [] : [{ key, end }]
    })
    .sort((a, b) => a.end - b.end)
    .slice(0, most)
}

/** Keys in use that will end by themselves. @param now seconds since epoch */
export function keyExpiry(keys: Iterable<AccessKey>, now: number): KeyExpiry {
  const ends = [...keys].flatMap(key => endOf(key) ?? [])
  return {
    soonest: ends.length === 0 ? undefined : ends.reduce((a, b) => Math.min(a, b)),
    within: horizonDays.map(days => ({ days, count: ends.filter(end => end - now <= days * 86_400).length })),
  }
}
