import type { AccessKey, PublishedKey } from '../api/access-key.ts'
import { durationSeconds, secondsOfTime, timeOf } from '../base/time.ts'
import { type PublicHalf, publicHalf } from './public-half.ts'

/**
 * Until every pod signs with a changed key: the kubelet looks at mounted Secrets each 60 to 90 seconds, and where it does
 * not watch them what it sees may be a minute old.
 */
const mountingSeconds = 180
/** How long a key verifies tokens that others sign in place of: until no pod signs with it, and then for the longest life of a token and the clock tolerance. */
export const retiringSeconds = mountingSeconds + 15 * 60 + 30
const mostRevoked = 4
/** A rotation waits while there are so many: none loses its overlap for another. */
export const mostRetiring = 8

/**
 * The published keys, as spec and time make them now: revoked for good, ended, or dropped when their last token ended.
 * Only takes away; what may be added is `publish`'s business.
 * @param now seconds since epoch
 */
export function ledgerOf(accessKey: AccessKey, now: number): PublishedKey[] {
  return (accessKey.status?.keys ?? []).flatMap(key => {
    const aged = age(accessKey, key, now)
    return aged ? [aged] : []
  })
}

function age({ spec }: AccessKey, key: PublishedKey, now: number): PublishedKey | undefined {
  if (key.state === 'Revoked' || spec.revoked) return { ...key, state: 'Revoked' }
  const from = spec.keysNotBefore === undefined ? Number.NEGATIVE_INFINITY : secondsOfTime(spec.keysNotBefore)
  const end = endOf(spec, key)
  // Where a time cannot be read nobody knows what the key is worth: nothing, and when it can be read again, what it was.
  if (Number.isNaN(from) || Number.isNaN(end)) return undefined
  if (secondsOfTime(key.notBefore) < from) return { ...key, state: 'Revoked' }
  const { notAfter: _, ...rest } = key
  const ended = { ...rest, ...(end !== undefined && { notAfter: timeOf(end) }) }
  const over = end !== undefined && end <= now
  if (key.state === 'Retiring' || key.state === 'Pending') return over ? undefined : ended
  return { ...ended, state: over ? 'Expired' : 'Active' }
}

/** When a key ends: what the spec says of all keys, and for a retiring one what was fixed when it began to retire. */
function endOf(
  spec: AccessKey['spec'],
  key: { state?: PublishedKey['state']; notBefore: string; notAfter?: string | undefined },
): number | undefined {
  const ends = [
    ...(spec.expiresAt === undefined ? [] : [Math.floor(secondsOfTime(spec.expiresAt))]),
    ...(spec.validity === undefined ? [] : [secondsOfTime(key.notBefore) + (durationSeconds(spec.validity) ?? 0)]),
    ...(key.state === 'Retiring' && key.notAfter !== undefined ? [secondsOfTime(key.notAfter)] : []),
  ]
  return ends.length > 0 ? Math.min(...ends) : undefined
}

/**
 * The ledger with this key in use. Another one that was retires: nobody signs with it any more, or soon nobody will, and
 * tokens it signed are still on their way. One whose successor was published ahead stays for the overlap.
 * @param key.notBefore seconds since epoch
 */
export function publish(
  accessKey: AccessKey,
  ledger: readonly PublishedKey[],
  key: NewKey,
  { now, overlapSeconds = 0 }: { readonly now: number; readonly overlapSeconds?: number },
): PublishedKey[] {
  const known = ledger.find(one => one.kid === key.kid)
  const fresh = known ?? entryOf(accessKey, key, 'Active', now)
  const end = now + Math.max(retiringSeconds, known?.state === 'Pending' ? overlapSeconds : 0)
  const others = ledger.filter(one => one.kid !== key.kid).flatMap(one => retire(one, end))
  return bounded([
    ...(fresh ? [fresh.state === 'Pending' ? { ...fresh, state: 'Active' as const } : fresh] : []),
    ...others,
  ])
}

/** The ledger with the next key in it, which is in nobody's hands yet. */
export function publishAhead(
  accessKey: AccessKey,
  ledger: readonly PublishedKey[],
  key: NewKey,
  now: number,
): PublishedKey[] {
  const next = entryOf(accessKey, key, 'Pending', now)
  return [...ledger, ...(next ? [next] : [])]
}

/** A retiring key whose successors nobody gets: it stays until then at least, unless spec or time end it sooner. */
export function holdOn(
  { spec }: AccessKey,
  ledger: readonly PublishedKey[],
  kid: string,
  until: number,
): PublishedKey[] {
  return ledger.map(key => {
    if (key.kid !== kid || key.state !== 'Retiring' || key.notAfter === undefined) return key
    const own = endOf(spec, { notBefore: key.notBefore }) ?? Number.POSITIVE_INFINITY
    return { ...key, notAfter: timeOf(Math.min(own, Math.max(secondsOfTime(key.notAfter), until))) }
  })
}

/** The key in use is in no Secret any more: it ends when the last of its tokens does. */
export function retireLost(ledger: readonly PublishedKey[], kid: string | undefined, now: number): PublishedKey[] {
  return ledger.flatMap(key => (key.kid === kid ? retire(key, now + retiringSeconds) : [key]))
}

interface NewKey extends PublicHalf {
  readonly kid: string
  readonly notBefore: number
}

function entryOf(
  accessKey: AccessKey,
  { kid, notBefore, ...half }: NewKey,
  state: 'Active' | 'Pending',
  now: number,
): PublishedKey | undefined {
  return age(
    accessKey,
    { kid, state, ...publicHalf(half), notBefore: timeOf(notBefore), publishedAt: timeOf(now) },
    now,
  )
}

/** A key that another one takes the place of. @param end seconds since epoch, unless it ends sooner by itself */
export function retire(key: PublishedKey, end: number): PublishedKey[] {
  if (key.state !== 'Active' && key.state !== 'Expired') return [key]
  if (key.state === 'Expired') return []
  const sooner = key.notAfter === undefined ? end : Math.min(end, secondsOfTime(key.notAfter))
  return [{ ...key, state: 'Retiring', notAfter: timeOf(sooner) }]
}

/** The list is bounded by its schema: of what is revoked the newest stay, of what retires what ends last. */
export function bounded(keys: readonly PublishedKey[]): PublishedKey[] {
  const last = (state: PublishedKey['state'], by: 'notBefore' | 'notAfter', most: number) =>
    new Set(
      keys
        .filter(key => key.state === state)
        .sort((a, b) => timeIn(b, by) - timeIn(a, by) || timeIn(b, 'notBefore') - timeIn(a, 'notBefore'))
        .slice(0, most),
    )
  const kept = {
    Revoked: last('Revoked', 'notBefore', mostRevoked),
    Retiring: last('Retiring', 'notAfter', mostRetiring),
  }
  return keys.filter(key => (key.state === 'Revoked' || key.state === 'Retiring' ? kept[key.state].has(key) : true))
}

function timeIn(key: PublishedKey, field: 'notBefore' | 'notAfter'): number {
  return secondsOfTime(key[field] ?? key.notBefore)
}

/** What is left when keys are withdrawn: that they were revoked stays known. */
export function onlyRevoked(keys: readonly PublishedKey[]): PublishedKey[] {
  return keys.filter(key => key.state === 'Revoked')
}

/**
 * What is published of a paused AccessKey: the keys of `before`, each as little worth as `after` has it and never more.
 * None retires: the key that would take its place is not published either.
 */
export function onlyTakenAway(before: readonly PublishedKey[], after: readonly PublishedKey[]): PublishedKey[] {
  return before.flatMap(key => {
    const next = after.find(one => one.kid === key.kid)
    if (!next) return []
    const retires = next.state === 'Retiring' && key.state !== 'Retiring'
    return [retires || power(next) > power(key) ? key : next]
  })
}

/** Whether some key verifies tokens in `before` and not, or only for a shorter time, in `after`. */
export function takesAway(before: readonly PublishedKey[], after: readonly PublishedKey[]): boolean {
  return before.some(key => power(key) > power(after.find(one => one.kid === key.kid)))
}

/** Until when it verifies tokens: seconds since epoch. */
function power(key: PublishedKey | undefined): number {
  if (!key || key.state === 'Revoked' || key.state === 'Expired') return 0
  return key.notAfter === undefined ? Number.POSITIVE_INFINITY : secondsOfTime(key.notAfter)
}

/** The number of a key to be minted. Never older than what is published or revoked, whatever our clock says: a younger key wins. */
export function nextNumber({ spec }: AccessKey, keys: readonly PublishedKey[], now: number): number {
  const from = spec.keysNotBefore === undefined ? 0 : Math.ceil(secondsOfTime(spec.keysNotBefore))
  return Math.max(now, from, ...keys.map(key => secondsOfTime(key.notBefore)))
}
