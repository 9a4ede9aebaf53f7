import type { CredentialKind } from './credential-kinds.ts'

/** Who calls, proved once. `credential` says how. It may have ended since: see CheckedIdentity. */
export interface Identity {
  readonly clientId: string
  /** `namespace/name` of the ApiClient. */
  readonly client: string
  /** `kid` of the key, or `serviceaccount:<name>`. */
  readonly key: string
  readonly credential: CredentialKind
  readonly subject: string
  readonly scopes: readonly string[]
  /** Seconds since epoch: the identity must not be used from then on. */
  readonly expiresAt: number
  /** Roles the key is narrowed to. */
  readonly roles?: readonly string[]
  /** What the token said and the snapshot is asked about again on every use. Times in seconds since epoch. */
  readonly proof: {
    readonly issuedAt: number
    /** From then on no key makes the token good again. */
    readonly endsAt: number
    readonly audience: string
    readonly issuer: string
    /** What else of the snapshot it stands on, by names that are the kind's own. */
    readonly anchors?: Readonly<Record<string, string>>
  }
}

declare const checkedForThisRequest: unique symbol

/**
 * Who calls, and counts now: proved, and client, key, pod and audience were looked at for the request that is decided.
 * Only `checkedIdentity` makes one, and only a decision holds one. What an app is told of its caller is made from a
 * decision alone, so nobody can be named who no longer counts.
 */
export interface CheckedIdentity extends Identity {
  readonly [checkedForThisRequest]: true
}
