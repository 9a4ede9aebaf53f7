import type { DenyReason, Identity } from '../policy/decision.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'

/**
 * Proves a bearer token. Synchronous, total: every fault is a reason, never an exception.
 * @param now seconds since epoch
 */
export function verifyToken(_token: string, _snapshot: Snapshot, _now: number): Identity | DenyReason {
  throw new Error('being written')
}
