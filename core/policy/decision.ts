/** Every reason a decision can have: status and what the caller should do next. The list is closed. */
export const reasons = {
  granted: { status: 200, hint: 'The call passes.' },
  public: { status: 200, hint: 'The path needs no credential.' },
  request_malformed: { status: 400, hint: 'Send a request that can be read in one way only.' },
  path_malformed: {
    status: 400,
    hint: 'Send the path in its plain form: no dot segments, no empty segments, no escapes of plain characters.',
  },
  credential_ambiguous: { status: 400, hint: 'Send exactly one credential.' },
  credential_missing: { status: 401, hint: 'Send a client token for this service in the Authorization header.' },
  credential_unsupported: {
    status: 401,
    hint: 'This service does not take this kind of credential; see spec.accepts.',
  },
  invalid_token: { status: 401, hint: 'Sign a new token with the key in the mounted Secret.' },
  token_expired: { status: 401, hint: 'Sign a new token; check the clock of the caller.' },
  key_revoked: { status: 401, hint: 'This access key is revoked. Ask the owner of the client for another one.' },
  key_expired: { status: 401, hint: 'This access key has ended. Ask the owner of the client for another one.' },
  client_suspended: { status: 401, hint: 'This client is suspended. Ask its owner.' },
  wrong_audience: { status: 401, hint: "Sign a token whose aud is this service's audience." },
  not_granted: { status: 403, hint: "Ask the service's owner for an AccessGrant of a role that allows this call." },
  grant_expired: { status: 403, hint: "The AccessGrant has ended. Ask the service's owner to renew it." },
  route_unknown: { status: 403, hint: 'The service declares no such route.' },
  path_ambiguous: {
    status: 403,
    hint: 'The path differs from a declared route only in case or a trailing slash; send it as declared.',
  },
  policy_unsupported: { status: 403, hint: 'The policy uses a field this guard does not know. Upgrade the guard.' },
  peer_unknown: {
    status: 403,
    hint: 'The authorizer does not know the proxy that asked it. The platform team should look at its list of peers.',
  },
  service_unknown: {
    status: 403,
    hint: 'The proxy asked about a service that it is not listed for. The platform team should look at its list of peers.',
  },
  policy_missing: { status: 503, hint: 'The guard has no policy yet. Try again shortly.' },
  policy_stale: {
    status: 503,
    hint: 'The policy of the guard is older than spec.maxStaleness. The platform team should look at the issuer.',
  },
  audit_unavailable: {
    status: 503,
    hint: 'The guard cannot write its audit log, and no call may pass unrecorded. Try again shortly.',
  },
  overloaded: { status: 503, hint: 'More tokens wait to be proved than the guard can prove. Try again shortly.' },
} as const

export type Reason = keyof typeof reasons
export type AllowReason = 'granted' | 'public'
export type DenyReason = Exclude<Reason, AllowReason>
/** What only a proxy that asks can get wrong: such a call never reaches `decide`. */
export type ProxyReason = 'peer_unknown' | 'service_unknown'

/** Who calls, proved. `credential` says how. */
export interface Identity {
  readonly clientId: string
  /** `namespace/name` of the ApiClient. */
  readonly client: string
  /** `kid` of the key, or `serviceaccount:<name>`. */
  readonly key: string
  readonly credential: 'ClientToken' | 'ServiceAccountToken'
  readonly subject: string
  readonly scopes: readonly string[]
  /** Seconds since epoch: the identity must not be used from then on. */
  readonly expiresAt: number
  /** Roles the key is narrowed to. */
  readonly roles?: readonly string[]
  /** What the token said and the snapshot is asked about again on every use. Times in seconds since epoch. */
  readonly proof: {
    readonly issuedAt: number
    readonly audience: string
    /** Service account tokens: they end with their pod and their service account. */
    readonly serviceAccountUid?: string
    readonly podUid?: string
  }
}

export type Decision =
  | {
      readonly allow: true
      readonly reason: AllowReason
      /** What allowed: `role/<name>#<rule index>`; absent on public paths. */
      readonly rule?: string
      readonly grant?: string
      readonly route?: string
      /** Roles, and the attributes of the grant that allowed, for the identity headers. */
      readonly roles?: readonly string[]
      readonly attributes?: Readonly<Record<string, string>>
    }
  | {
      readonly allow: false
      readonly reason: DenyReason
      readonly route?: string
      /** What the route says about audit mode; absent: what the service says holds. */
      readonly mode?: 'Enforce' | 'Audit'
      /** For not_granted: what a role would have to allow, as `action resource` or `METHOD path template`. */
      readonly missing?: string
    }
