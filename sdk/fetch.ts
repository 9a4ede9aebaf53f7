import { serviceAudience } from './audience.ts'
import { readDecision } from './decision-header.ts'
import type { CredentialPlace, TokenProvider } from './token-provider.ts'

/** The global `fetch`, or one that behaves like it, undici's for example. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

export interface FetchOptions {
  /**
   * The audience of the service behind a URL, or undefined for hosts that get no token. Default: what the host name of
   * a Service says, see `serviceAudience`. Called for each request, so keep it cheap.
   */
  readonly audience?: (url: URL) => string | undefined
  readonly fetch?: Fetch
}

/** Refusals of a guard that another credential may turn into another answer: a new token, or the next secret. */
const curable: ReadonlySet<string> = new Set([
  'token_expired',
  'invalid_token',
  'token_predates_key',
  'token_revoked',
  'key_revoked',
  'key_expired',
])

const bearer: CredentialPlace = { header: 'authorization', prefix: 'Bearer ' }

/**
 * A `fetch` that carries the client's credential to guarded services and to nobody else.
 *
 * Requests that bring their own `Authorization`, or their own header of the credential's name, are left alone. After a guard's 401 that a new token may cure, the key
 * is read again, once for all calls that were refused together, and each request is sent once more with the new token,
 * if its body can be sent twice; not when the refused token was signed within the last second. A redirect to another origin is followed
 * without the token, as the Fetch standard demands; where the credential has a header of its own, no redirect is followed.
 * @throws AccessError key_missing | key_invalid; whatever fetch throws
 * @see Fetch standard, "HTTP-redirect fetch", step 13
 */
export function createFetch(provider: TokenProvider, options: FetchOptions = {}): Fetch {
  const { audience = (url: URL) => serviceAudience(url), fetch = globalThis.fetch } = options
  const { header, prefix } = provider.place ?? bearer
  // Of other headers than this the standard takes none off on the way to another origin.
  const redirect = header.toLowerCase() === 'authorization' ? {} : { redirect: 'manual' as const }
  return async (input, init) => {
    const target = input instanceof Request ? input.url : String(input)
    const wanted = URL.canParse(target) ? audience(new URL(target)) : undefined
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined))
    if (wanted === undefined || headers.has('authorization') || headers.has(header)) return fetch(input, init)

    const send = (token: string) => {
      headers.set(header, prefix + token)
      return fetch(input, { ...init, headers, ...redirect })
    }
    const token = await provider.token(wanted)
    const answer = await send(token)
    if (!mayRetry(answer, input, init)) return answer
    const next = await tokenAfter(provider, wanted, token)
    if (next === token) return answer
    // Unread, it would hold its connection until it is collected.
    await answer.body?.cancel()
    return send(next)
  }
}

/**
 * The token that takes the place of a refused one. Of many calls that were refused with the same token the first has
 * the key read again; the others wait for it, or find that there is a new token already.
 */
async function tokenAfter(provider: TokenProvider, audience: string, refused: string): Promise<string> {
  const present = await provider.token(audience)
  return present === refused && (await provider.refresh()) ? provider.token(audience) : present
}

function mayRetry(answer: Response, input: string | URL | Request, init: RequestInit | undefined): boolean {
  if (answer.status !== 401) return false
  const decision = readDecision(answer.headers.get('latchkey-decision'))
  if (decision?.by !== 'guard' || !curable.has(decision.reason)) return false
  const body = init?.body ?? (input instanceof Request ? input.body : undefined)
  return !isOneShot(body)
}

/** Whether sending uses the body up. Text, bytes, forms and blobs can be sent again. */
function isOneShot(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false
  if (body instanceof ReadableStream) return true
  return Symbol.asyncIterator in body && !(body instanceof Blob)
}
