import type { AccessKey, Algorithm, PublishedKey } from '../api/access-key.ts'
import { durationSeconds, secondsOf, secondsOfTime } from '../base/time.ts'
import { checkKeyForm, type JwkLike, publicMembers, thumbprint } from '../jose/jwk.ts'
import type { KeyBounds, KeyRow } from '../rows/rows.ts'

/** A key without what the service it is used at adds. */
export type VouchedKey = Omit<KeyRow, 'roles'>

const vouchedOf = new WeakMap<AccessKey, readonly VouchedKey[]>()

/**
 * The keys of status.keys that the spec vouches for: status is an input to authentication, and only the operator may
 * write it, but whatever stands there must still fit the spec. Revoked and ended keys stay in the list while the
 * AccessKey exists, so that whoever still uses one is told so; they verify nothing.
 * @param accessKey as it was read: it never changes, and is looked at once, for its client may have hundreds of keys
 */
export function vouchedKeys(accessKey: AccessKey): readonly VouchedKey[] {
  const known = vouchedOf.get(accessKey) ?? findVouched(accessKey)
  vouchedOf.set(accessKey, known)
  return known
}

function findVouched(accessKey: AccessKey): VouchedKey[] {
  const seen = new Set<string>()
  return (accessKey.status?.keys ?? []).flatMap(published => {
    const key = vouched(accessKey, published)
    if (!key || seen.has(key.kid)) return []
    seen.add(key.kid)
    return [key]
  })
}

/** Those of them that verify a token now. @param now seconds since epoch */
export function usableKeys(accessKey: AccessKey, now: number): VouchedKey[] {
  return vouchedKeys(accessKey).filter(key => !key.revoked && (key.notAfter === undefined || now < key.notAfter))
}

function vouched(accessKey: AccessKey, published: PublishedKey): VouchedKey | undefined {
  const { spec } = accessKey
  const algorithm = spec.algorithm ?? 'Ed25519'
  const { kid, publicKey } = published
  if ((spec.type ?? 'KeyPair') !== 'KeyPair' || publicKey === undefined) return undefined
  // The costly part of the check was done when the key was accepted.
  if (checkKeyForm(publicKey, algorithm) !== undefined || thumbprint(publicKey) !== kid) return undefined
  if (spec.publicKey && !isSameKey(spec.publicKey, algorithm, kid) && !wasBrought(accessKey, published))
    return undefined
  const bounds = boundsOf(accessKey, published)
  return bounds && { ...bounds, algorithm, publicKey: publicMembers(publicKey) }
}

/** What spec and status bound a key with, together; undefined where a time cannot be read. */
export function boundsOf({ spec, metadata }: AccessKey, published: PublishedKey): KeyBounds | undefined {
  const { kid, state } = published
  const notBefore = secondsOf(published.notBefore)
  if (notBefore === undefined) return undefined
  const ends = [published.notAfter, spec.expiresAt].filter(time => time !== undefined).map(secondsOf)
  if (spec.validity !== undefined) ends.push(added(notBefore, durationSeconds(spec.validity)))
  if (ends.includes(undefined)) return undefined
  // What is called ended has ended, whatever times stand beside it.
  if (state === 'Expired') ends.push(notBefore)
  // With its fraction, as the operator reads it: a key of the second before it is revoked.
  const keysNotBefore = spec.keysNotBefore === undefined ? 0 : secondsOfTime(spec.keysNotBefore)
  const revoked = spec.revoked !== undefined || state === 'Revoked' || !(notBefore >= keysNotBefore)
  return {
    kid,
    accessKey: metadata.name,
    notBefore,
    ...(ends.length > 0 && { notAfter: Math.min(...(ends as number[])) }),
    ...(revoked && { revoked: true as const }),
  }
}

/** The schema lets a key through that lacks a member, and such a key has no thumbprint. */
function isSameKey(brought: JwkLike, algorithm: Algorithm, kid: string): boolean {
  return checkKeyForm(brought, algorithm) === undefined && thumbprint(brought) === kid
}

/**
 * A key that the spec gave before: for the time that the status bounds, and until the operator has carried the exchange out,
 * which a pause puts off. The spec alone revokes it all the same. A revoked one verifies nothing, and is told so.
 */
function wasBrought({ metadata, status }: AccessKey, { state, notAfter }: PublishedKey): boolean {
  const { generation } = metadata
  const seen = status?.observedGeneration
  const isToBeSeen = generation !== undefined && seen !== undefined && seen < generation
  // The annotation does not tell: after the pause the next key is published only when the operator has looked.
  const isPutOff =
    state === 'Active' && status?.conditions?.some(({ type, status }) => type === 'Paused' && status === 'True')
  return isToBeSeen || isPutOff || state === 'Revoked' || (state === 'Retiring' && notAfter !== undefined)
}

function added(seconds: number, more: number | undefined): number | undefined {
  return more === undefined ? undefined : seconds + more
}
