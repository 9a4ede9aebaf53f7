import type { AccessKey, PublicJwk, PublishedKey } from '../api/access-key.ts'
import { secondsOfTime, timeOf } from '../base/time.ts'
import { publicMembers, thumbprint } from '../jose/jwk.ts'
import { gaveUp } from '../registry/resolve-clients.ts'
import type { KeyFault } from './accept-access-key.ts'
import { bounded, ledgerOf, onlyRevoked, retire } from './key-ledger.ts'
import type { CasePlan, ObservedAccessKey } from './key-plan.ts'

/** How long the key of before stays good beside the one that took its place in the spec. */
const exchangeSeconds = 86_400

/**
 * A key whose private half its owner keeps: there is no Secret, and what the spec gives is published. The one that it
 * gave before retires: its owner signs with it until the guards have the next one. What was published under an id that
 * the client gave up is revoked, for whoever has the private half has it still.
 */
export function planBrought(observed: ObservedAccessKey, fault: KeyFault | undefined, now: number): CasePlan {
  const { accessKey, client } = observed
  const isGivenUp = client !== undefined && gaveUp(client, accessKey.status?.clientId) !== undefined
  const stored = accessKey.status?.keys ?? []
  const ledger = aged(accessKey, isGivenUp ? stored.map(key => ({ ...key, state: 'Revoked' })) : stored, now)
  const publicKey = accessKey.spec.publicKey && publicMembers(accessKey.spec.publicKey)
  if (!publicKey || fault?.keys === 'withdrawn') return { keys: onlyRevoked(ledger), secretState: 'none' }
  const kid = thumbprint(publicKey)
  const current = currentOf(ledger, { kid, publicKey }, fault, now)
  const others = ledger.filter(key => key.kid !== kid).flatMap(key => retire(key, now + exchangeSeconds))
  const keys = aged(accessKey, [...current, ...bounded(others)], now)
  return { keys, secretState: 'none', keyId: kid }
}

/** The keys as spec and time make them. */
function aged(accessKey: AccessKey, keys: readonly PublishedKey[], now: number): PublishedKey[] {
  return ledgerOf({ ...accessKey, status: { keys: [...keys] } }, now)
}

/** The entry of the key that the spec gives: none while there is a fault and it was not published before. */
function currentOf(
  ledger: readonly PublishedKey[],
  { kid, publicKey }: { readonly kid: string; readonly publicKey: PublicJwk },
  fault: KeyFault | undefined,
  now: number,
): PublishedKey[] {
  const known = ledger.find(key => key.kid === kid)
  if (known?.state === 'Retiring') {
    const { notAfter: _, ...again } = known
    return [{ ...again, state: 'Active' }]
  }
  if (known) return [known]
  if (fault) return []
  const notBefore = Math.max(now, ...ledger.map(key => secondsOfTime(key.notBefore)))
  return [{ kid, state: 'Active', publicKey, notBefore: timeOf(notBefore), publishedAt: timeOf(now) }]
}
