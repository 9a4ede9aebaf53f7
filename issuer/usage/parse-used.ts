import { isRecord } from '../../core/base/is-record.ts'
import type { Used, UsedCount } from '../../core/rows/frames.ts'

/** Longer than any name that is told: a rule of a role, and the permission of a route. */
const longestName = 2_048
/** Far more than a guard counts between two lines. */
const mostCalls = 1e12
/** Ten years: what a guard that was away for long may tell. */
const longestAgoSeconds = 315_360_000

/** What a guard says was used; what is no count of anything is left out. */
export function parseUsed(value: unknown): Used | undefined {
  if (!isRecord(value)) return undefined
  const [keys, grants, rules] = [value.keys, value.grants, value.rules].map(countsOf)
  const { uncounted } = value
  return {
    ...(keys && { keys }),
    ...(grants && { grants }),
    ...(rules && { rules }),
    ...(isWhole(uncounted, mostCalls) && { uncounted }),
  }
}

/** Each name once, as guards tell it: what a line costs is not for its sender to multiply. */
function countsOf(value: unknown): UsedCount[] | undefined {
  if (!Array.isArray(value)) return undefined
  const counts = new Map<string, UsedCount>()
  for (const count of value) if (isCount(count) && !counts.has(count[0])) counts.set(count[0], count)
  return [...counts.values()]
}

function isCount(value: unknown): value is UsedCount {
  if (!Array.isArray(value) || value.length !== 3) return false
  const [name, calls, ago] = value
  if (typeof name !== 'string' || name.length > longestName) return false
  return isWhole(calls, mostCalls) && calls > 0 && isWhole(ago, longestAgoSeconds)
}

function isWhole(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most
}
