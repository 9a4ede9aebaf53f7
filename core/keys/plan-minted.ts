import type { PublishedKey } from '../api/access-key.ts'
import { secondsOfTime } from '../base/time.ts'
import type { ResolvedClient } from '../registry/resolve-clients.ts'
import type { KeyFault } from './accept-access-key.ts'
import { judgeSecret, type SpoiltCause } from './judge-secret.ts'
import { holdOn, ledgerOf, nextNumber, onlyRevoked, publish, publishAhead, retireLost } from './key-ledger.ts'
import type { CasePlan, ObservedAccessKey } from './key-plan.ts'
import { secretWith } from './minted-secret.ts'
import { judgeNext, type NextSecret } from './next-secret.ts'
import { type InUse, planRotation } from './plan-rotation.ts'
import { publicHalf } from './public-half.ts'
import { leftUntil, type RepairOf, undoneUntil } from './repairs.ts'
import { rotatesByDefault } from './rotation-default.ts'
import { type RotationTerms, rotationTerms } from './rotation-schedule.ts'
import { type SecretObject, secretAnnotations } from './secret-data.ts'
import { differences } from './secret-differences.ts'

const slot = 'mounted'
const daySeconds = 86_400

/** A key that we make: its private half lives in the mounted Secret, its public half is published. */
export function planMinted(observed: ObservedAccessKey, fault: KeyFault | undefined, now: number): CasePlan {
  const byDefault = rotatesByDefault(observed)
  return { ...planKey(observed, fault, byDefault, now), byDefault }
}

function planKey(observed: ObservedAccessKey, fault: KeyFault | undefined, byDefault: boolean, now: number): CasePlan {
  const { accessKey, client } = observed
  const secret = observed.secrets[slot]
  const aged = ledgerOf(accessKey, now)
  const moved = client && accessKey.status?.clientId !== undefined && accessKey.status.clientId !== client.clientId
  const ledger = moved || fault?.keys === 'withdrawn' ? onlyRevoked(aged) : aged
  const inUse = ledger.find(key => key.kid === accessKey.status?.keyId)
  const current = inUse ? { keyId: inUse.kid } : {}
  if ((fault && fault.keys !== 'managed') || !client) return { keys: ledger, secretState: 'unknown', ...current }
  if (secret === 'forbidden' || secret === 'refused') return { keys: ledger, secretState: secret, ...current }
  const found = { ...observed, client }
  const next = judgeNext(observed, client, ledger, now)
  const terms = fault ? undefined : rotationTerms(accessKey.spec, client.client.spec.type, byDefault)
  const keys = withoutLost(held(found, ledger, terms, now), next, secret?.key?.kid)
  const over = inUse?.state === 'Expired' && terms?.everySeconds === undefined
  const dead = accessKey.spec.expiresAt !== undefined && Math.floor(secondsOfTime(accessKey.spec.expiresAt)) <= now
  if (!secret) {
    if (over || dead) return { keys, secretState: 'missing', ...current }
    return { ...current, ...fill(found, { keys, next, inUse }, now) }
  }
  const verdict = judgeSecret(secret, accessKey, client, keys)
  switch (verdict.is) {
    case 'leaving':
    case 'foreign':
      return { keys, secretState: verdict.is, ...current }
    case 'spoilt':
      if (dead || (over && verdict.cause !== 'revoked')) return { keys, secretState: 'missing', ...current }
      return fill(found, { keys, next, inUse, previous: { object: secret.object, cause: verdict.cause } }, now)
    case 'orphan': {
      const adopted = secretWith(found, verdict, { slot, previous: secret.object })
      return { keys, secretState: 'missing', first: adopt(adopted, keyOf(found)) }
    }
    case 'good':
      return good(found, { ...verdict, object: secret.object }, { keys, next, terms }, now)
  }
}

/** A next key that is in no Secret any more was in nobody's hands. While its Secret cannot be read, it stays. */
function withoutLost(ledger: readonly PublishedKey[], next: NextSecret, mounted: string | undefined): PublishedKey[] {
  const unseen = next.is === 'forbidden' || next.is === 'refused'
  const held = next.is === 'ready' ? next.key.kid : undefined
  return ledger.filter(key => key.state !== 'Pending' || unseen || key.kid === held || key.kid === mounted)
}

/** The key that pods have while somebody fights over the Secret: it stays for its overlap, for they get no other. */
function held(
  observed: Accepted,
  ledger: PublishedKey[],
  terms: RotationTerms | undefined,
  now: number,
): PublishedKey[] {
  const { accessKey, repairs } = observed
  const repair = repairs?.key
  const isFought = [leftUntil, undoneUntil].some(until => until(repairs, keyOf(observed), now) !== undefined)
  if (repair?.held === undefined || !isFought) return ledger
  return holdOn(accessKey, ledger, repair.held, repair.first + (terms?.overlapSeconds ?? daySeconds))
}

type Accepted = ObservedAccessKey & { readonly client: ResolvedClient }

interface Lost {
  readonly keys: readonly PublishedKey[]
  readonly next: NextSecret
  readonly inUse: PublishedKey | undefined
  readonly previous?: { readonly object: SecretObject; readonly cause: SpoiltCause }
}

/**
 * The mounted Secret holds no key: it gets the next one, once that is published, and where there is none a new one. Who
 * takes it out again and again is left to it, each time for longer: what is published stays meanwhile.
 */
function fill(observed: Accepted, lost: Lost, now: number): CasePlan {
  const { keys, next, inUse, previous } = lost
  const { accessKey } = observed
  const repair = keyOf(observed)
  const until = leftUntil(observed.repairs, repair, now)
  const current = inUse ? { keyId: inUse.kid } : {}
  if (until !== undefined) return { keys, secretState: 'missing', contended: true, wakeAt: [until], ...current }
  const contended = undoneUntil(observed.repairs, repair, now) !== undefined
  const kept = retireLost(keys, inUse?.kid, now)
  if (next.is !== 'ready') {
    return { keys, secretState: 'missing', contended, first: mint(observed, keys, now, previous) }
  }
  const { kid } = next.key
  if (!next.published) {
    const ahead = publishAhead(accessKey, kept, { kid, ...publicHalf(next.key), notBefore: next.number }, now)
    return { keys: ahead, secretState: 'missing', contended }
  }
  const secret = secretWith(observed, next, { slot, previous: previous?.object })
  const kind = previous ? 'update-secret' : 'create-secret'
  const note = 'The Secret held no key that may be used. It has the next one now, which was published already.'
  const events = [{ type: 'Warning' as const, reason: 'SecretReplaced', action: 'Update', note }]
  return {
    keys: kept,
    secretState: 'missing',
    contended,
    first: { write: { kind, slot, secret }, events, repair },
  }
}

interface Around {
  readonly keys: readonly PublishedKey[]
  readonly next: NextSecret
  readonly terms: RotationTerms | undefined
}

function good(observed: Accepted, inUse: InUse, { keys, next, terms }: Around, now: number): CasePlan {
  const { kid } = inUse.key
  const overlapSeconds = terms?.overlapSeconds ?? 0
  const ledger = publish(
    observed.accessKey,
    keys,
    { kid, ...publicHalf(inUse.key), notBefore: inUse.number },
    { now, overlapSeconds },
  )
  const secret = secretWith(observed, inUse, { slot, previous: inUse.object })
  const rotation = planRotation({ observed, inUse, ledger, next, terms, now })
  const undone = undoneUntil(observed.repairs, keyOf(observed), now)
  const refresh = refreshed(observed, inUse.object, secret, now)
  const wakeAt = [...(rotation.wakeAt ?? []), ...(undone === undefined ? [] : [undone]), ...refresh.wakeAt]
  return {
    secretState: 'good',
    keyId: kid,
    ...rotation,
    contended: undone !== undefined,
    ...refresh.told,
    ...(refresh.due && { last: { write: { kind: 'refresh-secret', slot, secret }, events: [], repair: refresh.due } }),
    wakeAt,
  }
}

/** Not worth a write of every Secret when a release brings it: it comes with the next write. */
const withTheNext = `metadata.annotations[${secretAnnotations.ownerNamespace}]`

/** What stands beside the key is put right, unless somebody changes it whenever it is written: that is told instead. */
function refreshed(
  { accessKey, repairs }: Accepted,
  found: SecretObject,
  secret: SecretObject,
  now: number,
): { readonly due?: RepairOf; readonly told: Pick<CasePlan, 'altered'>; readonly wakeAt: readonly number[] } {
  const { fields, digest } = differences(found, secret)
  if (!fields.some(field => field !== withTheNext)) return { told: {}, wakeAt: [] }
  const rest = { kind: 'rest', what: digest } as const
  const until = leftUntil(repairs, rest, now)
  const known = accessKey.status?.conditions?.some(one => one.type === 'Ready' && one.reason === 'SecretAltered')
  // As long as it is not known to have stayed, what was said of it is true.
  const isAltered = until !== undefined || undoneUntil(repairs, rest, now) !== undefined || known === true
  return {
    ...(until === undefined && { due: rest }),
    told: isAltered ? { altered: fields } : {},
    wakeAt: until === undefined ? [] : [until],
  }
}

type First = NonNullable<CasePlan['first']>

const replaced: Readonly<Record<SpoiltCause, { type: 'Normal' | 'Warning'; note: string }>> = {
  edited: { type: 'Warning', note: 'The Secret held no key that fits its parts. It has a new key now.' },
  revoked: { type: 'Normal', note: 'The key in the Secret was revoked. It has a new key now.' },
  stale: { type: 'Warning', note: 'The Secret held a key from before. It has a new key now.' },
  client: { type: 'Normal', note: 'The key in the Secret was of another client id. It has a new key now.' },
  left: {
    type: 'Normal',
    note: 'The Secret was left by an earlier AccessKey of this name, with a key that may not be used here. It has a new key now.',
  },
}

/** Another moment of revocation, or another client id, is another key to be put there. */
function keyOf({ accessKey: { spec }, client }: Accepted): RepairOf {
  return { kind: 'key', what: `${client.clientId} ${spec.keysNotBefore ?? ''}` }
}

function mint(observed: Accepted, keys: readonly PublishedKey[], now: number, previous: Lost['previous']): First {
  const number = nextNumber(observed.accessKey, keys, now)
  const repair = keyOf(observed)
  if (!previous) return { write: { kind: 'mint', slot, number }, events: [], repair }
  const write = { kind: 'mint', slot, number, previous: previous.object } as const
  return { write, events: [{ ...replaced[previous.cause], reason: 'SecretReplaced', action: 'Mint' }], repair }
}

function adopt(secret: SecretObject, repair: RepairOf): First {
  const note = 'A Secret that an earlier AccessKey of this name left is used again.'
  return {
    write: { kind: 'update-secret', slot, secret },
    events: [{ type: 'Normal', reason: 'Adopted', action: 'Update', note }],
    repair,
  }
}
