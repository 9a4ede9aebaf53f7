import type { Used, UsedCount } from '../../core/rows/frames.ts'

/** Characters of one line. Issuers take twice as much. */
const longestLine = 8_192

type Kind = 'keys' | 'grants' | 'rules'

/** What was used, in as many parts as lines are needed for it. */
export function divideUsed(all: Readonly<Record<Kind, readonly UsedCount[]>>, uncounted: number): Used[] {
  const parts: Used[] = []
  let part: Partial<Record<Kind, UsedCount[]>> = {}
  let length = 0
  for (const kind of ['keys', 'grants', 'rules'] as const) {
    for (const count of all[kind]) {
      const more = JSON.stringify(count).length + 1
      if (length > 0 && length + more > longestLine) {
        parts.push(part)
        part = {}
        length = 0
      }
      const counts = part[kind] ?? []
      counts.push(count)
      part[kind] = counts
      length += more
    }
  }
  if (length > 0 || uncounted > 0) parts.push({ ...part, ...(uncounted > 0 && { uncounted }) })
  return parts
}
