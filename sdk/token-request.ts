import { randomUUID } from 'node:crypto'
import { maxAssertionSeconds } from '../core/credential/client-assertion.ts'
import { AccessError } from './access-error.ts'
import type { ClientCredential } from './client-credential.ts'
import { signJwt } from './client-token.ts'
import { exchange, readObject } from './exchange.ts'

export interface SessionToken {
  readonly token: string
  readonly lifetimeSeconds: number
}

export interface SessionRequest {
  /** URL of the token endpoint. */
  readonly endpoint: string
  /** Issuer of the authorization server: what an assertion is for. */
  readonly server: string
  readonly audience: string
  readonly scope?: string
  readonly ca?: string | Buffer
  readonly timeoutMs: number
  /** Seconds since epoch. */
  readonly now: number
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const maxBytes = 65_536

/**
 * Asks for a token for one service.
 * @throws AccessError client_refused | not_subscribed | token_refused | token_unavailable
 * @see RFC 6749 section 4.4, RFC 7523 section 2.2, RFC 8707 section 2
 */
export async function requestToken(credential: ClientCredential, request: SessionRequest): Promise<SessionToken> {
  const { endpoint, audience, scope, ca = credential.ca, timeoutMs } = request
  const { form, headers } = authentication(credential, request)
  const asked = { grant_type: 'client_credentials', resource: audience, ...(scope !== undefined && { scope }), ...form }
  const options = {
    body: new URLSearchParams(asked).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    ...{ timeoutMs, maxBytes, ...(ca !== undefined && { ca }) },
  }
  const answer = await exchange(endpoint, options).catch(() => undefined)
  if (!answer) throw unavailable()
  const body = readObject(answer.text) ?? {}
  if (answer.status !== 200) throw refusalOf(answer.status, body, audience)
  const { access_token: token, expires_in: lifetime, token_type: type } = body
  const isToken = typeof token === 'string' && token !== '' && /^bearer$/i.test(String(type))
  if (!isToken || typeof lifetime !== 'number' || !(lifetime > 0)) throw unavailable()
  return { token, lifetimeSeconds: lifetime }
}

function authentication(
  { clientId, proof }: ClientCredential,
  { server, now }: SessionRequest,
): { form: Record<string, string>; headers: Record<string, string> } {
  if ('secret' in proof) {
    // RFC 6749 section 2.3.1: both are form-encoded before they are put together.
    const pair = [clientId, proof.secret].map(part => encodeURIComponent(part).replaceAll('%20', '+')).join(':')
    return { form: {}, headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } }
  }
  const claims = {
    ...{ iss: clientId, sub: clientId, aud: server, jti: randomUUID() },
    ...{ iat: now, exp: now + maxAssertionSeconds },
  }
  const assertion = signJwt(proof.key, 'client-authentication+jwt', claims)
  return { form: { client_assertion_type: assertionType, client_assertion: assertion }, headers: {} }
}

function refusalOf(status: number, body: Readonly<Record<string, unknown>>, audience: string): AccessError {
  const error = plain(body.error)
  if (status === 429 || status >= 500 || error === '') return unavailable()
  if (error === 'invalid_target') {
    return new AccessError(
      'not_subscribed',
      `This client is granted nothing at ${audience}: ask the owner of that service for an AccessGrant.`,
    )
  }
  const code = error === 'invalid_client' ? 'client_refused' : 'token_refused'
  return new AccessError(code, `The issuer gave no token: ${error}: ${plain(body.error_description)}`)
}

function unavailable(): AccessError {
  return new AccessError('token_unavailable', 'The issuer gives no token now. Try again shortly.')
}

/** What an issuer says of a request, fit for a log: nothing in it can draw a line of its own. */
function plain(value: unknown): string {
  return typeof value === 'string' ? value.replace(/[^\x20-\x7e]/g, '?').slice(0, 200) : ''
}
