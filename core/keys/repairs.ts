/**
 * What is put right at the Secrets of an AccessKey when it is found otherwise: the key in the mounted one, what stands beside
 * it there, and the next key in its own.
 */
export type RepairKind = 'key' | 'rest' | 'next'

/** What is put right by a write. `what` tells apart what is wanted now from what was wanted before: it is to be written at once. */
export interface RepairOf {
  readonly kind: RepairKind
  readonly what: string
}

/** How often it was put right lately. Times in seconds since epoch. */
export interface Repair {
  readonly what: string
  readonly count: number
  readonly first: number
  readonly last: number
  /** `kid` of the key that was in use before the first: the one that pods have. */
  readonly held?: string
}

export type Repairs = { readonly [kind in RepairKind]?: Repair }

/** A mistake by hand is put right at once, and once more; who comes back then is no person. */
const atOnce = 2
const shortestSeconds = 30
const longestSeconds = 3_600
const quietSeconds = 600

function waitSeconds({ count }: Repair): number {
  return count < atOnce ? 0 : Math.min(shortestSeconds * 2 ** (count - atOnce), longestSeconds)
}

/** What was put right and stayed so is forgotten. A clock that went back begins anew. */
function isFresh(repair: Repair, what: string, now: number): boolean {
  return repair.what === what && now >= repair.last && now < quietAt(repair)
}

function quietAt(repair: Repair): number {
  return repair.last + Math.max(quietSeconds, 2 * waitSeconds(repair))
}

/**
 * @param about.held `kid` of the key in use
 * @param about.isFirst there was no key yet: a first one puts nothing right
 */
export function afterRepair(
  before: Repair | undefined,
  { what, held, isFirst }: { readonly what: string; readonly held: string | undefined; readonly isFirst: boolean },
  now: number,
): Repair {
  const goesOn = before !== undefined && isFresh(before, what, now)
  const count = (goesOn ? before.count : 0) + (isFirst ? 0 : 1)
  if (goesOn && before.held !== undefined) return { ...before, count, last: now }
  return { what, count, first: now, last: now, ...(held !== undefined && { held }) }
}

/** Until when it is left as it is; undefined: it is put right at once. */
export function leftUntil(repairs: Repairs | undefined, { kind, what }: RepairOf, now: number): number | undefined {
  const repair = repairs?.[kind]
  if (!repair || !isFresh(repair, what, now)) return undefined
  const at = repair.last + waitSeconds(repair)
  return at > now ? at : undefined
}

/** Until when somebody else is said to undo it; undefined: nobody does. */
export function undoneUntil(repairs: Repairs | undefined, { kind, what }: RepairOf, now: number): number | undefined {
  const repair = repairs?.[kind]
  return repair && repair.count > atOnce && isFresh(repair, what, now) ? quietAt(repair) : undefined
}
