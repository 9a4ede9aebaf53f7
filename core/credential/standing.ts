import type { DenyReason } from '../base/reasons.ts'
import type { ClientRow, KeyRow } from '../rows/rows.ts'
import { toleranceSeconds } from './client-token.ts'

/**
 * Whether a client and its key still count, whatever the token says. Told before the token's own faults: signing a new
 * token would not help. Ends of keys are our own times and exact to the second, without tolerance.
 * @param now seconds since epoch
 */
export function checkStanding(client: ClientRow, key: KeyRow | undefined, now: number): DenyReason | undefined {
  if (key?.revoked) return 'key_revoked'
  if (client.suspended) return 'client_suspended'
  if (key?.notAfter !== undefined && now >= key.notAfter) return 'key_expired'
  return undefined
}

/** Whether a client token was issued before its client or its key was made: then it is of another one. */
export function isOlderThanKey(issuedAt: number, client: ClientRow, key: KeyRow): boolean {
  return issuedAt + toleranceSeconds < Math.max(client.createdAt, key.notBefore)
}
