import { thumbprint } from '../jose/jwk.ts'
import type { KeyFault } from './accept-access-key.ts'
import { ledgerOf } from './key-ledger.ts'
import type { CasePlan, ObservedAccessKey } from './key-plan.ts'
import { deleteNext } from './next-secret.ts'
import { leftUntil, type RepairOf } from './repairs.ts'
import { desiredSecret, isOwnedBy } from './secret-data.ts'

const emptying: RepairOf = { kind: 'key', what: 'none' }

/**
 * Revocation needs nobody's acceptance. What is ours is emptied or, of the next key, deleted; what is not is left alone, and
 * so is, for a while, what somebody fills again each time.
 */
export function planRevoked(observed: ObservedAccessKey, fault: KeyFault | undefined, now: number): CasePlan {
  const { accessKey } = observed
  const { publicKey } = accessKey.spec
  const keys = ledgerOf(accessKey, now)
  if (!publicKey) return emptied(observed, keys, now)
  return { keys, secretState: 'none', ...(fault?.keys !== 'withdrawn' && { keyId: thumbprint(publicKey) }) }
}

function emptied(observed: ObservedAccessKey, keys: CasePlan['keys'], now: number): CasePlan {
  const { accessKey, secrets } = observed
  const slot = 'mounted'
  const secret = secrets[slot]
  if (secret === 'forbidden' || secret === 'refused') return { keys, secretState: secret }
  const full = secret && Object.keys(secret.object.data ?? {}).length > 0
  if (!full || !isOwnedBy(secret.object, accessKey)) return withoutNext(observed, { keys, secretState: 'none' })
  const until = leftUntil(observed.repairs, emptying, now)
  if (until !== undefined) return { keys, secretState: 'missing', contended: true, wakeAt: [until] }
  const write = {
    kind: 'update-secret' as const,
    slot,
    secret: desiredSecret(accessKey, { slot, files: {} }, secret.object),
  } as const
  const note = 'The key is revoked: the Secret holds none any more.'
  const events = [{ type: 'Normal' as const, reason: 'Emptied', action: 'Update', note }]
  return { keys, secretState: 'missing', first: { write, events, repair: emptying } }
}

/** A next key goes with the one whose place it was to take. */
function withoutNext({ accessKey, secrets }: ObservedAccessKey, plan: CasePlan): CasePlan {
  const { staged } = secrets
  if (staged === 'refused') return { ...plan, nextTrouble: 'refused' }
  if (!staged || staged === 'forbidden' || !isOwnedBy(staged.object, accessKey)) return plan
  return { ...plan, secretState: 'missing', first: deleteNext(staged.object) }
}
