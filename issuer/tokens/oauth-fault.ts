import type { ServerResponse } from 'node:http'

/**
 * Error codes of the OAuth endpoints and the status each is told with.
 * @see RFC 6749 section 5.2, RFC 6750 section 3.1, RFC 8707 section 2
 */
const statuses = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  invalid_token: 401,
  invalid_scope: 400,
  invalid_target: 400,
  slow_down: 429,
  server_error: 500,
  temporarily_unavailable: 503,
} as const

/** Why a request got no answer of its own. `description` is ASCII without quotes, and holds nothing of the request. */
export interface OAuthFault {
  readonly error: keyof typeof statuses
  readonly description: string
  /** Where HTTP says it more exactly: 405, 413, 415. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** One for a client that is unknown, suspended or gone, a key that is, and a signature that is none of its own. */
export const notAuthenticated: OAuthFault = {
  error: 'invalid_client',
  description: 'client authentication failed',
}

export function refusedClient(description: string): OAuthFault {
  return { error: 'invalid_client', description }
}

/** RFC 6749 section 5.2: whoever used the header is told of a scheme. */
export function challenged(description: string): OAuthFault {
  return { ...refusedClient(description), headers: { 'www-authenticate': 'Basic realm="latchkey"' } }
}

export function slowDown(waitMs: number, description: string): OAuthFault {
  return { error: 'slow_down', description, headers: { 'retry-after': String(Math.ceil(waitMs / 1_000)) } }
}

export function unavailable(description: string): OAuthFault {
  return { error: 'temporarily_unavailable', description, headers: { 'retry-after': '1' } }
}

export function isFault(value: object): value is OAuthFault {
  return 'error' in value
}

export function sendFault(response: ServerResponse, { error, description, status, headers }: OAuthFault): void {
  sendJson(response, status ?? statuses[error], { error, error_description: description }, headers)
}

/** Nothing of these endpoints may be kept by anybody on the way. @see RFC 6749 section 5.1 */
export function sendJson(
  response: ServerResponse,
  status: number,
  content: object | undefined,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return
  const body = content === undefined ? '' : JSON.stringify(content)
  response.writeHead(status, {
    ...headers,
    ...(content !== undefined && { 'content-type': 'application/json' }),
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(body)
}
