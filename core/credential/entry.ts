import type { CredentialKind } from '../base/credential-kinds.ts'
import type { Identity } from '../base/identity.ts'
import type { DenyReason } from '../base/reasons.ts'
import type { ClientRow, KeyBounds, ServiceRow } from '../rows/rows.ts'
import type { ClientEntry, Snapshot } from '../snapshot/snapshot.ts'
import type { CompactToken } from './compact.ts'

/** All of a request that a decision is made from, whoever read it: the guard itself, or a proxy that asks. */
export interface AuthorizationRequest {
  readonly method: string
  /** Origin form, byte for byte. */
  readonly target: string
  readonly authorization: string | undefined
  /** Header fields, names in lower case; `values` runs beside it. Of a proxy that asks, without those that apps are not to see. */
  readonly names: readonly string[]
  readonly values: readonly string[]
  /** What stood in the query where the service takes API keys: `target` is without it. */
  readonly queryKey?: string | undefined
  /** The body, where it is a form and was read before the decision. No guard reads one. */
  readonly form?: string
}

/** Where a credential stands. Names and schemes in lower case. */
export type Place =
  | { readonly in: 'authorization'; readonly scheme: string }
  | { readonly in: 'header'; readonly name: string }
  /** In the header, or the query parameter, that `spec.apiKey` of the service names. */
  | { readonly in: 'apiKey' }

/** Where one may stand that is never taken: the target and the body go to the app byte for byte. */
export interface RefusedPlace {
  readonly in: 'query' | 'form'
  readonly name: string
}

/** One credential as it was presented. Nothing about it is proved yet. */
export interface Presented {
  /** Without its scheme. */
  readonly text: string
  /** Where it is a signed token in the strict form. */
  readonly token: CompactToken | undefined
  /** Absent where no request is at hand, only the credential. */
  readonly asked: AuthorizationRequest | undefined
}

/**
 * Everything the data path needs to know of one kind of credential, in one place. What is said of it to people stands in
 * its CredentialExplanation, so that no guard carries that.
 */
export interface CredentialEntry {
  /** As `spec.accepts` of a service has it. */
  readonly kind: CredentialKind
  readonly places: readonly Place[]
  readonly refusedPlaces: readonly RefusedPlace[]
  /** Whether it is good for one method and target only: then nothing of it is remembered. */
  readonly bindsRequest: boolean
  /** Whether it is signed: of such a one the app may be given a copy, of a secret never. */
  readonly isSigned: boolean
  /** Whether what was presented is of this kind. No two kinds of one place say so of the same. */
  isOf(presented: Presented, snapshot: Snapshot): boolean
  /** Proves it, by what the snapshot says. Total; every fault is a reason. @param now seconds since epoch */
  prove(presented: Presented, snapshot: Snapshot, now: number): Identity | DenyReason
  /**
   * Whose it says it is, where somebody of that name is known. Proves nothing, must decide nothing: by it is queued.
   * @param claim.iss what a token says of its issuer
   */
  claimedBy(claim: { readonly text: string; readonly iss: string | undefined }, snapshot: Snapshot): string | undefined
  /**
   * Whether what was proved names the same client now. If it names another, or none, it is proved anew: the same credential
   * is told the same by whoever never saw it before.
   */
  namesStill(identity: Identity, snapshot: Snapshot): boolean
  /**
   * What may have ended since it was proved, whatever it said itself: looked at again on every use, before its own end.
   * What is told is what `prove` would say of the same credential.
   */
  checkStanding(identity: Identity, client: ClientEntry, snapshot: Snapshot, now: number): DenyReason | undefined
  /** The same of what it is used for, after its own end. */
  checkUse(identity: Identity, client: ClientEntry, service: ServiceRow | undefined): DenyReason | undefined
  /** What the client's row bounds it with now: its end and its roles. */
  boundsOf(identity: Identity, client: ClientRow): Pick<KeyBounds, 'notAfter' | 'roles'> | undefined
}
