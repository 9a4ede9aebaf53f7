import type { PublishedKey } from '../api/access-key.ts'
import { secondsOf } from '../base/time.ts'
import type { ResolvedClient } from '../registry/resolve-clients.ts'
import type { ProvedKey } from './judge-secret.ts'
import { mostRetiring, nextNumber, publishAhead, retiringSeconds } from './key-ledger.ts'
import type { CasePlan, ObservedAccessKey, PlannedWrite, Rotating, SecretWrite } from './key-plan.ts'
import { secretWith } from './minted-secret.ts'
import { deleteNext, type NextSecret, ofNext } from './next-secret.ts'
import { publicHalf } from './public-half.ts'
import { leftUntil } from './repairs.ts'
import { clockGraceSeconds, type Renewal, type RotationTerms, renewalOf } from './rotation-schedule.ts'
import type { SecretObject } from './secret-data.ts'
import { nextOpen } from './windows.ts'

/** Guards that have not taken a key for so many times the publishing ahead are told of. */
const patience = 10

/** The key in use, in a Secret that is as it should be. */
export interface InUse {
  readonly key: ProvedKey
  readonly number: number
  readonly object: SecretObject
}

interface Rotation {
  readonly observed: ObservedAccessKey & { readonly client: ResolvedClient }
  readonly inUse: InUse
  /** With the key in use published. */
  readonly ledger: readonly PublishedKey[]
  readonly next: NextSecret
  readonly terms: RotationTerms | undefined
  readonly now: number
}

/** What a rotation adds to the plan of a key that is in use. */
export type RotationPlan = Pick<CasePlan, 'keys' | 'first' | 'nextTrouble' | 'rotating' | 'renewalAt' | 'wakeAt'>

type Ready = Extract<NextSecret, { is: 'ready' }>

/**
 * The next step of a rotation: mint the next key into its own Secret, publish it, wait, put it into the mounted one,
 * delete its own. What was published is carried through, whatever becomes of `spec.rotation` meanwhile.
 */
export function planRotation(rotation: Rotation): RotationPlan {
  const { observed, inUse, ledger, next, terms, now } = rotation
  const entry = ledger.find(one => one.kid === inUse.key.kid)
  const { publishAheadSeconds } = observed
  const key = { number: inUse.number, notAfter: secondsOf(entry?.notAfter) }
  const renewal = renewalOf(observed.accessKey, terms, key, { publishAheadSeconds, now })
  const shown = renewal && { renewalAt: renewal.at, ...awaiting(renewal) }
  switch (next.is) {
    case 'useless':
      return { keys: ledger, ...shown, ...ifTold(rotation, deleteNext(next.object, next.edited)) }
    case 'ready': {
      if (next.number <= inUse.number) return { keys: ledger, ...shown, ...ifTold(rotation, deleteNext(next.object)) }
      if (next.published) return { ...shown, ...handOver(rotation, next, next.published, renewal) }
      if (!isWanted(renewal, now + clockGraceSeconds)) {
        return { keys: ledger, ...shown, ...ifTold(rotation, deleteNext(next.object)) }
      }
      const fresh = { kid: next.key.kid, ...publicHalf(next.key), notBefore: next.number }
      return { ...shown, keys: publishAhead(observed.accessKey, ledger, fresh, now), rotating: publishing }
    }
    case 'none':
      return { keys: ledger, ...shown, ...begin(rotation, renewal) }
    default:
      if (next.is !== 'refused' && !isWanted(renewal, now)) return { keys: ledger, ...shown, wakeAt: wake(renewal) }
      return { keys: ledger, ...shown, nextTrouble: next.is }
  }
}

function isWanted(renewal: Renewal | undefined, now: number): boolean {
  return renewal !== undefined && renewal.stageAt <= now
}

function wake(renewal: Renewal | undefined): number[] {
  return renewal ? [renewal.stageAt, ...(renewal.awaited === undefined ? [] : [renewal.awaited])] : []
}

function awaiting({ awaited }: Renewal): { rotating?: Rotating } {
  if (awaited === undefined) return {}
  const message = 'spec.rotation.requestedAt is still to come. The rotation begins at that moment.'
  return { rotating: { reason: 'Requested', message } }
}

/** Of the next key nothing is minted or deleted before the status says what is in use. */
function ifTold({ observed, inUse }: Rotation, first: PlannedWrite<SecretWrite>): Pick<CasePlan, 'first'> {
  const told = observed.accessKey.status?.keys?.find(one => one.kid === inUse.key.kid)
  return told?.state === 'Active' || told?.state === 'Expired' ? { first } : {}
}

function begin(rotation: Rotation, renewal: Renewal | undefined): Partial<RotationPlan> {
  const { observed, inUse, ledger, now } = rotation
  if (observed.client.suspended || !renewal) return {}
  if (!isWanted(renewal, now)) return { wakeAt: wake(renewal) }
  if (ledger.filter(one => one.state === 'Retiring').length >= mostRetiring) {
    const message = `${mostRetiring} earlier keys are still in their overlap. The rotation begins when one of them has ended; a shorter spec.rotation.overlap ends later ones sooner.`
    return { rotating: { reason: 'TooManyRetiring', message } }
  }
  // Somebody spoils each next key: the next one is minted later and later.
  const until = leftUntil(observed.repairs, ofNext, now)
  if (until !== undefined) return { nextTrouble: 'contended', wakeAt: [until] }
  const number = Math.max(nextNumber(observed.accessKey, ledger, now), inUse.number + 1)
  const note = 'A next key is minted. It takes the place of the one in use once everybody can know it.'
  const events = [{ type: 'Normal' as const, reason: 'RotationStarted', action: 'Mint', note }]
  return ifTold(rotation, { write: { kind: 'mint', slot: 'staged', number }, events })
}

const publishing: Rotating = {
  reason: 'Publishing',
  message: 'The next key is published. It takes the place of the one in use once everybody can know it.',
}

/** The next key is published: it waits, and then takes the place of the one in use. */
function handOver(
  rotation: Rotation,
  next: Ready,
  published: PublishedKey,
  renewal: Renewal | undefined,
): RotationPlan {
  const { ledger } = rotation
  const wait = waitOf(rotation, published, renewal)
  if (wait) return { keys: ledger, rotating: wait.rotating, wakeAt: wait.until }
  const { observed, inUse } = rotation
  const secret = secretWith(observed, next, { slot: 'mounted', previous: inUse.object })
  const note = 'The next key is in the Secret now. The one before stays valid for the overlap.'
  const events = [{ type: 'Normal' as const, reason: 'Rotated', action: 'Update', note }]
  return {
    keys: ledger,
    rotating: publishing,
    ...ifTold(rotation, { write: { kind: 'update-secret', slot: 'mounted', secret }, events }),
  }
}

interface Wait {
  readonly rotating: Rotating
  /** Seconds since epoch: when time alone may end it. */
  readonly until: number[]
}

/**
 * What the next key still waits for: those who keep the list of keys for a while, the time it is due, and guards that do
 * not hold it. No guard holds it up for ever: one that took nothing for its maxStaleness denies everything anyway, and
 * an end of the key in use would break every call, not those to that guard.
 */
function waitOf(
  { observed, inUse, ledger, now }: Rotation,
  published: PublishedKey,
  renewal: Renewal | undefined,
): Wait | undefined {
  const { publishAheadSeconds, stalenessSeconds, enforced } = observed
  const entry = ledger.find(one => one.kid === inUse.key.kid)
  // The key in use verifies nothing any more: there is nothing to wait for.
  if (entry?.state !== 'Active') return undefined
  const since = secondsOf(published.publishedAt ?? published.notBefore) ?? now
  const known = since + publishAheadSeconds
  if (now < known) return { rotating: publishing, until: [known] }
  const lastMoment = (secondsOf(entry.notAfter) ?? Number.POSITIVE_INFINITY) - retiringSeconds
  const due = dueOf(observed, renewal, now)
  if (now < due && now < lastMoment) {
    const message = 'The next key is published and waits for the next window of spec.rotation.windows.'
    const windows = observed.accessKey.spec.rotation?.windows
    return { rotating: windows ? { reason: 'WaitingForWindow', message } : publishing, until: [due, lastMoment] }
  }
  if (enforced?.state === 'enforced' || enforced?.state === 'no-guards') return undefined
  const told = since + patience * publishAheadSeconds
  const forced = Math.min(Math.max(told, since + stalenessSeconds), Math.max(lastMoment, known))
  if (now >= forced) return undefined
  const lacking = enforced?.state === 'waiting' ? enforced.message : 'The guards have not been asked yet.'
  const rotating: Rotating =
    now < told
      ? { reason: 'WaitingForGuards', message: `The next key waits until every guard holds it. ${lacking}` }
      : {
          reason: 'GuardsBehind',
          message: `The next key waits for guards that have not taken it for long. ${lacking} See the conditions of their GuardedServices.`,
        }
  return { rotating, until: [told, forced] }
}

/** When a published key may take its place as far as time goes; at once when nothing in the spec says otherwise any more. */
function dueOf({ accessKey }: ObservedAccessKey, renewal: Renewal | undefined, now: number): number {
  if (renewal?.requested) return now
  if (isWanted(renewal, now + clockGraceSeconds)) return renewal?.at ?? now
  const windows = accessKey.spec.rotation?.windows
  return (windows && nextOpen(windows, now)?.opens) ?? now
}
