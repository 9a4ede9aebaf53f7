import type { AccessKey, PublishedKey } from '../api/access-key.ts'
import { secondsOf, secondsOfTime, timeOf } from '../base/time.ts'
import type { PlannedEvent } from '../status/report.ts'
import type { FoundSecret, ObservedAccessKey } from './key-plan.ts'
import { keyNumberOf, type SecretObject, secretAnnotations, secretSlots } from './secret-data.ts'

/** So much later than now is as good as now: guards take tokens of such a key. */
const toleratedSeconds = 30
/** How far the clocks of two leaders are apart at most. */
const clocksApartSeconds = 600
const daySeconds = 86_400

/** What a pass looks at, with no key minted later than now. */
export interface WithinOurTime {
  readonly observed: ObservedAccessKey
  /** Tells of what the status said otherwise; it is to be written before anything else. */
  readonly told?: PlannedEvent
}

/**
 * What a leader wrote whose clock was ahead of ours, put right: a key that was minted in the future counts as minted now,
 * and one before the other stays before it. Otherwise its tokens would be refused until then, and neither `keysNotBefore` nor
 * a request to rotate would count for it. What the spec asked for and got is not undone: no time goes below it.
 * @param now seconds since epoch, whole
 */
export function withinOurTime(observed: ObservedAccessKey, now: number): WithinOurTime {
  const { accessKey } = observed
  // A clock that is behind the API server's has no say in what is ahead.
  if (now < (secondsOf(accessKey.metadata.creationTimestamp) ?? 0)) return { observed }
  const bound = boundOf(accessKey, now)
  const stored = accessKey.status?.keys ?? []
  const numbers = secretSlots.flatMap(slot => numberIn(observed.secrets[slot]) ?? [])
  const mended = mending([...stored.map(bornOf), ...numbers], bound)
  const keys = stored.map(key => mendedKey(key, mended, now))
  const isMended = keys.some((key, place) => key !== stored[place])
  const ours = (found: FoundSecret) => numbered(found, { accessKey, keys, mended, bound })
  const within: ObservedAccessKey = {
    ...observed,
    ...(isMended && { accessKey: { ...accessKey, status: { ...accessKey.status, keys } } }),
    secrets: { mounted: ours(observed.secrets.mounted), staged: ours(observed.secrets.staged) },
  }
  const latest = Math.max(...stored.flatMap(key => [bornOf(key), secondsOf(key.publishedAt) ?? 0]))
  return { observed: within, ...(isMended && { told: tell(latest - now) }) }
}

function tell(seconds: number): PlannedEvent {
  const note = `A key was published with a time ${seconds} s from now: the clock of an operator was ahead. It counts as minted now.`
  return { type: 'Warning', reason: 'ClockAhead', action: 'Reconcile', note }
}

/** The latest of now and what the spec asked for, up to a time: no earlier may it become. */
function boundOf({ spec }: AccessKey, now: number): (time: number) => number {
  const asked = [spec.keysNotBefore, spec.rotation?.requestedAt].map(time => Math.ceil(secondsOfTime(time ?? '')))
  return time => Math.max(now, ...asked.filter(moment => moment <= time))
}

/** What each time becomes: those too far ahead follow their bound, a second after one another. */
function mending(times: readonly number[], bound: (time: number) => number): ReadonlyMap<number, number> {
  const mended = new Map<number, number>()
  let last = Number.NEGATIVE_INFINITY
  for (const time of [...new Set(times)].sort((a, b) => a - b)) {
    const most = bound(time)
    const ahead = time > most + toleratedSeconds
    last = Math.max(ahead ? most : time, last + 1)
    mended.set(time, last)
  }
  return mended
}

const bornOf = ({ notBefore }: PublishedKey): number => secondsOfTime(notBefore)

function mendedKey(key: PublishedKey, mended: ReadonlyMap<number, number>, now: number): PublishedKey {
  const [stored, publishedAt] = [bornOf(key), secondsOf(key.publishedAt)]
  const born = mended.get(stored) ?? stored
  // That it was published is believed a day ahead, so that no clock shortens a wait.
  const isBelieved = publishedAt === undefined || publishedAt <= now + daySeconds
  if (born === stored && isBelieved) return key
  return { ...key, notBefore: timeOf(born), ...(!isBelieved && { publishedAt: timeOf(now) }) }
}

function numberIn(found: FoundSecret): number | undefined {
  return typeof found === 'object' ? keyNumberOf(found.object) : undefined
}

interface Mended {
  readonly accessKey: AccessKey
  readonly keys: readonly PublishedKey[]
  readonly mended: ReadonlyMap<number, number>
  bound(time: number): number
}

/**
 * A published key is as old as its status says. One that nobody published yet counts as new by its number: a number that the
 * clocks of two leaders do not explain may hide how old it is, and where older keys were it counts for none.
 */
function numbered(found: FoundSecret, { accessKey, keys, mended, bound }: Mended): FoundSecret {
  if (typeof found !== 'object') return found
  const number = keyNumberOf(found.object)
  if (number === undefined) return found
  const known = keys.find(({ kid }) => kid === found.key?.kid)
  if (known) return { ...found, number: Math.min(number, bornOf(known)) }
  const hadOthers = keys.length > 0 || accessKey.spec.keysNotBefore !== undefined
  if (hadOthers && number > bound(number) + clocksApartSeconds) return { ...found, object: withoutNumber(found.object) }
  return { ...found, number: mended.get(number) ?? number }
}

function withoutNumber(secret: SecretObject): SecretObject {
  const { [secretAnnotations.keyNumber]: _, ...annotations } = { ...secret.metadata.annotations }
  return { ...secret, metadata: { ...secret.metadata, annotations } }
}
