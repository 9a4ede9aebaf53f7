import type { AccessKey, AccessKeyStatus, PublishedKey } from '../api/access-key.ts'
import { isSameJson } from '../base/canonical-json.ts'
import { secondsOfTime } from '../base/time.ts'
import { publicMembers, thumbprint } from '../jose/jwk.ts'
import type { ResolvedClient } from '../registry/resolve-clients.ts'
import type { EnforcedView, PlannedEvent } from '../status/report.ts'
import { findKeyFault, type KeyFault } from './accept-access-key.ts'
import { composeKeyStatus, type SecretState } from './access-key-status.ts'
import { judgeSecret, type ObservedSecret, type ProvedKey, type SpoiltCause } from './judge-secret.ts'
import { ledgerOf, publish, takesAway } from './key-ledger.ts'
import { desiredSecret, isOwnedBy, type SecretObject, secretFiles } from './secret-data.ts'

/** Everything one pass over an AccessKey looks at, read live. */
export interface ObservedAccessKey {
  readonly accessKey: AccessKey
  readonly client: ResolvedClient | undefined
  /** `forbidden`: the API server refuses us the Secrets of this namespace. `refused`: it took no write of this one. */
  readonly secret: ObservedSecret | 'forbidden' | 'refused' | undefined
  readonly schemaFault?: string | undefined
  /** `namespace/name` of roles that the spec names and that do not exist. */
  readonly missingRoles: readonly string[]
  readonly issuer: string
  /** PEM bundle. */
  readonly ca: string
  readonly enforced?: EnforcedView | undefined
}

/** At most one write. `mint` asks the caller for a new key pair; its Secret is then `mintedSecret`. */
export interface AccessKeyPlan {
  readonly write?:
    | { readonly kind: 'mint'; readonly number: number; readonly previous?: SecretObject }
    | { readonly kind: 'update-secret'; readonly secret: SecretObject }
    /** The key stays; what stands beside it is put right. */
    | { readonly kind: 'refresh-secret'; readonly secret: SecretObject }
    | { readonly kind: 'status'; readonly status: AccessKeyStatus }
  /** To be recorded once the write has landed; transitions of the status are told by whoever writes it. */
  readonly events: readonly PlannedEvent[]
  /** Seconds since epoch: when time alone changes something. */
  readonly nextAt?: number
}

/**
 * The write protocol of a minted key. Each pass makes at most one write and every order of crashes is harmless:
 * what takes rights away is published first; a key is created before it is published, under conditions that let only
 * one of two leaders through; what can be computed again comes last.
 * @param now seconds since epoch, whole
 */
export function planAccessKey(observed: ObservedAccessKey, now: number): AccessKeyPlan {
  const { accessKey } = observed
  const fault = findKeyFault(observed, now)
  const judged = accessKey.spec.publicKey ? judgeBrought(observed, fault, now) : judgeMinted(observed, fault, now)
  const status = composeKeyStatus({
    ...judged,
    accessKey,
    client: observed.client,
    fault,
    missingRoles: observed.missingRoles,
    enforced: observed.enforced,
    now,
  })
  const changed = !sameStatus(accessKey.status, status)
  const statusWrite = { write: { kind: 'status' as const, status }, events: [] }
  const nextAt = soonest(judged.keys, fault, now)
  const rest = nextAt === undefined ? {} : { nextAt }
  if (changed && takesAway(accessKey.status?.keys ?? [], judged.keys)) return { ...statusWrite, ...rest }
  if (judged.secretWrite) return { ...judged.secretWrite, ...rest }
  if (changed) return { ...statusWrite, ...rest }
  if (judged.refresh) return { write: { kind: 'refresh-secret', secret: judged.refresh }, events: [], ...rest }
  return { events: [], ...rest }
}

/** The Secret of a newly minted key: to be created, or put in the place of `previous` under its resourceVersion. */
export function mintedSecret(
  observed: ObservedAccessKey & { readonly client: ResolvedClient },
  material: { readonly kid: string; readonly privateJwk: Record<string, unknown>; readonly privatePem: string },
  write: { readonly number: number; readonly previous?: SecretObject },
): SecretObject {
  const content = { files: filesOf(observed, observed.client, material), keyNumber: write.number }
  return desiredSecret(observed.accessKey, content, write.previous)
}

interface Judged {
  readonly keys: readonly PublishedKey[]
  readonly secretState: SecretState
  readonly keyId?: string
  readonly secretWrite?: Pick<AccessKeyPlan, 'events'> & { readonly write: NonNullable<AccessKeyPlan['write']> }
  readonly refresh?: SecretObject
}

function judgeBrought(observed: ObservedAccessKey, fault: KeyFault | undefined, now: number): Judged {
  const { accessKey } = observed
  const ledger = ledgerOf(accessKey, now)
  const publicKey = accessKey.spec.publicKey && publicMembers(accessKey.spec.publicKey)
  if (!publicKey || fault?.keys === 'withdrawn') return { keys: onlyRevoked(ledger), secretState: 'none' }
  const kid = thumbprint(publicKey)
  const vouched = ledger.filter(key => key.kid === kid || key.state === 'Revoked')
  const notBefore = Math.max(now, ...ledger.map(key => secondsOfTime(key.notBefore)))
  const keys =
    fault || accessKey.spec.revoked ? vouched : publish(accessKey, vouched, { kid, publicKey, notBefore }, now)
  return { keys, secretState: 'none', keyId: kid }
}

function judgeMinted(observed: ObservedAccessKey, fault: KeyFault | undefined, now: number): Judged {
  const { accessKey, client, secret } = observed
  const aged = ledgerOf(accessKey, now)
  const moved = client && accessKey.status?.clientId !== undefined && accessKey.status.clientId !== client.clientId
  const keys = moved || fault?.keys === 'withdrawn' ? onlyRevoked(aged) : aged
  const keyId = accessKey.status?.keyId
  const current = keyId !== undefined && keys.some(key => key.kid === keyId) ? { keyId } : {}
  if (accessKey.spec.revoked) return judgeRevoked(observed, keys)
  if (fault || !client) return { keys, secretState: 'unknown', ...current }
  if (secret === 'forbidden' || secret === 'refused') return { keys, secretState: secret, ...current }
  const over = keys.find(key => key.kid === keyId)?.state === 'Expired'
  const dead = accessKey.spec.expiresAt !== undefined && secondsOfTime(accessKey.spec.expiresAt) <= now
  if (!secret) {
    if (over || dead) return { keys, secretState: 'missing', ...current }
    return { keys, secretState: 'missing', secretWrite: mint(accessKey, keys, now), ...current }
  }
  const verdict = judgeSecret(secret, accessKey, client, keys)
  switch (verdict.is) {
    case 'foreign':
      return { keys, secretState: 'foreign', ...current }
    case 'spoilt':
      if (dead || (over && verdict.cause !== 'revoked')) return { keys, secretState: 'missing', ...current }
      return { keys, secretState: 'missing', secretWrite: replace(accessKey, keys, secret.object, verdict.cause, now) }
    case 'orphan': {
      const adopted = refreshed(observed, client, verdict, secret.object)
      return { keys, secretState: 'missing', secretWrite: update(adopted, 'Adopted') }
    }
    case 'good':
      return good(observed, client, { ...verdict, ledger: keys, secret: secret.object }, now)
  }
}

/** Revocation needs nobody's acceptance. What is ours is emptied; what is not is left alone. */
function judgeRevoked({ accessKey, secret }: ObservedAccessKey, keys: readonly PublishedKey[]): Judged {
  if (secret === 'forbidden' || secret === 'refused') return { keys, secretState: secret }
  const full = secret && Object.keys(secret.object.data ?? {}).length > 0
  if (!full || !isOwnedBy(secret.object, accessKey)) return { keys, secretState: 'none' }
  const emptied = desiredSecret(accessKey, { files: {} }, secret.object)
  return { keys, secretState: 'missing', secretWrite: update(emptied, 'Emptied') }
}

interface Good {
  readonly key: ProvedKey
  readonly number: number
  readonly ledger: readonly PublishedKey[]
  readonly secret: SecretObject
}

function good(observed: ObservedAccessKey, client: ResolvedClient, found: Good, now: number): Judged {
  const { kid, publicKey } = found.key
  const keys = publish(observed.accessKey, found.ledger, { kid, publicKey, notBefore: found.number }, now)
  const desired = refreshed(observed, client, found, found.secret)
  return { keys, secretState: 'good', keyId: kid, ...(!sameSecret(found.secret, desired) && { refresh: desired }) }
}

function refreshed(
  observed: ObservedAccessKey,
  client: ResolvedClient,
  { key, number }: Pick<Good, 'key' | 'number'>,
  previous: SecretObject,
): SecretObject {
  const files = { ...previous.data, ...filesOf(observed, client, key) }
  return desiredSecret(observed.accessKey, { files, keyNumber: number }, previous)
}

function filesOf(
  { accessKey, issuer, ca }: ObservedAccessKey,
  client: ResolvedClient,
  material: Pick<ProvedKey, 'kid' | 'privateJwk' | 'privatePem'>,
): Record<string, string> {
  const surroundings = { clientId: client.clientId, clientIssuer: client.issuer, issuer, ca }
  return secretFiles(material, accessKey.spec.algorithm ?? 'Ed25519', surroundings)
}

function mint(accessKey: AccessKey, keys: readonly PublishedKey[], now: number): NonNullable<Judged['secretWrite']> {
  return { write: { kind: 'mint', number: nextNumber(accessKey, keys, now) }, events: [] }
}

const replaced: Readonly<Record<SpoiltCause, { type: 'Normal' | 'Warning'; note: string }>> = {
  edited: { type: 'Warning', note: 'The Secret held no key that fits its parts. It has a new key now.' },
  revoked: { type: 'Normal', note: 'The key in the Secret was revoked. It has a new key now.' },
  stale: { type: 'Warning', note: 'The Secret held a key from before. It has a new key now.' },
  client: { type: 'Normal', note: 'The key in the Secret was of another client id. It has a new key now.' },
}

function replace(
  accessKey: AccessKey,
  keys: readonly PublishedKey[],
  previous: SecretObject,
  cause: SpoiltCause,
  now: number,
): NonNullable<Judged['secretWrite']> {
  const write = { kind: 'mint' as const, number: nextNumber(accessKey, keys, now), previous }
  return { write, events: [{ ...replaced[cause], reason: 'SecretReplaced', action: 'Mint' }] }
}

function update(secret: SecretObject, reason: 'Adopted' | 'Emptied'): NonNullable<Judged['secretWrite']> {
  const note =
    reason === 'Adopted'
      ? 'A Secret that an earlier AccessKey of this name left is used again.'
      : 'The key is revoked: the Secret holds none any more.'
  return { write: { kind: 'update-secret', secret }, events: [{ type: 'Normal', reason, action: 'Update', note }] }
}

/** Never older than what is published or revoked, whatever our clock says: a younger key wins. */
function nextNumber({ spec }: AccessKey, keys: readonly PublishedKey[], now: number): number {
  const from = spec.keysNotBefore === undefined ? 0 : Math.ceil(secondsOfTime(spec.keysNotBefore))
  return Math.max(now, from, ...keys.map(key => secondsOfTime(key.notBefore)))
}

function onlyRevoked(keys: readonly PublishedKey[]): PublishedKey[] {
  return keys.filter(key => key.state === 'Revoked')
}

function soonest(keys: readonly PublishedKey[], fault: KeyFault | undefined, now: number): number | undefined {
  const ends = keys.flatMap(key => (key.state !== 'Revoked' && key.notAfter ? [secondsOfTime(key.notAfter)] : []))
  const times = [...ends, ...(fault?.lookAgainAt === undefined ? [] : [fault.lookAgainAt])].filter(time => time > now)
  return times.length > 0 ? Math.min(...times) : undefined
}

/** Equal as JSON with sorted members: the API server gives members back in its own order. */
function sameStatus(before: AccessKeyStatus | undefined, after: AccessKeyStatus): boolean {
  return before !== undefined && isSameJson(before, after)
}

function sameSecret(before: SecretObject, after: SecretObject): boolean {
  const compared = ({ metadata: { labels, annotations, ownerReferences }, data }: SecretObject) => ({
    ...{ labels, annotations, data },
    ownerReferences: ownerReferences ?? [],
  })
  return isSameJson(compared(before), compared(after))
}
