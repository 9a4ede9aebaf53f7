import type { AccessKey } from '../api/access-key.ts'
import { durationSeconds, durationText, secondsOfTime } from '../base/time.ts'
import { retiringSeconds } from './key-ledger.ts'
import { longestUse, type RotationTerms } from './rotation-schedule.ts'
import { timeZoneFault } from './time-zones.ts'
import { longestClosed } from './windows.ts'

const longestAhead = 24 * 3_600

/** What is wrong with `spec.rotation`, in a sentence that names the field and what to do. */
export interface RotationFault {
  readonly message: string
  /** Seconds since epoch at which time alone cures it. */
  readonly lookAgainAt?: number
}

interface Asked {
  readonly spec: AccessKey['spec']
  readonly terms: RotationTerms | undefined
  readonly publishAheadSeconds: number
  /** Seconds since epoch. */
  readonly now: number
}

type Check = (asked: Asked) => RotationFault | undefined

const checks: readonly Check[] = [ownKey, tooOften, overlapTooLong, beyondValidity, windowThatNeverOpens, requestFault]

/** The first thing wrong with `spec.rotation`, or undefined. What the schema says is said here again: it may be of another version. */
export function findRotationFault(asked: Asked): RotationFault | undefined {
  if (!asked.spec.rotation) return undefined
  for (const check of checks) {
    const fault = check(asked)
    if (fault) return fault
  }
  return undefined
}

function ownKey({ spec }: Asked): RotationFault | undefined {
  if (!spec.publicKey) return undefined
  return { message: 'spec.rotation has no meaning with spec.publicKey: its owner exchanges it. Remove spec.rotation.' }
}

function tooOften({ spec }: Asked): RotationFault | undefined {
  const { every } = spec.rotation ?? {}
  if (every === undefined || (durationSeconds(every) ?? 0) >= 3_600) return undefined
  return { message: 'spec.rotation.every is shorter than 1h. Lengthen it.' }
}

function overlapTooLong({ spec, terms }: Asked): RotationFault | undefined {
  if (terms?.everySeconds === undefined || terms.overlapSeconds < terms.everySeconds) return undefined
  const { every } = spec.rotation ?? {}
  const used =
    every === undefined
      ? `the ${durationText(terms.everySeconds)} for which a key is used where spec.rotation.every is not set`
      : `spec.rotation.every, ${every}`
  return { message: `spec.rotation.overlap is not shorter than ${used}. Shorten the overlap.` }
}

function beyondValidity({ spec, terms, publishAheadSeconds }: Asked): RotationFault | undefined {
  const validity = spec.validity === undefined ? undefined : durationSeconds(spec.validity)
  if (validity === undefined || !terms) return undefined
  if (terms.everySeconds !== undefined && terms.everySeconds >= validity) {
    return {
      message:
        'spec.rotation.every is not shorter than spec.validity: a key would end before the next is due. Shorten every or lengthen validity.',
    }
  }
  if (terms.overlapSeconds + publishAheadSeconds <= validity) return undefined
  return {
    message: `spec.rotation.overlap and the ${publishAheadSeconds} s for which a key is published ahead do not fit into spec.validity. Shorten the overlap or lengthen validity.`,
  }
}

function windowThatNeverOpens(asked: Asked): RotationFault | undefined {
  const { windows = [] } = asked.spec.rotation ?? {}
  for (const [index, { timeZone, duration }] of windows.entries()) {
    const field = `spec.rotation.windows[${index}]`
    const zoneFault = timeZone === undefined ? undefined : timeZoneFault(timeZone)
    if (zoneFault !== undefined) return { message: `${field}.timeZone ${zoneFault}` }
    const seconds = durationSeconds(duration) ?? 0
    if (seconds <= 0) return { message: `${field}.duration is 0, so the window never opens. Lengthen it.` }
    if (seconds > 168 * 3_600) return { message: `${field}.duration is above 168h. Shorten it to at most a week.` }
  }
  return neverInTime(asked)
}

/** Of a key that is used for longest, at the worst of the year: what is accepted stays so, and no window is missed. */
function neverInTime({ spec, terms, publishAheadSeconds }: Asked): RotationFault | undefined {
  const windows = spec.rotation?.windows
  const validity = spec.validity === undefined ? undefined : durationSeconds(spec.validity)
  if (!windows || validity === undefined || terms?.everySeconds === undefined) return undefined
  const used = longestUse(terms.everySeconds, publishAheadSeconds)
  const needed = used + longestClosed(windows) + Math.max(terms.overlapSeconds, retiringSeconds)
  if (needed <= validity) return undefined
  return {
    message: `spec.rotation.windows: none may open between the time at which a key is due and the one at which it ends. Add windows, shorten spec.rotation.every, or lengthen spec.validity to ${Math.ceil(needed / 3_600)}h.`,
  }
}

function requestFault({ spec, now }: Asked): RotationFault | undefined {
  const { requestedAt } = spec.rotation ?? {}
  if (requestedAt === undefined) return undefined
  const at = secondsOfTime(requestedAt)
  if (Number.isNaN(at))
    return { message: 'spec.rotation.requestedAt is not an RFC 3339 time. Write it as in 2027-01-31T12:00:00Z.' }
  if (at <= now + longestAhead) return undefined
  return {
    message: 'spec.rotation.requestedAt is more than 24h ahead. Choose an earlier time, or set spec.rotation.windows.',
    lookAgainAt: Math.ceil(at) - longestAhead,
  }
}
