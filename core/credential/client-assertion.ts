import { isTime } from './claims.ts'
import { toleranceSeconds } from './client-token-claims.ts'
import type { CompactToken } from './compact.ts'

/** Longest life of an assertion, seconds: its id is remembered so long. */
export const maxAssertionSeconds = 60
/** Longest `jti`, characters. */
const maxJtiLength = 128

/** What an assertion says whose signature was proved. Times in seconds since epoch. */
export interface AssertionClaims {
  /** May be used once. */
  readonly jti: string
  readonly issuedAt: number
  /** From then on nobody takes it, the tolerance for clocks included. */
  readonly endsAt: number
}

/** What is wrong with an assertion, told to whoever proved to be the client. */
export const assertionFaults = {
  typ: 'the typ of the assertion must be client-authentication+jwt',
  subject: 'iss and sub of the assertion must both be the client id',
  audience: 'the aud of the assertion must be the issuer of this authorization server, as a single string',
  jti: 'the jti of the assertion must be a text of 1 to 128 characters',
  times: 'iat and exp of the assertion must be whole seconds, and so must nbf where it is there',
  lifetime: 'the assertion may live for 60 seconds at most, from iat to exp',
  expired: 'the assertion has expired',
  early: 'the assertion is not valid yet: compare the clocks',
} as const

export type AssertionFault = keyof typeof assertionFaults

/**
 * Whom an assertion claims to come from; nothing is proved by that.
 * @returns undefined where it names nobody, or no key
 */
export function claimedBy({ header, payload }: CompactToken): { clientId: string; kid: string } | undefined {
  const { kid } = header
  const { sub } = payload
  return typeof kid === 'string' && typeof sub === 'string' ? { clientId: sub, kid } : undefined
}

/**
 * Reads an assertion whose signature is the client's.
 * @param about the client that signed, the issuer it is presented to, and the time in seconds since epoch
 * @see RFC 7523 section 3, RFC 10070: the issuer identifier is the only audience, and the type is explicit
 */
export function readAssertion(
  { header, payload }: CompactToken,
  { clientId, issuer, now }: { readonly clientId: string; readonly issuer: string; readonly now: number },
): AssertionClaims | AssertionFault {
  const { iss, sub, aud, jti, iat, exp, nbf } = payload
  if (!isType(header.typ)) return 'typ'
  if (iss !== clientId || sub !== clientId) return 'subject'
  if (aud !== issuer) return 'audience'
  if (typeof jti !== 'string' || jti === '' || jti.length > maxJtiLength) return 'jti'
  if (!isTime(iat) || !isTime(exp) || (nbf !== undefined && !isTime(nbf))) return 'times'
  if (exp <= iat || exp - iat > maxAssertionSeconds) return 'lifetime'
  if (now >= exp + toleranceSeconds) return 'expired'
  if (Math.max(iat, nbf ?? iat) > now + toleranceSeconds) return 'early'
  return { jti, issuedAt: iat, endsAt: exp + toleranceSeconds }
}

/** Media types are compared without case, and `application/` may be left out (RFC 7515 section 4.1.9). */
function isType(typ: unknown): boolean {
  if (typeof typ !== 'string' || typ.length > 64) return false
  return /^(application\/)?client-authentication\+jwt$/i.test(typ)
}
