import type { Decided } from './guard-process.ts'
import type { Reading } from './read-requests.ts'
import type { Forward } from './recorder.ts'
import type { Received } from './send-input.ts'

/** All that is known of one input once it is over. */
export interface Evidence {
  readonly reading: Reading
  readonly token: string
  readonly peer: string
  readonly decided: readonly Decided[]
  readonly forwards: readonly Forward[]
  readonly received: Received
}

export type ViolationKind =
  /** The app got a request that no allow decision belongs to. */
  | 'undecided'
  /** A decision, or a forwarded request, that a strict reading of the input does not contain. */
  | 'unread'
  /** A field of the client's that must end at the guard, or an identity that is not the decision's. */
  | 'field'
  /** The app got bytes that are no request, or a tunnel carried what was not sent into it. */
  | 'broken'
  /** Answers without their decision, out of order, too many, or a 5xx of the guard's own. */
  | 'answer'
  | 'hang'
  | 'crash'
  /** The guard logged an error. */
  | 'error'
  /** A server behind the guard reads the forwarded bytes in another way. */
  | 'origin'

export interface Violation {
  readonly kind: ViolationKind
  readonly what: string
}
