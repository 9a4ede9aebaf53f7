import type { Identity } from '../base/identity.ts'
import type { DenyReason } from '../base/reasons.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { parseCompact } from './compact.ts'
import { verifyClientToken } from './verify-client-token.ts'
import { verifyServiceAccountToken } from './verify-service-account-token.ts'

/**
 * Proves a bearer token: a client token or a service account token, told apart by `iss` alone. Synchronous and total:
 * every fault is a reason, never an exception. Until the signature is proved every fault is `invalid_token`. After
 * that the first of these is told: `key_revoked`, `client_suspended`, `key_expired` (a new token would not help); what
 * is wrong with `typ` or a claim, in the order of claim-checks.ts; `token_expired`, `token_not_yet_valid`;
 * `token_predates_key`; `wrong_audience`; `credential_unsupported`; `pod_unknown`. For a service account token
 * `wrong_audience` comes before everything about times. A service account of no client here is `invalid_token`, as a
 * client that is not known here is, once its token says all that it has to, and is for this service.
 * @param token as in the Authorization header; longer than 8192 characters is refused unread
 * @param now seconds since epoch
 * @see RFC 9068 section 4, RFC 8725 sections 3.1 to 3.12
 */
export function verifyToken(token: string, snapshot: Snapshot, now: number): Identity | DenyReason {
  try {
    const parsed = parseCompact(token)
    if (!parsed || !snapshot.service) return 'invalid_token'
    const { iss } = parsed.payload
    if (typeof iss !== 'string') return 'invalid_token'
    return iss === snapshot.cluster?.issuer
      ? verifyServiceAccountToken(parsed, snapshot.cluster, snapshot, now)
      : verifyClientToken(parsed, iss, snapshot, now)
  } catch {
    return 'invalid_token'
  }
}
