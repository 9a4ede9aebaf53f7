import type { AccessKey, PublishedKey } from '../api/access-key.ts'
import { canonicalJson } from '../base/canonical-json.ts'
import { secondsOfTime } from '../base/time.ts'
import type { ResolvedClient } from '../registry/resolve-clients.ts'
import type { KeyFault } from './accept-access-key.ts'
import { judgeSecret, type ProvedKey, type SpoiltCause } from './judge-secret.ts'
import { ledgerOf, onlyRevoked, publish } from './key-ledger.ts'
import type { CasePlan, ObservedAccessKey } from './key-plan.ts'
import { refreshedSecret } from './minted-secret.ts'
import type { SecretObject } from './secret-data.ts'

const slot = 'mounted'

/** A key that we make: its private half lives in the mounted Secret, its public half is published. */
export function planMinted(observed: ObservedAccessKey, fault: KeyFault | undefined, now: number): CasePlan {
  const { accessKey, client } = observed
  const secret = observed.secrets[slot]
  const aged = ledgerOf(accessKey, now)
  const moved = client && accessKey.status?.clientId !== undefined && accessKey.status.clientId !== client.clientId
  const keys = moved || fault?.keys === 'withdrawn' ? onlyRevoked(aged) : aged
  const keyId = accessKey.status?.keyId
  const inUse = keys.find(key => key.kid === keyId)
  const current = inUse ? { keyId: inUse.kid } : {}
  if (fault || !client) return { keys, secretState: 'unknown', ...current }
  if (secret === 'forbidden' || secret === 'refused') return { keys, secretState: secret, ...current }
  const over = inUse?.state === 'Expired'
  const dead = accessKey.spec.expiresAt !== undefined && secondsOfTime(accessKey.spec.expiresAt) <= now
  if (!secret) {
    if (over || dead) return { keys, secretState: 'missing', ...current }
    return { keys, secretState: 'missing', first: mint(accessKey, keys, now), ...current }
  }
  const verdict = judgeSecret(secret, accessKey, client, keys)
  switch (verdict.is) {
    case 'leaving':
    case 'foreign':
      return { keys, secretState: verdict.is, ...current }
    case 'spoilt':
      if (dead || (over && verdict.cause !== 'revoked')) return { keys, secretState: 'missing', ...current }
      return { keys, secretState: 'missing', first: replace(accessKey, keys, secret.object, verdict.cause, now) }
    case 'orphan': {
      const adopted = refreshedSecret({ ...observed, client }, verdict, { slot, previous: secret.object })
      return { keys, secretState: 'missing', first: adopt(adopted) }
    }
    case 'good':
      return good({ ...observed, client }, { ...verdict, ledger: keys, secret: secret.object }, now)
  }
}

interface Good {
  readonly key: ProvedKey
  readonly number: number
  readonly ledger: readonly PublishedKey[]
  readonly secret: SecretObject
}

function good(observed: ObservedAccessKey & { readonly client: ResolvedClient }, found: Good, now: number): CasePlan {
  const { kid, publicKey } = found.key
  const keys = publish(observed.accessKey, found.ledger, { kid, publicKey, notBefore: found.number }, now)
  const secret = refreshedSecret(observed, found, { slot, previous: found.secret })
  const stale = !sameSecret(found.secret, secret)
  return {
    keys,
    secretState: 'good',
    keyId: kid,
    ...(stale && { last: { write: { kind: 'refresh-secret', slot, secret }, events: [] } }),
  }
}

type First = NonNullable<CasePlan['first']>

function mint(accessKey: AccessKey, keys: readonly PublishedKey[], now: number): First {
  return { write: { kind: 'mint', slot, number: nextNumber(accessKey, keys, now) }, events: [] }
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
): First {
  const write = { kind: 'mint' as const, slot, number: nextNumber(accessKey, keys, now), previous } as const
  return { write, events: [{ ...replaced[cause], reason: 'SecretReplaced', action: 'Mint' }] }
}

function adopt(secret: SecretObject): First {
  const note = 'A Secret that an earlier AccessKey of this name left is used again.'
  return {
    write: { kind: 'update-secret', slot, secret },
    events: [{ type: 'Normal', reason: 'Adopted', action: 'Update', note }],
  }
}

/** Never older than what is published or revoked, whatever our clock says: a younger key wins. */
function nextNumber({ spec }: AccessKey, keys: readonly PublishedKey[], now: number): number {
  const from = spec.keysNotBefore === undefined ? 0 : Math.ceil(secondsOfTime(spec.keysNotBefore))
  return Math.max(now, from, ...keys.map(key => secondsOfTime(key.notBefore)))
}

function sameSecret(before: SecretObject, after: SecretObject): boolean {
  const compared = ({ metadata: { labels, annotations, ownerReferences }, data }: SecretObject): string =>
    canonicalJson({ labels, annotations, ownerReferences: ownerReferences ?? [], data })
  return compared(before) === compared(after)
}
