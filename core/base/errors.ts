/**
 * Every code an AccessError can have. `status` is the HTTP status at the outermost layer, `oauth` the error of RFC 6749
 * section 5.2 or RFC 8693 where the code has another name there, `retryable` whether the same call may succeed later.
 */
export const errorCodes = {
  invalid_request: { status: 400, retryable: false },
  invalid_client: { status: 401, retryable: false },
  invalid_grant: { status: 400, retryable: false },
  invalid_scope: { status: 400, retryable: false },
  invalid_target: { status: 400, retryable: false },
  unsupported_grant_type: { status: 400, retryable: false },
  invalid_token: { status: 401, retryable: false },
  key_invalid: { status: 400, retryable: false, oauth: 'invalid_request' },
  config_invalid: { status: 500, retryable: false, oauth: 'server_error' },
  snapshot_invalid: { status: 500, retryable: true, oauth: 'server_error' },
  openapi_invalid: { status: 400, retryable: false, oauth: 'invalid_request' },
  forbidden: { status: 403, retryable: false, oauth: 'access_denied' },
  not_found: { status: 404, retryable: false, oauth: 'invalid_request' },
  method_not_allowed: { status: 405, retryable: false, oauth: 'invalid_request' },
  conflict: { status: 409, retryable: true, oauth: 'invalid_request' },
  too_large: { status: 413, retryable: false, oauth: 'invalid_request' },
  unsupported_media_type: { status: 415, retryable: false, oauth: 'invalid_request' },
  too_many_requests: { status: 429, retryable: true, oauth: 'temporarily_unavailable' },
  internal: { status: 500, retryable: false, oauth: 'server_error' },
  unavailable: { status: 503, retryable: true, oauth: 'temporarily_unavailable' },
  timeout: { status: 504, retryable: true, oauth: 'temporarily_unavailable' },
} as const satisfies Record<string, { status: number; retryable: boolean; oauth?: string }>

export type ErrorCode = keyof typeof errorCodes

/**
 * The one error class. `code` is stable, `message` a plain sentence that says what to do next; `detail` holds names
 * and numbers for logs. None of them ever holds a token, a key, a secret or a raw header.
 */
export class AccessError extends Error {
  readonly code: ErrorCode
  readonly detail: Readonly<Record<string, unknown>> | undefined

  constructor(code: ErrorCode, message: string, detail?: Readonly<Record<string, unknown>>, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'AccessError'
    this.code = code
    this.detail = detail
  }
}

/** @throws AccessError always */
export function fail(
  code: ErrorCode,
  message: string,
  detail?: Readonly<Record<string, unknown>>,
  cause?: unknown,
): never {
  throw new AccessError(code, message, detail, cause)
}
