import { issuerOf } from '../core/base/ids.ts'
import { maxLifetimeSeconds, toleranceSeconds } from '../core/credential/client-token-claims.ts'
import { fail } from './access-error.ts'

/** Who calls, proved by a client token. */
export interface Caller {
  readonly clientId: string
  /** The client's own issuer URL. */
  readonly issuer: string
  /** Same as the client id: a client token speaks for its client only. */
  readonly subject: string
  /** `kid` of the key that signed. */
  readonly keyId: string
  readonly audience: string
  readonly tokenId: string
  /** Seconds since epoch. */
  readonly expiresAt: number
}

type Claims = Readonly<Record<string, unknown>>

const clientIdForm = /^[a-z0-9][a-z0-9._-]{1,126}$/

/**
 * The issuer of the client that a token says it is of, before anything is proved: it must be the place where this
 * installation publishes that very client. So the URL we ask for keys is ours but for the client id.
 */
export function claimedIssuer(claims: Claims, installationIssuer: string): string {
  const { sub, client_id: clientId, iss } = claims
  if (typeof sub !== 'string' || sub !== clientId || !clientIdForm.test(sub)) return invalid()
  const expected = issuerOf(installationIssuer, sub)
  return iss === expected ? expected : invalid()
}

/**
 * The rules for a client token whose signature is proved.
 * @param now seconds since epoch
 * @throws AccessError invalid_token | token_expired | wrong_audience
 * @see RFC 9068 section 4, RFC 8725 sections 3.8 and 3.9
 */
export function checkClaims(claims: Claims, audience: string, now: number): { expiresAt: number; tokenId: string } {
  const { iat, exp, nbf, jti, aud } = claims
  if (!isTime(iat) || !isTime(exp) || (nbf !== undefined && !isTime(nbf))) return invalid()
  if (exp <= iat || exp - iat > maxLifetimeSeconds) return invalid()
  if (typeof jti !== 'string' || jti === '' || jti.length > 128) return invalid()
  if (iat > now + toleranceSeconds || (nbf !== undefined && nbf > now + toleranceSeconds)) return invalid()
  if (now >= exp + toleranceSeconds)
    return fail('token_expired', 'The token has ended. Sign a new one; check the clock.')
  const only: unknown = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud
  if (only !== audience) return fail('wrong_audience', `Sign a token whose aud is ${audience}.`)
  return { expiresAt: exp, tokenId: jti }
}

/** The same words for every fault of a token that is not proved. */
export function invalid(): never {
  return fail('invalid_token', 'The token is not valid. Sign a new one with the key in the mounted Secret.')
}

/** A NumericDate in whole seconds; RFC 7519 section 2 allows fractions, client tokens have none. */
function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}
