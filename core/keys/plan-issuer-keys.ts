import { isSameJson } from '../base/canonical-json.ts'
import type { IssuerAlgorithm, IssuerKey } from './issuer-keys.ts'

/** A replica signs with what it has read at most this long ago: one that does not reach the API server stops. */
const mostStaleSeconds = 600
/** How far the clocks of two leaders are apart: one says until when, another takes the key away. */
const clocksApartSeconds = 600
/** `max-age` of the published keys. */
const cachedSeconds = 60
const longestTokenSeconds = 3_600
/** How long a key stays published when it signs no more. */
export const issuerKeyRetiringSeconds = longestTokenSeconds + mostStaleSeconds + clocksApartSeconds + cachedSeconds
const daySeconds = 86_400

/** What a pass over the issuer's keys looks at. Times in seconds. */
export interface ObservedIssuerKeys {
  /** What `keys.json` says. */
  readonly keys: readonly IssuerKey[]
  /** Those that are chosen, the preferred one first. */
  readonly algorithms: readonly IssuerAlgorithm[]
  /** The key files that are what their name says. `signs`: with a private half. */
  readonly files: readonly { readonly kid: string; readonly algorithm: IssuerAlgorithm; readonly signs: boolean }[]
  /** There are others, which would keep replicas from reading these. */
  readonly unreadable: boolean
  /** `kid`s that every replica of the issuer publishes now; none while one of them could not be asked. */
  readonly published: ReadonlySet<string>
  readonly everySeconds: number
  readonly publishAheadSeconds: number
  /** Keys that are older are replaced as soon as this moment has come. */
  readonly requestedAt?: number
}

export type IssuerKeysPlan =
  /** `nextAt`: when something is due. `awaits`: a key is not seen to be published yet. */
  | { readonly do: 'keep'; readonly nextAt?: number; readonly awaits: boolean }
  /** The one write of a pass. `mint`: with one more key of this algorithm, as the next one. */
  | { readonly do: 'write'; readonly keys: readonly IssuerKey[]; readonly mint?: IssuerAlgorithm }

type Change = { readonly keys: readonly IssuerKey[]; readonly mint?: IssuerAlgorithm }
type Step = (observed: ObservedIssuerKeys, now: number) => Change | undefined

/** The first that has something to do is the pass's write. */
const steps: readonly Step[] = [repair, dismiss, notePublished, promote, retire, stage]

/**
 * The life of a signing key: made and published → seen at every replica → after `publishAhead` it signs, and the one
 * before retires → taken away when its last token has ended. Where no key signs that readers could know already, nobody
 * waits for `publishAhead`. Keys of an algorithm that is not chosen any more retire when one of the preferred algorithm signs.
 */
export function planIssuerKeys(observed: ObservedIssuerKeys, now: number): IssuerKeysPlan {
  for (const step of steps) {
    const change = step(observed, now)
    if (change) return { do: 'write', ...change }
  }
  const { keys, published, everySeconds, publishAheadSeconds, requestedAt } = observed
  const moments = keys.map(key => {
    if (key.state === 'Retiring') return key.until ?? now
    return key.state === 'Signing' ? key.createdAt + everySeconds : (key.publishedAt ?? now) + publishAheadSeconds
  })
  if (requestedAt !== undefined) moments.push(requestedAt)
  const coming = moments.filter(moment => moment > now)
  const awaits = keys.some(({ state, kid }) => state === 'Next' && !published.has(kid))
  return { do: 'keep', awaits, ...(coming.length > 0 && { nextAt: Math.min(...coming) }) }
}

/**
 * Brings `keys.json` in line with the files. Keys of a Secret without it, as 0.1.0 leaves them, are used on: each is
 * the next one and signs when it is seen to be published.
 */
function repair({ keys, files, unreadable }: ObservedIssuerKeys, now: number): Change | undefined {
  const file = new Map(files.map(one => [one.kid, one]))
  const known = keys.flatMap(key => (file.get(key.kid)?.algorithm === key.algorithm ? [corrected(key, now)] : []))
  const unknown = files
    .filter(({ kid }) => !known.some(key => key.kid === kid))
    .map(({ kid, algorithm }): IssuerKey => ({ kid, algorithm, state: 'Next', createdAt: now }))
  const signing = new Set<string>()
  const coming = new Set<string>()
  const repaired = [...known, ...unknown].flatMap((key): IssuerKey[] => {
    if (key.state === 'Retiring') return [key]
    const taken = key.state === 'Signing' ? signing : coming
    const recorded = known.includes(key)
    // One without its private half, or a second one, signs nothing; tokens of it may be on their way.
    const fit = file.get(key.kid)?.signs && !taken.has(key.algorithm) && (recorded || !signing.has(key.algorithm))
    if (fit) {
      taken.add(key.algorithm)
      return [key]
    }
    return recorded && key.state === 'Next' ? [] : [retiring(key, now)]
  })
  return !unreadable && isSameJson(repaired, keys) ? undefined : { keys: repaired }
}

function notePublished({ keys, published }: ObservedIssuerKeys, now: number): Change | undefined {
  const seen = (key: IssuerKey) => key.state === 'Next' && key.publishedAt === undefined && published.has(key.kid)
  if (!keys.some(seen)) return undefined
  return { keys: keys.map(key => (seen(key) ? { ...key, publishedAt: now } : key)) }
}

/** Asked again in the pass that promotes: a replica may have come since, or lost the Secret. */
function promote(observed: ObservedIssuerKeys, now: number): Change | undefined {
  const { keys, published, publishAheadSeconds } = observed
  const ready = keys.find(key => {
    if (key.state !== 'Next' || key.publishedAt === undefined || !published.has(key.kid)) return false
    return !hasElder(key, keys) || key.publishedAt + publishAheadSeconds <= now
  })
  if (!ready || isOld(ready, observed, now)) return undefined
  const changed = keys.map((key): IssuerKey => {
    if (key.kid === ready.kid) return { ...key, state: 'Signing' }
    return key.algorithm === ready.algorithm && key.state === 'Signing' ? retiring(key, now) : key
  })
  return { keys: changed }
}

/** Whether one signs that readers have known for longer: of the same algorithm, or of another in whose place it comes. */
function hasElder({ algorithm, publishedAt = 0 }: IssuerKey, keys: readonly IssuerKey[]): boolean {
  return keys.some(
    key => key.state === 'Signing' && (key.algorithm === algorithm || (key.publishedAt ?? 0) < publishedAt),
  )
}

function retire({ keys }: ObservedIssuerKeys, now: number): Change | undefined {
  const left = keys.filter(({ state, until = now }) => state !== 'Retiring' || until > now)
  return left.length < keys.length ? { keys: left } : undefined
}

/** Of what is not chosen: a next key goes at once, and one that signs retires when nobody needs it any more. */
function dismiss({ keys, algorithms: chosen }: ObservedIssuerKeys, now: number): Change | undefined {
  const isNeeded = !chosen[0] || !signingOf(keys, chosen[0])
  const isOver = ({ algorithm, state }: IssuerKey) =>
    !chosen.includes(algorithm) && (state === 'Next' || (state === 'Signing' && !isNeeded))
  if (!keys.some(isOver)) return undefined
  const kept = keys.filter(key => !isOver(key) || key.state === 'Signing')
  return { keys: kept.map(key => (isOver(key) ? retiring(key, now) : key)) }
}

/** Also in the place of a next key that is older than what was requested: whoever got the one has the other. */
function stage(observed: ObservedIssuerKeys, now: number): Change | undefined {
  const { keys, algorithms, everySeconds } = observed
  const mint = algorithms.find(algorithm => {
    const next = keys.find(key => key.algorithm === algorithm && key.state === 'Next')
    if (next) return isOld(next, observed, now)
    const signing = signingOf(keys, algorithm)
    return !signing || signing.createdAt + everySeconds <= now || isOld(signing, observed, now)
  })
  if (!mint) return undefined
  return { keys: keys.filter(({ algorithm, state }) => algorithm !== mint || state !== 'Next'), mint }
}

function isOld({ createdAt }: IssuerKey, { requestedAt }: ObservedIssuerKeys, now: number): boolean {
  return requestedAt !== undefined && requestedAt <= now && createdAt < requestedAt
}

function signingOf(keys: readonly IssuerKey[], algorithm: IssuerAlgorithm): IssuerKey | undefined {
  return keys.find(key => key.algorithm === algorithm && key.state === 'Signing')
}

function retiring({ publishedAt: _, ...key }: IssuerKey, now: number): IssuerKey {
  return { ...key, state: 'Retiring', until: now + issuerKeyRetiringSeconds }
}

/**
 * A key made in the future is as old as now: a request to rotate counts for it. That it was published is believed a day
 * ahead, so that no clock shortens a wait, and seen anew beyond that.
 */
function corrected({ publishedAt, ...key }: IssuerKey, now: number): IssuerKey {
  const believed = publishedAt !== undefined && publishedAt <= now + daySeconds
  return { ...key, createdAt: Math.min(key.createdAt, now), ...(believed && { publishedAt }) }
}
