/**
 * Every code an error of this package can have, and the HTTP status a service answers with when a caller caused it.
 * The reasons of a guard that a verifier can find out too have the guard's names.
 */
export const errorStatuses = {
  key_missing: 500,
  key_invalid: 500,
  option_invalid: 500,
  provider_closed: 500,
  client_refused: 500,
  token_refused: 500,
  not_subscribed: 500,
  check_refused: 500,
  credential_ambiguous: 400,
  credential_missing: 401,
  invalid_token: 401,
  token_expired: 401,
  wrong_audience: 401,
  client_not_listed: 403,
  not_granted: 403,
  keys_unavailable: 503,
  token_unavailable: 503,
  check_unavailable: 503,
} as const

export type AccessErrorCode = keyof typeof errorStatuses

/** The one error of this package. `code` is stable; `message` says what to do next and never holds a token or key. */
export class AccessError extends Error {
  readonly code: AccessErrorCode
  /** HTTP status for whoever answers a request with this error. */
  readonly status: number

  constructor(code: AccessErrorCode, message: string) {
    super(message)
    this.name = 'AccessError'
    this.code = code
    this.status = errorStatuses[code]
  }
}

/** @throws AccessError always */
export function fail(code: AccessErrorCode, message: string): never {
  throw new AccessError(code, message)
}
