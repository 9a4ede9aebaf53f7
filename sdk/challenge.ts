import { splitAuthorization } from '../core/credential/authorization.ts'
import { AccessError, type AccessErrorCode, fail } from './access-error.ts'
import type { Caller } from './claims.ts'
import type { Verifier } from './verifier.ts'

/** What a refused caller is sent. */
export interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** How errors of RFC 6750 section 3.1 name ours; the others carry no error there. */
const bearerErrors: Partial<Record<AccessErrorCode, string>> = {
  credential_ambiguous: 'invalid_request',
  invalid_token: 'invalid_token',
  token_expired: 'invalid_token',
  wrong_audience: 'invalid_token',
}

const titles: Partial<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  503: 'Service Unavailable',
}

/**
 * Proves the caller of a request.
 * @param authorization every value of the header, in order
 * @throws AccessError
 * @see RFC 6750 section 2.1
 */
export async function authenticate(verifier: Verifier, authorization: readonly string[]): Promise<Caller> {
  const [only, ...others] = authorization
  if (only === undefined) return fail('credential_missing', 'Send a client token in the Authorization header.')
  // Header APIs join two values with a comma, which no token holds.
  if (others.length > 0 || only.includes(',')) return fail('credential_ambiguous', 'Send exactly one credential.')
  const { scheme, text = '' } = splitAuthorization(only) ?? {}
  if (scheme !== 'bearer' || !/^[^ ]+$/.test(text))
    return fail('credential_missing', 'Send a client token as Bearer in the Authorization header.')
  return verifier.verify(text)
}

/** Runs the service's own rule. @throws AccessError not_granted */
export async function checkAuthorized<Request>(
  authorize: Authorize<Request> | undefined,
  caller: Caller,
  request: Request,
): Promise<void> {
  // Anything but true denies: a rule that forgot to return lets nobody in.
  if (authorize && (await authorize(caller, request)) !== true) {
    fail('not_granted', 'This client may not make this call. Ask the owner of the service.')
  }
}

/** A service's own rule: who may make this request. */
export type Authorize<Request> = (caller: Caller, request: Request) => boolean | Promise<boolean>

/**
 * The answer for an error of this package; others are not ours to answer.
 * @see RFC 6750 section 3, RFC 9457 section 3
 */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof AccessError)) return undefined
  const { status, code, message } = error
  const title = titles[status] ?? 'Internal Server Error'
  const headers: Record<string, string> = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' }
  if (status === 401 || status === 400) {
    const named = bearerErrors[code]
    headers['www-authenticate'] = named ? `Bearer error="${named}", error_description="${message}"` : 'Bearer'
  }
  if (status === 503) headers['retry-after'] = '5'
  return { status, headers, body: JSON.stringify({ title, status, code, detail: message }) }
}
