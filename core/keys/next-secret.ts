import type { PublishedKey } from '../api/access-key.ts'
import { durationSeconds } from '../base/time.ts'
import type { ResolvedClient } from '../registry/resolve-clients.ts'
import { isOrphanOf, judgeSecret, type ProvedKey } from './judge-secret.ts'
import type { ObservedAccessKey, PlannedWrite, SecretWrite } from './key-plan.ts'
import type { RepairOf } from './repairs.ts'
import { isOwnedBy, type SecretObject } from './secret-data.ts'

/** What the Secret of the next key is to an AccessKey. */
export type NextSecret =
  | { readonly is: 'none' | 'foreign' | 'forbidden' | 'refused' }
  /** Ours, and not to be handed out: to be deleted. */
  | { readonly is: 'useless'; readonly object: SecretObject; readonly edited: boolean }
  | {
      readonly is: 'ready'
      readonly object: SecretObject
      readonly key: ProvedKey
      readonly number: number
      /** As what the stored status publishes it; undefined: nobody knows it yet. */
      readonly published?: PublishedKey
    }

/** @param ledger the published keys after spec and time were applied to them */
export function judgeNext(
  { accessKey, secrets }: ObservedAccessKey,
  client: ResolvedClient,
  ledger: readonly PublishedKey[],
  now: number,
): NextSecret {
  const { staged } = secrets
  if (staged === undefined) return { is: 'none' }
  if (staged === 'forbidden' || staged === 'refused') return { is: staged }
  const { object } = staged
  if (!isOwnedBy(object, accessKey)) {
    // Left by an AccessKey of this name that is gone. Its key was handed out to nobody, and is not now.
    return isOrphanOf(object, accessKey, client) ? { is: 'useless', object, edited: false } : { is: 'foreign' }
  }
  const verdict = judgeSecret(staged, accessKey, client, ledger)
  if (verdict.is !== 'good')
    return { is: 'useless', object, edited: verdict.is === 'spoilt' && verdict.cause === 'edited' }
  const { key, number } = verdict
  const published = ledger.find(one => one.kid === key.kid)
  const { validity } = accessKey.spec
  const ended = validity !== undefined && number + (durationSeconds(validity) ?? 0) <= now
  if (client.suspended || ended || (published && published.state !== 'Pending')) {
    return { is: 'useless', object, edited: false }
  }
  return { is: 'ready', object, key, number, ...(published && { published }) }
}

export const ofNext: RepairOf = { kind: 'next', what: 'key' }

/** Only as it was read. */
export function deleteNext(secret: SecretObject, edited = false): PlannedWrite<SecretWrite> {
  const note = 'The Secret of the next key held no key that fits its parts. It is deleted, and another one minted.'
  return {
    write: { kind: 'delete-secret', slot: 'staged', secret },
    ...(edited && { repair: ofNext }),
    events: edited ? [{ type: 'Warning', reason: 'SecretReplaced', action: 'Delete', note }] : [],
  }
}
