import type { AccessKey, PublishedKey } from '../api/access-key.ts'
import { group } from '../api/kind.ts'
import { secondsOfTime } from '../base/time.ts'
import type { ResolvedClient } from '../registry/resolve-clients.ts'
import type { PublicHalf } from './public-half.ts'
import {
  isOwnedBy,
  type KeyMaterial,
  keyNumberOf,
  type SecretObject,
  secretAnnotations,
  secretFile,
  secretType,
} from './secret-data.ts'

/** A Secret as read now. `key` is there only when its private half was proved to fit its public one. */
export interface ObservedSecret {
  readonly object: SecretObject
  readonly key?: ProvedKey
  /** Counts in the place of the number that stands in it. */
  readonly number?: number
}

/** A key out of a Secret: of a pair both files hold the same key, of the algorithm asked for; `kid` is the right one. */
export type ProvedKey = KeyMaterial &
  PublicHalf & {
    /** `client_id` inside private.jwk; of a secret the file client-id. */
    readonly clientId?: string
  }

/** What a Secret of the right name is to an AccessKey. */
export type SecretVerdict =
  /** Ours, and its key is the one to publish. */
  | { readonly is: 'good'; readonly key: ProvedKey; readonly number: number }
  /** Ours, without a key that may be used: gets a new one. */
  | { readonly is: 'spoilt'; readonly cause: SpoiltCause }
  /** Left by an AccessKey of this name that is gone, and fit to be taken over. */
  | { readonly is: 'orphan'; readonly key: ProvedKey; readonly number: number }
  /** Of an AccessKey of this name that is gone: the garbage collector takes it. */
  | { readonly is: 'leaving' }
  | { readonly is: 'foreign' }

/** `left`: by an AccessKey of this name that is gone, with nothing that may be used again. */
export type SpoiltCause = 'edited' | 'revoked' | 'stale' | 'client' | 'left'

/** @param ledger the published keys after spec and time were applied to them */
export function judgeSecret(
  secret: ObservedSecret,
  accessKey: AccessKey,
  client: ResolvedClient,
  ledger: readonly PublishedKey[],
): SecretVerdict {
  const { object, key } = secret
  const published = ledger.find(one => one.kid === key?.kid)
  const number = secret.number ?? keyNumberOf(object) ?? (published && secondsOfTime(published.notBefore))
  if (isOwnedBy(object, accessKey)) {
    if (!key || number === undefined) return { is: 'spoilt', cause: 'edited' }
    const cause = spoilt({ key, number }, accessKey, client, ledger)
    return cause ? { is: 'spoilt', cause } : { is: 'good', key, number }
  }
  if (isLeftBehind(object, accessKey)) return { is: 'leaving' }
  if (!isOrphanOf(object, accessKey, client)) return { is: 'foreign' }
  const isUsable = secretFile(object, 'client-id') === client.clientId && (ledger.length === 0 || published)
  if (!key || number === undefined || !isUsable || spoilt({ key, number }, accessKey, client, ledger)) {
    return { is: 'spoilt', cause: 'left' }
  }
  return { is: 'orphan', key, number }
}

/**
 * A key that the status does not know is new, minted by a pass that did not get to publishing it; but only if it is
 * younger than all that is published: an older one comes from a backup, or from a leader that was paused.
 */
function spoilt(
  { key, number }: { key: ProvedKey; number: number },
  { spec }: AccessKey,
  client: ResolvedClient,
  ledger: readonly PublishedKey[],
): SpoiltCause | undefined {
  if (key.clientId !== client.clientId) return 'client'
  if (spec.keysNotBefore !== undefined && number < secondsOfTime(spec.keysNotBefore)) return 'revoked'
  const known = ledger.find(one => one.kid === key.kid)
  if (known?.state === 'Revoked') return 'revoked'
  if (known?.state === 'Retiring') return 'stale'
  if (!known && ledger.some(one => secondsOfTime(one.notBefore) > number)) return 'stale'
  return undefined
}

/** Its controller was an AccessKey of this name, which is gone: there is one of a name at a time. */
function isLeftBehind({ metadata }: SecretObject, accessKey: AccessKey): boolean {
  const controller = metadata.ownerReferences?.find(owner => owner.controller)
  if (controller?.kind !== 'AccessKey' || controller.name !== accessKey.metadata.name) return false
  return controller.apiVersion.startsWith(`${group}/`) && controller.uid !== accessKey.metadata.uid
}

/**
 * Nobody owns it, and it says that an AccessKey of this name and namespace made it. A name is one object's at a time, so
 * the AccessKey that made it is gone. One without the namespace may have been copied from another: there the client id
 * has to be ours.
 */
export function isOrphanOf(object: SecretObject, accessKey: AccessKey, client: ResolvedClient): boolean {
  const { annotations = {}, ownerReferences = [] } = object.metadata
  const namespace = annotations[secretAnnotations.ownerNamespace]
  return (
    object.type === secretType &&
    ownerReferences.length === 0 &&
    annotations[secretAnnotations.ownerUid] !== undefined &&
    annotations[secretAnnotations.ownerName] === accessKey.metadata.name &&
    (namespace === undefined
      ? secretFile(object, 'client-id') === client.clientId
      : namespace === accessKey.metadata.namespace)
  )
}
