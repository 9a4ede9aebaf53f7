import type { Snapshot } from '../snapshot/snapshot.ts'
import type { Decision, DenyReason, Identity } from './decision.ts'

export interface DecisionRequest {
  /** As on the wire: upper-case token. */
  readonly method: string
  /** Request target in origin form, as on the wire. */
  readonly target: string
}

/** May this call pass? Pure, synchronous, total. @param now seconds since epoch */
export function decide(
  _request: DecisionRequest,
  _identity: Identity | DenyReason,
  _snapshot: Snapshot,
  _now: number,
): Decision {
  throw new Error('being written')
}
