import type { Algorithm, PublicJwk } from '../api/access-key.ts'
import type { Comparison } from '../api/role.ts'
import type { CredentialKind, SecretKind } from '../base/credential-kinds.ts'

/**
 * A slice is what one guard needs to decide for one service, as rows that are sent, stored and hashed one by one.
 * The issuer makes rows from objects (core/registry); the guard makes a Snapshot from rows (core/snapshot/snapshot.ts).
 * Times are seconds since epoch.
 */
export type Row = ServiceRow | RoleRow | GrantRow | ClientRow | ClusterRow

/** The service itself; exactly one per slice, key `service`. */
export interface ServiceRow {
  readonly type: 'service'
  readonly namespace: string
  readonly name: string
  readonly audience: string
  readonly accepts: readonly CredentialKind[]
  readonly public: readonly { readonly path: string; readonly methods: readonly string[] }[]
  readonly routes: readonly RouteRow[]
  readonly mode: 'Enforce' | 'Audit'
  readonly maxStalenessSeconds: number
  readonly directAccess: 'Refuse' | 'Report'
  readonly keepCredential: 'Never' | 'Jwt'
  /** Present where access tokens are taken. */
  readonly accessTokens?: AccessTokensRow
  /** Where API keys stand beside `Authorization: Basic`: names of a header, in lower case, and of a query parameter. */
  readonly apiKey?: { readonly header?: string; readonly query?: string }
}

/** What access tokens are proved with. */
export interface AccessTokensRow {
  /** Of the installation. A service's own is `<issuer>/services/<namespace>/<name>`. */
  readonly issuer: string
  /** Those that sign, those that will, and those that did: a key is here before it signs. */
  readonly keys: readonly { readonly kid: string; readonly algorithm: Algorithm; readonly publicKey: PublicJwk }[]
  /** Present: which tokens were revoked since then is not known. */
  readonly unknownSince?: number
}

export interface RouteRow {
  readonly name: string
  readonly path: string
  readonly methods: readonly string[]
  readonly permission?: { readonly action: string; readonly resource: string }
  readonly variants: 'Refuse' | 'Distinct'
  /** Absent: the service's. */
  readonly mode?: 'Enforce' | 'Audit'
  /** What calls of the route are about; `{name}` is the value of the path, an empty text a word without a value. */
  readonly tags?: Readonly<Record<string, string>>
  /** Present: the route says what this guard does not know; the release that does. Its calls are denied. */
  readonly needs?: string
}

/** A role, with those rules only that name this service; key `role/<name>`. */
export interface RoleRow {
  readonly type: 'role'
  readonly name: string
  readonly rules: readonly RuleRow[]
  /** Present: rules were left out that say what this guard does not know; the release that does. */
  readonly needs?: string
}

export interface RuleRow {
  /** Position in the Role's spec.rules, for messages and audit. */
  readonly index: number
  readonly methods?: readonly string[]
  readonly paths?: readonly string[]
  readonly permissions?: readonly { readonly action: string; readonly resources: readonly string[] }[]
  readonly when?: readonly Comparison[]
}

/** A grant of a role that reaches this service; key `grant/<name>`. */
export interface GrantRow {
  readonly type: 'grant'
  readonly name: string
  readonly role: string
  /** Client ids, as pinned. */
  readonly clients: readonly string[]
  readonly attributes?: Readonly<Record<string, string>>
  readonly expiresAt?: number
  /** How often each of these clients may call by this grant, as each guard counts. */
  readonly limit?: GrantLimit
  /** Present: the grant says what this guard does not know, and gives nothing; the release that does. */
  readonly needs?: string
}

/** At most so many calls in any span of so many seconds. */
export interface GrantLimit {
  readonly requests: number
  readonly perSeconds: number
}

/** Stands for the service where this guard may decide nothing about it. */
export interface WithheldServiceRow {
  readonly type: 'service'
  /** The release whose guards may. */
  readonly needs: string
}

/** A row as a guard is sent it: see project-rows.ts. */
export type SentRow = Row | WithheldServiceRow

/** A client that some grant of this slice names; key `client/<clientId>`. */
export interface ClientRow {
  readonly type: 'client'
  readonly clientId: string
  readonly namespace: string
  readonly name: string
  /** `iss` of its tokens: `<issuer>/v1/clients/<clientId>`. */
  readonly issuer: string
  /** Tokens issued before are refused. */
  readonly createdAt: number
  readonly suspended: boolean
  readonly organization?: string
  readonly keys: readonly KeyRow[]
  /** Those that are for this very service. */
  readonly secrets?: readonly SecretRow[]
  readonly serviceAccounts?: readonly ServiceAccountRow[]
  /** Only at a service that takes access tokens. */
  readonly accessTokens?: ClientTokensRow
}

/** What of its access tokens counts no more, and what else than keys it got them with. */
export interface ClientTokensRow {
  /** Ids of those that were revoked and have not ended, see core/credential/revocation.ts. */
  readonly revoked?: readonly string[]
  /** Those issued then or earlier are revoked. */
  readonly revokedUpTo?: number
  /** Client secrets, which no guard takes. */
  readonly clientSecrets?: readonly KeyBounds[]
}

/** What of an AccessKey bounds whoever proves itself with it. */
export interface KeyBounds {
  readonly kid: string
  readonly accessKey: string
  readonly notBefore: number
  readonly notAfter?: number
  /** Present: revoked, kept so that whoever still has it is told so. */
  readonly revoked?: true
  /** Narrows to these roles of this service's namespace; an empty list narrows to none. */
  readonly roles?: readonly string[]
}

export interface KeyRow extends KeyBounds {
  readonly algorithm: Algorithm
  readonly publicKey: PublicJwk
}

/** A static secret or an API key, of which nobody but its owner has more than the hash. */
export interface SecretRow extends KeyBounds {
  readonly kind: SecretKind
  /** SHA-256, base64url; `kid` is made from it. */
  readonly hash: string
}

export interface ServiceAccountRow {
  readonly name: string
  readonly uid: string
  /** Uids of the pods that run as it now. */
  readonly pods: readonly string[]
}

/** Issuer and keys of the cluster's service account tokens; key `cluster`. */
export interface ClusterRow {
  readonly type: 'cluster'
  readonly issuer: string
  readonly keys: readonly { readonly kid: string; readonly alg: 'RS256' | 'ES256'; readonly publicKey: PublicJwk }[]
}

/** Key of a row within its slice. */
export function rowKey(row: SentRow): string {
  switch (row.type) {
    case 'service':
    case 'cluster':
      return row.type
    case 'role':
    case 'grant':
      return `${row.type}/${row.name}`
    case 'client':
      return `client/${row.clientId}`
  }
}
