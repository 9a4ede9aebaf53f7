import { thumbprint } from '../jose/jwk.ts'
import type { KeyFault } from './accept-access-key.ts'
import { ledgerOf } from './key-ledger.ts'
import type { CasePlan, ObservedAccessKey } from './key-plan.ts'
import { desiredSecret, isOwnedBy } from './secret-data.ts'

/** Revocation needs nobody's acceptance. What is ours is emptied; what is not is left alone. */
export function planRevoked(observed: ObservedAccessKey, fault: KeyFault | undefined, now: number): CasePlan {
  const { accessKey } = observed
  const { publicKey } = accessKey.spec
  const keys = ledgerOf(accessKey, now)
  if (!publicKey) return emptied(observed, keys)
  return { keys, secretState: 'none', ...(fault?.keys !== 'withdrawn' && { keyId: thumbprint(publicKey) }) }
}

function emptied({ accessKey, secrets }: ObservedAccessKey, keys: CasePlan['keys']): CasePlan {
  const slot = 'mounted'
  const secret = secrets[slot]
  if (secret === 'forbidden' || secret === 'refused') return { keys, secretState: secret }
  const full = secret && Object.keys(secret.object.data ?? {}).length > 0
  if (!full || !isOwnedBy(secret.object, accessKey)) return { keys, secretState: 'none' }
  const write = {
    kind: 'update-secret' as const,
    slot,
    secret: desiredSecret(accessKey, { slot, files: {} }, secret.object),
  } as const
  const note = 'The key is revoked: the Secret holds none any more.'
  const events = [{ type: 'Normal' as const, reason: 'Emptied', action: 'Update', note }]
  return { keys, secretState: 'missing', first: { write, events } }
}
