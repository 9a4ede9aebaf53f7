import type { DenyReason } from '../policy/decision.ts'
import { toleranceSeconds } from './client-token.ts'

/** Times of a token, seconds since epoch. */
export interface TokenTimes {
  readonly issuedAt: number
  readonly expiresAt: number
}

type Claims = Readonly<Record<string, unknown>>

/**
 * Reads `iat`, `exp` and `nbf`: whole numbers below 2^53, `exp` after `iat`, the life within its bound.
 * @returns undefined when they are missing or malformed
 * @see RFC 7519 sections 4.1.4 to 4.1.6; threats J17, J18
 */
export function readTimes(claims: Claims, maxLifetimeSeconds: number): TokenTimes | undefined {
  const { iat, exp, nbf } = claims
  if (!isTime(iat) || !isTime(exp) || (Object.hasOwn(claims, 'nbf') && !isTime(nbf))) return undefined
  return exp > iat && exp - iat <= maxLifetimeSeconds ? { issuedAt: iat, expiresAt: exp } : undefined
}

/**
 * Whether the token is valid now. The tolerance counts for us and for them: refused from `exp` + 30 s on, and before
 * `iat` - 30 s and `nbf` - 30 s.
 */
export function checkTimes(claims: Claims, times: TokenTimes, now: number): DenyReason | undefined {
  if (now >= times.expiresAt + toleranceSeconds) return 'token_expired'
  const notBefore = typeof claims.nbf === 'number' ? Math.max(claims.nbf, times.issuedAt) : times.issuedAt
  return notBefore > now + toleranceSeconds ? 'invalid_token' : undefined
}

/**
 * The one audience: a string, or an array of exactly one, which is compared exactly. A token for several services
 * could be replayed by one of them at another.
 * @see RFC 8725 section 3.9; threat J20
 */
export function readAudience({ aud }: Claims): string | undefined {
  const audience: unknown = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud
  return typeof audience === 'string' && audience !== '' ? audience : undefined
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
