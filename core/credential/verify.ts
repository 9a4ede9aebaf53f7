import type { Identity } from '../base/identity.ts'
import type { DenyReason } from '../base/reasons.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { claimedIss } from './claimed-iss.ts'
import { parseCompact } from './compact.ts'
import type { AuthorizationRequest, CredentialEntry } from './entry.ts'
import type { Credential } from './read.ts'
import { credentialTable } from './table.ts'

/**
 * Proves a credential by the one kind of its place that it is of. Synchronous and total: every fault is a reason, never
 * an exception. Until a signature is proved every fault is `invalid_token`.
 * @param now seconds since epoch
 */
export function verifyCredential(
  { text, place }: Credential,
  asked: AuthorizationRequest,
  snapshot: Snapshot,
  now: number,
): Identity | DenyReason {
  return verify(text, place.kinds, asked, snapshot, now)
}

const bearers = Object.values(credentialTable).filter(({ places }) =>
  places.some(place => place.in === 'authorization' && place.scheme === 'bearer'),
)

/**
 * The same for a bearer token with no request at hand. Client tokens and service account tokens are told apart by `iss`
 * alone. After the signature the first of these is told: `key_revoked`, `client_suspended`, `key_expired` (a new token would not help);
 * what is wrong with `typ` or a claim, in the order of the kind's checks; `token_expired`, `token_not_yet_valid`;
 * `token_predates_key`; `wrong_audience`; `credential_unsupported`; `pod_unknown`, `token_revoked`. For a service account token
 * `wrong_audience` comes before everything about times. A service account of no client here is `invalid_token`, as a
 * client that is not known here is, once its token says all that it has to, and is for this service.
 * @param token as in the Authorization header; longer than 8192 characters is refused unread
 * @param now seconds since epoch
 * @see RFC 9068 section 4, RFC 8725 sections 3.1 to 3.12
 */
export function verifyToken(token: string, snapshot: Snapshot, now: number): Identity | DenyReason {
  return verify(token, bearers, undefined, snapshot, now)
}

function verify(
  text: string,
  kinds: readonly CredentialEntry[],
  asked: AuthorizationRequest | undefined,
  snapshot: Snapshot,
  now: number,
): Identity | DenyReason {
  try {
    const { service } = snapshot
    if (!service) return 'invalid_token'
    const presented = { text, token: parseCompact(text), asked }
    for (const kind of kinds) if (kind.isOf(presented, snapshot)) return kind.prove(presented, snapshot, now)
    // Said by the place alone, whatever stands there.
    return kinds.some(({ kind }) => service.accepts.includes(kind)) ? 'invalid_token' : 'credential_unsupported'
  } catch {
    return 'invalid_token'
  }
}

/**
 * Whose a credential says it is, where somebody of that name is known: what is queued by it has no more queues than there
 * are clients. Nothing is proved by it, and it must decide nothing.
 */
export function claimedOwner({ text, place }: Credential, snapshot: Snapshot): string | undefined {
  const claim = { text, iss: claimedIss(text) }
  for (const kind of place.kinds) {
    const owner = kind.claimedBy(claim, snapshot)
    if (owner !== undefined) return owner
  }
  return undefined
}
