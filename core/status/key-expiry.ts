import type { AccessKey } from '../api/access-key.ts'
import { secondsOfTime } from '../base/time.ts'
import { horizonDays } from './ending.ts'
import type { ConditionFinding } from './report.ts'

export interface KeyExpiry {
  /** Seconds since epoch; undefined when no key ends. */
  readonly soonest: number | undefined
  /** How many end within each horizon, the nearer ones counted again in the farther. */
  readonly within: readonly { readonly days: (typeof horizonDays)[number]; readonly count: number }[]
}

/** The condition that says why no next key comes, though one is planned; undefined when nothing is in its way. */
export function heldUpBy(
  conditions: readonly Pick<ConditionFinding, 'type' | 'status' | 'reason'>[] | undefined,
): string | undefined {
  const held = conditions?.find(({ type, status, reason }) => {
    if (type === 'Accepted') return status === 'False' && reason !== 'RoleNotFound'
    return (type === 'Paused' || type === 'Stalled') && status === 'True'
  })
  return held?.type
}

/**
 * When a key in use will end by itself, seconds since epoch: one that is renewed before is nobody's worry, unless that is
 * held up, or every key ends with its object.
 */
function endOf({ spec, status }: AccessKey): number | undefined {
  if (status?.expiresAt === undefined || !isInUse(status)) return undefined
  const end = secondsOfTime(status.expiresAt)
  const isRenewed = spec.expiresAt === undefined && secondsOfTime(status.renewalTime ?? '') < end
  return isRenewed && heldUpBy(status.conditions) === undefined ? undefined : end
}

/** A key goes on while its object has a fault that leaves it published. */
function isInUse({ state, keyId, keys }: NonNullable<AccessKey['status']>): boolean {
  return state === 'Active' || (state === 'Refused' && keys?.find(({ kid }) => kid === keyId)?.state === 'Active')
}

interface Ending {
  readonly key: AccessKey
  /** Seconds since epoch. */
  readonly end: number
}

/**
 * The keys in use that end first, in order. Where there are more than are told of, namespaces take turns: the first end of
 * each comes before the second of any.
 * @param most how many are told of; of one namespace all others cost one comparison
 */
export function firstEnds(keys: Iterable<AccessKey>, most: number): Ending[] {
  const namespaces = new Map<string | undefined, Firsts>()
  for (const key of keys) {
    const end = endOf(key)
    if (end === undefined) continue
    const { namespace } = key.metadata
    const firsts = namespaces.get(namespace) ?? createFirsts(most)
    namespaces.set(namespace, firsts)
    firsts.add({ key, end })
  }
  const ranked = [...namespaces.values()].flatMap(firsts => firsts.take().map((ending, rank) => ({ ending, rank })))
  return ranked
    .sort((a, b) => a.rank - b.rank || a.ending.end - b.ending.end)
    .slice(0, most)
    .map(({ ending }) => ending)
    .sort((a, b) => a.end - b.end)
}

interface Firsts {
  add(ending: Ending): void
  /** In order. */
  take(): Ending[]
}

function createFirsts(most: number): Firsts {
  let first: Ending[] = []
  let last = Number.POSITIVE_INFINITY
  const cut = (): Ending[] => {
    first = first.sort((a, b) => a.end - b.end).slice(0, most)
    return first
  }
  return {
    add(ending) {
      if (ending.end >= last) return
      first.push(ending)
      if (first.length >= 2 * most) last = cut().at(-1)?.end ?? last
    },
    take: cut,
  }
}

/** Keys in use that will end by themselves. @param now seconds since epoch */
export function keyExpiry(keys: Iterable<AccessKey>, now: number): KeyExpiry {
  const ends = [...keys].flatMap(key => endOf(key) ?? [])
  return {
    soonest: ends.length === 0 ? undefined : ends.reduce((a, b) => Math.min(a, b)),
    within: horizonDays.map(days => ({ days, count: ends.filter(end => end - now <= days * 86_400).length })),
  }
}
