import { secondsOf, timeOf } from '../base/time.ts'

/** Uses are told in steps of this: an object in use all day is written no more often. */
const stepSeconds = 300

interface Used {
  readonly lastUsedAt?: string | undefined
}

/** What a pass keeps of an earlier status: when the object was used is no pass's to say. */
export function lastUse(status: Used | undefined): { lastUsedAt?: string } {
  return status?.lastUsedAt === undefined ? {} : { lastUsedAt: status.lastUsedAt }
}

/**
 * The time of the last use as the status is to tell it; undefined when it is to stay as it is. It never goes back, and is
 * of no future: replicas of the issuer have clocks of their own.
 * @param used seconds since epoch of the last use that is known @param now seconds since epoch
 */
export function laterUse(status: Used | undefined, used: number, now: number): string | undefined {
  const told = secondsOf(status?.lastUsedAt)
  const last = Math.min(used, now)
  return told === undefined || last - told >= stepSeconds ? timeOf(last) : undefined
}
