import { secondsOfTime } from '../base/time.ts'
import { publicMembers, thumbprint } from '../jose/jwk.ts'
import type { KeyFault } from './accept-access-key.ts'
import { ledgerOf, onlyRevoked, publish } from './key-ledger.ts'
import type { CasePlan, ObservedAccessKey } from './key-plan.ts'

/** A key whose private half its owner keeps: there is no Secret, and what the spec gives is published. */
export function planBrought(observed: ObservedAccessKey, fault: KeyFault | undefined, now: number): CasePlan {
  const { accessKey } = observed
  const ledger = ledgerOf(accessKey, now)
  const publicKey = accessKey.spec.publicKey && publicMembers(accessKey.spec.publicKey)
  if (!publicKey || fault?.keys === 'withdrawn') return { keys: onlyRevoked(ledger), secretState: 'none' }
  const kid = thumbprint(publicKey)
  const vouched = ledger.filter(key => key.kid === kid || key.state === 'Revoked')
  const notBefore = Math.max(now, ...ledger.map(key => secondsOfTime(key.notBefore)))
  const keys = fault ? vouched : publish(accessKey, vouched, { kid, publicKey, notBefore }, { now })
  return { keys, secretState: 'none', keyId: kid }
}
