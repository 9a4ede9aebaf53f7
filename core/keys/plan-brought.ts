import type { AccessKey, PublicJwk, PublishedKey } from '../api/access-key.ts'
import { secondsOfTime, timeOf } from '../base/time.ts'
import { publicMembers, thumbprint } from '../jose/jwk.ts'
import { gaveUp } from '../registry/resolve-clients.ts'
import type { KeyFault } from './accept-access-key.ts'
import { ledgerOf, onlyRevoked } from './key-ledger.ts'
import type { CasePlan, ObservedAccessKey } from './key-plan.ts'

/** How long the key of before stays good beside the one that took its place in the spec. */
export const exchangeSeconds = 86_400
const mostRetiring = 3
const mostRevoked = 4

/**
 * A key whose private half its owner keeps: there is no Secret, and what the spec gives is published. The one that it
 * gave before retires: its owner signs with it until the guards have the next one. What was published under an id that
 * the client gave up is revoked, for whoever has the private half has it still.
 */
export function planBrought(observed: ObservedAccessKey, fault: KeyFault | undefined, now: number): CasePlan {
  const { accessKey, client } = observed
  const isGivenUp = client !== undefined && gaveUp(client, accessKey.status?.clientId) !== undefined
  const stored = accessKey.status?.keys ?? []
  const ledger = aged(accessKey, isGivenUp ? stored.map(revoked) : stored, now)
  const publicKey = accessKey.spec.publicKey && publicMembers(accessKey.spec.publicKey)
  if (!publicKey || fault?.keys === 'withdrawn') return { keys: onlyRevoked(ledger), secretState: 'none' }
  const kid = thumbprint(publicKey)
  const current = currentOf(ledger, { kid, publicKey }, fault, now)
  const others = ledger.filter(key => key.kid !== kid).flatMap(key => retired(key, now))
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
  return [{ kid, state: 'Active', publicKey, notBefore: timeOf(notBefore) }]
}

function retired(key: PublishedKey, now: number): PublishedKey[] {
  if (key.state === 'Expired') return []
  if (key.state === 'Retiring' || key.state === 'Revoked') return [key]
  const end = now + exchangeSeconds
  const sooner = key.notAfter === undefined ? end : Math.min(end, secondsOfTime(key.notAfter))
  return [{ ...key, state: 'Retiring', notAfter: timeOf(sooner) }]
}

function revoked(key: PublishedKey): PublishedKey {
  return { ...key, state: 'Revoked' }
}

/** The list is bounded by its schema: the newest stay. */
function bounded(keys: readonly PublishedKey[]): PublishedKey[] {
  const newest = (state: PublishedKey['state'], most: number) =>
    keys
      .filter(key => key.state === state)
      .sort((a, b) => secondsOfTime(b.notBefore) - secondsOfTime(a.notBefore))
      .slice(0, most)
  const kept = new Set([...newest('Retiring', mostRetiring), ...newest('Revoked', mostRevoked)])
  return keys.filter(key => kept.has(key))
}
