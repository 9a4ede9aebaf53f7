import { type DenyReason, reasons } from '../base/reasons.ts'
import { type UpstreamFault, upstreamFaults } from '../policy/upstream-faults.ts'

/** What a problem code means, and who does what about it. */
export interface ProblemExplanation {
  readonly means: string
  readonly caller: string
  readonly owner: string
}

/** In the guard's container the command finds policy and service by itself. */
const whyInPod =
  '`kubectl exec -n NAMESPACE POD -c latchkey-guard -- node /app/latchkey.mjs why --client CLIENT METHOD /path`'

/** What a caller with the right key wrote into its token: only the caller can mend it. */
function tokenFault(fault: string, caller: string): ProblemExplanation {
  return {
    means: `The token is genuine, and ${fault}`,
    caller: `${caller} \`latchkey token inspect FILE\` names every fault of a token at once.`,
    owner: 'Nothing: the program that signs has to be changed, or should use the SDK.',
  }
}

/** One for every code that a problem body can have: a code without one does not compile. */
const explanations: Readonly<Record<DenyReason | UpstreamFault, ProblemExplanation>> = {
  request_malformed: {
    means:
      'The bytes are no HTTP/1.1 request, or two programs could read them as two different ones. Nothing is repaired: what is decided on is what is forwarded.',
    caller:
      'Use an HTTP library as it is. The field `detail` says what was met: a header sent twice, a length beside a chunked body, a target that is no path.',
    owner: 'A proxy in front that writes such requests has to be changed; the guard takes no setting for them.',
  },
  path_malformed: {
    means:
      'Path or query are not in the one form that all programs read alike. The field `detail` says what was met, and in which of them: a dot segment, an empty one, an escape that is not needed or not allowed, `;`, or a character that no URI has there as it is.',
    caller:
      'Send the path in its [normal form](paths.md). URL libraries do most of that by themselves; `[`, `]`, `|` and `^` many send as they are.',
    owner:
      'An API whose paths need what has no escape either (`;`, `/`, `%` and `\\` within a segment) must take it in the query or in the body.',
  },
  credential_ambiguous: {
    means: 'The request carries more than one credential: the guard and the app could each believe another one.',
    caller: 'Send one `Authorization` header with one token, and no `access_token` in the query.',
    owner: 'Look for a proxy in between that adds a credential of its own.',
  },
  credential_missing: {
    means: 'The path is not public and no credential came.',
    caller: 'Send `Authorization: Bearer <client token>`; with the SDK: `createFetch`.',
    owner: 'A path that needs no credential is listed in `spec.public` of the GuardedService.',
  },
  credential_unsupported: {
    means: 'The credential is of a kind that this service does not take, for example Basic.',
    caller: 'Send a client token, or a service account token whose audience is the service.',
    owner:
      '`spec.accepts` of the GuardedService lists the kinds. An API key in a header or a query, behind a proxy that asks: [what is taken there](external-authorizer.md#api-keys).',
  },
  invalid_token: {
    means:
      'The token proves nobody here: it is malformed, its signature fits no key of its client, or its client is unknown, or granted nothing here. Which of these is not told to who has not proved anything.',
    caller:
      'Sign a new token with the key that is in the mounted Secret now. After a rotation read the Secret again; the SDK does. `latchkey token inspect FILE` names every fault of the token that can be seen without a policy.',
    owner: `A guard knows only clients that some AccessGrant of its namespace names, as soon as a role of that grant names the service. \`kubectl get accessgrants -A\` lists them; ${whyInPod} says whether one reaches this service. With the policy, [\`latchkey token inspect FILE\`](troubleshooting.md#tokens) names the cause: an unknown \`kid\`, one of another client, another \`iss\`, \`alg\` or signature.`,
  },
  typ_invalid: tokenFault(
    'its header has another `typ` than tokens for services have: `at+jwt`, or none or `JWT` in a service account token.',
    'Sign a client token. A client assertion, an id token or a refresh token is for somebody else.',
  ),
  claim_missing: tokenFault(
    'a member is not there: `iss`, `sub`, `client_id`, `aud`, `iat`, `exp` or `jti`; in a service account token `aud`, `iat`, `exp` or the pod in `kubernetes.io`.',
    'Add what is missing. A service account token comes from a projected volume: older tokens in Secrets are bound to no pod.',
  ),
  sub_invalid: tokenFault(
    '`sub` is not the client whose key signed.',
    'Write the client id, the file `client-id` of the Secret, into `sub`.',
  ),
  client_id_invalid: tokenFault(
    '`client_id` is not the client whose key signed.',
    'Write the client id, the file `client-id` of the Secret, into `client_id` and `sub`.',
  ),
  aud_invalid: tokenFault(
    '`aud` is no text and no array of exactly one: a token for several services could be used by one of them at another.',
    'Sign a token for each service, with its audience alone.',
  ),
  iat_invalid: tokenFault(
    '`iat` is not a whole number of seconds.',
    'Write whole seconds since 1970: a clock that gives fractions or milliseconds has to be rounded down or divided.',
  ),
  exp_invalid: tokenFault('`exp` is not a whole number of seconds.', 'Write whole seconds since 1970, as for `iat`.'),
  nbf_invalid: tokenFault(
    '`nbf` is there and is not a whole number of seconds.',
    'Leave it out, or write whole seconds since 1970.',
  ),
  jti_invalid: tokenFault(
    '`jti` is no text of 1 to 128 characters.',
    'Write a new random text for each token, for example a UUID.',
  ),
  lifetime_invalid: tokenFault(
    '`exp` is not after `iat`, or more than 15 minutes after it (a day for a service account token).',
    'Sign short tokens, and a new one when the last has a minute left. The SDK does.',
  ),
  token_not_yet_valid: {
    means: 'The token is genuine, and its `iat` or `nbf` lies more than 30 seconds in the future.',
    caller: 'Set the clock of the machine. Write the time of signing into `iat`, and leave `nbf` out.',
    owner: 'If many callers see it at once, the clock of the node is behind.',
  },
  token_predates_key: {
    means:
      'The token is genuine, and was signed before its ApiClient or its AccessKey was made: it is of another one that had the same name.',
    caller: 'Sign a new token.',
    owner: 'Nothing, unless it stays: then the clock of the caller is behind.',
  },
  pod_unknown: {
    means:
      'The service account token is genuine, and its pod or its service account is not there any more, was made anew, or is so young that this guard has not heard of it.',
    caller: 'Try again shortly. A token that was copied out of its pod ends with the pod.',
    owner:
      'The ApiClient must list the service account: `kubectl get apiclients -A -o yaml` shows `spec.serviceAccounts`.',
  },
  token_expired: {
    means: 'The token is genuine and its `exp` has passed.',
    caller: 'Sign a new token for each few minutes of calls; compare the clock of the machine with the time of day.',
    owner: 'Nothing, unless many callers see it at once: then a clock is wrong, perhaps that of the node.',
  },
  token_revoked: {
    means:
      'The access token is genuine, and its client revoked it, or revoked so many that all it got before are refused.',
    caller: 'Get another one from the [token endpoint](tokens.md#where).',
    owner: 'Nothing. A client revokes its own tokens; to stop a client, suspend it or revoke its AccessKey.',
  },
  key_revoked: {
    means: 'The access key is revoked, or older than `keysNotBefore` of its AccessKey.',
    caller:
      'Read the mounted Secret again and sign with the key that is there. After `keysNotBefore` was set a new key is on its way: it takes about a minute until the kubelet has put it into the pod, and until then every call is refused; try again. Where the Secret is gone or empty, ask the owner of the client for another key. No token of this one passes again.',
    owner:
      '`kubectl describe accesskeys.latchkey.dev NAME -n NAMESPACE` says why. The way without a gap: [when a key leaks](trust.md#when-a-key-leaks). A revocation cannot be taken back; make another AccessKey.',
  },
  key_expired: {
    means:
      'The access key has ended: `spec.validity` or `spec.expiresAt` of its AccessKey is over, or another key replaced it and the tokens it signed have ended.',
    caller:
      'Read the mounted Secret again: where the key was replaced, it holds the new one. Otherwise ask the owner of the client for another key.',
    owner:
      'This key does not [rotate](guides/rotation.md), or its Secret was not read again: see ROTATES of the AccessKey. Set `spec.rotation.requestedAt` to now, lengthen `spec.validity` or `spec.expiresAt`, or make another key. [When a key ends](consumers.md#when-a-key-rotates-and-when-it-ends) says more.',
  },
  client_suspended: {
    means: 'The ApiClient is suspended: none of its keys passes anywhere.',
    caller: 'Ask the owner of the client.',
    owner: 'Set `spec.suspended: false` on the ApiClient when the reason is gone.',
  },
  wrong_audience: {
    means:
      'The token is genuine and was made for another service, or for the Kubernetes API, as the service account token is that every pod has.',
    caller:
      'Take the audience that the field `audience` of the answer names, exactly (the `realm` of `WWW-Authenticate` is the same): sign a token with this `aud`, or [have Kubernetes project](consumers.md#without-a-key-service-account-tokens) a service account token with this `audience`.',
    owner:
      'Nothing: the answer names the audience. Unless `spec.audience` says another one it is `https://<name>.<namespace>.svc`.',
  },
  not_granted: {
    means:
      'The caller is known, and none of its grants allows this call. The field `missing` says what a role would have to allow: `<action> <resource>` on a route with a permission, else `<METHOD> <path template>`. It is not there where no rule can name the method, such as `PROPFIND`: `detail` says so, and [which can be named](paths.md#methods).',
    caller: "Ask the service's owner, and send the whole problem body.",
    owner: `${whyInPod} prints the nearest rule, and the AccessGrant or Role that would allow the call.`,
  },
  not_subscribed: {
    means:
      'The access token is genuine and for this service, and its client is granted nothing here any more, or there is no such client now. A token that a client signs itself is answered with `invalid_token` then: only what the issuer signed is told more.',
    caller:
      "Ask the service's owner for an AccessGrant. Another token does not help, and the token endpoint gives none.",
    owner: 'If the client should have access, name it in `spec.clients` of an AccessGrant beside the Role.',
  },
  grant_expired: {
    means: 'An AccessGrant that has ended would have allowed the call.',
    caller: "Ask the service's owner to renew it.",
    owner: `Set a later \`spec.expiresAt\`, or take it out. ${whyInPod} names the grant.`,
  },
  limit_exceeded: {
    means:
      'The client has made all the calls that `spec.limit` of its AccessGrant allows at this guard for now, and no other grant allows the call. Status 429; `Retry-After` and `RateLimit` say when to come back, see [plans](plans.md).',
    caller:
      "Wait for `Retry-After` and spread calls out. If that is not enough, ask the service's owner for a higher limit.",
    owner: `Set a higher \`spec.limit\`, or take it out. The audit line and ${whyInPod} name the grant.`,
  },
  route_unknown: {
    means: 'The service declares its routes, and none of them matches this method and path.',
    caller: "Compare method and path with the API's documentation; methods are upper-case.",
    owner: 'Add the route to `spec.routes` or to the OpenAPI document. What is not declared is not opened by any role.',
  },
  path_ambiguous: {
    means:
      'The path differs from a declared route only in upper and lower case or in a trailing slash. An app that does not tell these apart would serve that route.',
    caller: 'Send the path exactly as it is declared.',
    owner: 'If the app tells them apart, say `variants: Distinct` on the route.',
  },
  policy_unsupported: {
    means:
      'The policy holds a field that this guard does not know, and what the field touches is denied. `detail` names the release that knows it, where the policy says so.',
    caller: 'Nothing; the platform team has to act.',
    owner:
      'Restart the pods, so that they get the guard of the installed release: `kubectl rollout restart deployment/NAME -n NAMESPACE`. The GuardedService says `GuardsOutdated` and names pods whose guard is too old; see [upgrading](upgrading.md).',
  },
  policy_missing: {
    means: 'The guard has just started and has no policy yet.',
    caller: 'Try again after `Retry-After`.',
    owner: 'If it stays: `kubectl logs -n NAMESPACE POD -c latchkey-guard` says why the issuer is not reached.',
  },
  policy_stale: {
    means: 'The guard has not heard from the issuer for longer than `spec.maxStaleness` of the GuardedService.',
    caller: 'Try again later.',
    owner: 'Look at the issuer and at the network between. The policy is the last good one, only too old to rely on.',
  },
  peer_unknown: {
    means: 'A proxy asked the [external authorizer](external-authorizer.md), and it is not one of the listed peers.',
    caller: 'Nothing: tell whoever runs the proxy in front of this API.',
    owner: 'List the proxy in `authorizer.peers`, and give it the secret or certificate that the list names.',
  },
  service_unknown: {
    means:
      'A listed proxy asked the [external authorizer](external-authorizer.md) about a service that it is not listed for, or about none.',
    caller: 'Nothing: tell whoever runs the proxy in front of this API.',
    owner:
      "Add the service to the peer's `services`, or correct the service in the proxy's configuration: `/check/<namespace>/<service>`, or Envoy's `context_extensions`.",
  },
  audit_unavailable: {
    means:
      'The guard cannot write its audit log, and the installation says that no call may pass unrecorded (`LATCHKEY_AUDIT_ON_BLOCK=Deny`).',
    caller: 'Try again after `Retry-After`.',
    owner:
      'Look at what reads the log of the guard, or at the disk it is written to. See [the audit log](audit-log.md).',
  },
  overloaded: {
    means:
      'The token was not seen before, and too many such tokens of the same address (at the external authorizer: of the same proxy), or of all, wait for their signature to be checked. A token that was proved once does not wait.',
    caller: 'Wait a second and try again. Use one token for many calls, until shortly before it ends.',
    owner:
      'Look in the audit log for addresses with many `invalid_token`. Callers behind one proxy share its part; more replicas have more room. Over HTTP the external authorizer takes turns by the client that a token names, so somebody who forges the tokens of one client delays the new tokens of that client.',
  },
  upstream_unreachable: {
    means: 'The call was allowed. The app behind the guard takes no connections.',
    caller: 'Try again shortly.',
    owner:
      "Is the app up, and does it listen on 127.0.0.1 on the port that the guard takes for the app's? That is the pod annotation `latchkey.dev/upstream-port`, or the only TCP port that the containers declare. An app on a Unix socket is named by `latchkey.dev/upstream-socket`; the guard's log says what keeps it from connecting. After a minute without a listener the GuardedService says `NothingListens` with pod and port or socket.",
  },
  upstream_invalid: {
    means: 'The call was allowed. The app broke off its answer, or sent one that is not HTTP.',
    caller: 'Try again if the call may be repeated: the app may have carried it out.',
    owner: "Look at the app's log at the time of the request id.",
  },
  upstream_busy: {
    means:
      'The call was let in, but the guard has as many connections to the app as it may open, and none came free in time; or too many calls were waiting already. The address with the most waiting calls is refused first.',
    caller: 'Try again after a second; send fewer calls at a time.',
    owner:
      'The app answers too slowly for what comes, or callers keep calls open. `LATCHKEY_MAX_UPSTREAM_CONNECTIONS` sets the bound. On a Unix socket the app may let too few connections wait: raise its backlog.',
  },
  upstream_timeout: {
    means: 'The call was allowed. The app did not begin its answer in time.',
    caller: 'Try again if the call may be repeated: the app may have carried it out.',
    owner: 'Look at the app; a slow operation should answer early and be asked about later.',
  },
}

export function explanationOf(code: DenyReason): ProblemExplanation {
  return explanations[code]
}

/** The page that `type` of a problem body points to, in Markdown: one heading, and so one anchor, for every code. */
export function problemsPage(): string {
  const sections = Object.entries(explanations).map(
    ([code, { means, caller, owner }]) =>
      `## ${code}\n\nStatus ${statusOf(code)}. ${means}\n\n- **Caller:** ${caller}\n- **Owner:** ${owner}`,
  )
  return `${[
    '# Problems',
    'Made by `make generate` from `core/policy`. Do not edit.',
    'An answer of a guard is a problem body (RFC 9457). Its `code` is one of these, does not change its meaning, and also stands in `Latchkey-Decision` and in the [audit log](audit-log.md); its `type` is a link to the code on this page. The link begins with `guard.problemBase` of the chart, so that it can point to a page of your own.',
    ...sections,
  ].join('\n\n')}\n`
}

function statusOf(code: string): number {
  return { ...reasons, ...upstreamFaults }[code as DenyReason | UpstreamFault].status
}
