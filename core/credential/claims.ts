import type { DenyReason } from '../base/reasons.ts'
import { toleranceSeconds } from './client-token-claims.ts'

export type Claims = Readonly<Record<string, unknown>>

/** Times of a token, seconds since epoch. */
export interface TokenTimes {
  readonly issuedAt: number
  readonly expiresAt: number
}

/** The times of claims that were checked. */
export function timesOf({ iat, exp }: Claims): TokenTimes {
  return { issuedAt: Number(iat), expiresAt: Number(exp) }
}

/**
 * Whether the token is valid now. The tolerance counts for us and for them: refused from `exp` + 30 s on, and before
 * `iat` - 30 s and `nbf` - 30 s.
 */
export function checkTimes(
  claims: Claims,
  times: TokenTimes,
  now: number,
): Extract<DenyReason, 'token_expired' | 'token_not_yet_valid'> | undefined {
  if (now >= times.expiresAt + toleranceSeconds) return 'token_expired'
  const notBefore = typeof claims.nbf === 'number' ? Math.max(claims.nbf, times.issuedAt) : times.issuedAt
  return notBefore > now + toleranceSeconds ? 'token_not_yet_valid' : undefined
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

/** Whole seconds since epoch, below 2^53. */
export function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
