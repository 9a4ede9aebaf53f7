/** Every reason a decision can have: status and what the caller should do next. The list is closed. */
export const reasons = {
  granted: { status: 200, hint: 'The call passes.' },
  public: { status: 200, hint: 'The path needs no credential.' },
  request_malformed: { status: 400, hint: 'Send a request that can be read in one way only.' },
  path_malformed: {
    status: 400,
    hint: 'Send path and query in their plain form: no dot segments, no empty segments, no escapes of plain characters.',
  },
  credential_ambiguous: { status: 400, hint: 'Send exactly one credential.' },
  credential_missing: { status: 401, hint: 'Send a client token for this service in the Authorization header.' },
  credential_unsupported: {
    status: 401,
    hint: 'This service does not take this kind of credential; see spec.accepts.',
  },
  invalid_token: {
    status: 401,
    hint: 'Sign a new token with the key in the mounted Secret. If that is refused too, the client is unknown, or granted nothing here.',
  },
  typ_invalid: {
    status: 401,
    hint: 'Sign a token whose header says typ at+jwt; a service account token has none, or JWT.',
  },
  claim_missing: {
    status: 401,
    hint: 'A client token needs iss, sub, client_id, aud, iat, exp and jti; a service account token needs aud, iat, exp and the pod it is bound to.',
  },
  sub_invalid: { status: 401, hint: 'Write the id of the client that signs into sub.' },
  client_id_invalid: { status: 401, hint: 'Write the id of the client that signs into client_id, the same as in sub.' },
  aud_invalid: { status: 401, hint: "Write this service's audience into aud: a string, or an array of that one." },
  iat_invalid: { status: 401, hint: 'Write iat as whole seconds since 1970, without a fraction.' },
  exp_invalid: { status: 401, hint: 'Write exp as whole seconds since 1970, without a fraction.' },
  nbf_invalid: { status: 401, hint: 'Write nbf as whole seconds since 1970, without a fraction, or leave it out.' },
  jti_invalid: { status: 401, hint: 'Write a text of 1 to 128 characters into jti, another one for each token.' },
  lifetime_invalid: {
    status: 401,
    hint: 'Let exp come after iat, and at most 15 minutes after it; a service account token may live a day.',
  },
  token_not_yet_valid: {
    status: 401,
    hint: 'The iat or nbf of the token is still to come; check the clock of the caller.',
  },
  token_predates_key: { status: 401, hint: 'The token is older than its client or its key. Sign a new one.' },
  pod_unknown: {
    status: 401,
    hint: 'The pod or the service account of the token is not there any more, or not known here yet. Try again shortly.',
  },
  token_expired: {
    status: 401,
    hint: 'Sign a new token, or get one from the token endpoint; check the clock of the caller.',
  },
  token_revoked: { status: 401, hint: 'This access token was revoked. Get another one from the token endpoint.' },
  key_revoked: {
    status: 401,
    hint: 'This access key is revoked. Sign with the key that is in the mounted Secret now: the next one arrives there within about a minute. If none comes, ask the owner of the client for another one.',
  },
  key_expired: { status: 401, hint: 'This access key has ended. Ask the owner of the client for another one.' },
  client_suspended: { status: 401, hint: 'This client is suspended. Ask its owner.' },
  wrong_audience: {
    status: 401,
    hint: "The token is for another service, or for the Kubernetes API. Sign one whose aud is this service's audience, or have Kubernetes project a service account token with it.",
  },
  not_granted: { status: 403, hint: "Ask the service's owner for an AccessGrant of a role that allows this call." },
  not_subscribed: {
    status: 403,
    hint: "The token is good, and its client is granted nothing here, or is gone. Ask the service's owner for an AccessGrant.",
  },
  grant_expired: { status: 403, hint: "The AccessGrant has ended. Ask the service's owner to renew it." },
  limit_exceeded: {
    status: 429,
    hint: "The client has made all the calls that its AccessGrant allows for now. Try again after Retry-After, or ask the service's owner for a higher limit.",
  },
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
