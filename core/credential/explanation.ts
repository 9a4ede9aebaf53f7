import type { Identity } from '../base/identity.ts'
import type { ClientRow, ClusterRow } from '../rows/rows.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import type { Presented } from './entry.ts'
import type { TokenFault } from './token-faults.ts'

/** One credential of a client, and whether it counts. */
export interface CredentialStanding {
  /** `kid`, or `serviceaccount:<name>`. */
  readonly key: string
  readonly accessKey?: string
  /** Why none of it passes: a reason or a phrase; absent when one would. */
  readonly fault?: string
  /** Seconds since epoch. */
  readonly notAfter?: number
  /** Roles it is narrowed to. */
  readonly roles?: readonly string[]
}

/** What holds where and when a credential would be used. */
export interface Use {
  readonly audience: string
  readonly cluster: ClusterRow | undefined
  /** Seconds since epoch. */
  readonly now: number
}

/** What can be told of one kind of credential to its owner, or to whoever may read the policy. No guard tells it to a caller. */
export interface CredentialExplanation {
  /** What people call it. */
  readonly words: string
  /** Whether it is meant to be one, by what it says alone. */
  looksLike(presented: Presented): boolean
  /** Everything wrong with it by itself but its times. */
  faultsOf(presented: Presented): readonly TokenFault[]
  /** Why a guard with this policy answers `invalid_token`. */
  causesOf(presented: Presented, snapshot: Snapshot): readonly (string | undefined)[]
  /** Why manifests alone cannot tell; undefined where they can. */
  beyondManifests(presented: Presented, snapshot: Snapshot): string | undefined
  /** Those of a client. @param now seconds since epoch */
  standingsOf(client: ClientRow, now: number): readonly CredentialStanding[]
  /** Who a fresh one would prove; undefined where there can be none, or the key is of another kind. */
  freshIdentity(client: ClientRow, key: string, use: Use): Identity | undefined
}
