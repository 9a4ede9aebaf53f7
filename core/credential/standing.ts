import type { Identity } from '../base/identity.ts'
import type { DenyReason } from '../base/reasons.ts'
import type { ClientRow, KeyBounds, KeyRow, ServiceRow } from '../rows/rows.ts'
import { toleranceSeconds } from './client-token-claims.ts'

/**
 * Whether a client and its key still count, whatever the token says. Told before the token's own faults: signing a new
 * token would not help. Ends of keys are our own times and exact to the second, without tolerance.
 * @param now seconds since epoch
 */
export function checkStanding(client: ClientRow, key: KeyBounds | undefined, now: number): DenyReason | undefined {
  if (key?.revoked) return 'key_revoked'
  if (client.suspended) return 'client_suspended'
  if (key?.notAfter !== undefined && now >= key.notAfter) return 'key_expired'
  return undefined
}

/** Whether a client token was issued before its client or its key was made: then it belongs to another one. */
export function isOlderThanKey(issuedAt: number, client: ClientRow, key: KeyRow): boolean {
  return issuedAt + toleranceSeconds < Math.max(client.createdAt, key.notBefore)
}

/** Whether the service is still the one that was meant, and still takes such a credential. */
export function checkService(
  { credential, proof }: Identity,
  service: ServiceRow | undefined,
): 'wrong_audience' | 'credential_unsupported' | undefined {
  if (proof.audience !== service?.audience) return 'wrong_audience'
  return service.accepts.includes(credential) ? undefined : 'credential_unsupported'
}
