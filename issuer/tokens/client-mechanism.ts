import { splitAuthorization } from '../../core/credential/authorization.ts'
import { challenged, type OAuthFault, refusedClient } from './oauth-fault.ts'
import { type Form, unescaped } from './read-form.ts'

/** How a client says who it is. Nothing of it is proved. */
export type Mechanism =
  | { readonly by: 'assertion'; readonly text: string }
  | { readonly by: 'secret'; readonly clientId: string; readonly secret: string; readonly inHeader: boolean }

export interface ClientRequest {
  readonly form: Form
  /** The header; undefined where there is none. */
  readonly authorization: string | undefined
  /** Whose connection it is. */
  readonly peer: string
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const ways = 'private_key_jwt, client_secret_basic or client_secret_post'

/** For whoever shows nothing by which a client could be proved. */
export const notShown: OAuthFault = refusedClient(`authenticate with ${ways}`)

/**
 * Finds the one way in which a client authenticates.
 * @returns undefined where it does not; a fault for several ways at once, and for one that is written wrongly
 * @see RFC 6749 sections 2.3 and 5.2: not more than one way in a request, and whoever used the header is told of a scheme
 */
export function readMechanism(request: ClientRequest): Mechanism | OAuthFault | undefined {
  const { form, authorization } = request
  const several = severalWays(request)
  if (several) return several
  const [assertion, secret] = [form.get('client_assertion'), form.get('client_secret')]
  if (authorization !== undefined) return readBasic(authorization, form.get('client_id'))
  if (assertion !== undefined) {
    return form.get('client_assertion_type') === assertionType
      ? { by: 'assertion', text: assertion }
      : refusedClient(`client_assertion_type must be ${assertionType}`)
  }
  if (secret === undefined) return undefined
  const clientId = form.get('client_id')
  return clientId === undefined
    ? { error: 'invalid_request', description: 'client_secret comes with client_id' }
    : { by: 'secret', clientId, secret, inHeader: false }
}

/** A fault for a request that has several ways of authentication in it, whatever each is. */
export function severalWays({ form, authorization }: ClientRequest): OAuthFault | undefined {
  const shown = [form.get('client_assertion'), form.get('client_secret'), authorization]
  if (shown.filter(one => one !== undefined).length < 2) return undefined
  return { error: 'invalid_request', description: 'authenticate in one way only' }
}

/**
 * Client id and secret are form-urlencoded each before they are put together: a colon in one is an escape.
 * @see RFC 6749 section 2.3.1, RFC 7617 section 2
 */
function readBasic(authorization: string, named: string | undefined): Mechanism | OAuthFault {
  const { scheme, text } = splitAuthorization(authorization) ?? {}
  if (scheme !== 'basic' || text === undefined) return challenged(`authenticate with ${ways}`)
  const [, id, password] = /^([^:]*):([^:]*)$/.exec(plainOf(text) ?? '') ?? []
  const [clientId, secret] = [decoded(id), decoded(password)]
  if (!clientId || !secret) {
    return challenged(
      'Basic must be the base64 of client id and client secret, each form-urlencoded, with a colon between',
    )
  }
  if (named !== undefined && named !== clientId) return challenged('client_id is not the client of the header')
  return { by: 'secret', clientId, secret, inHeader: true }
}

/** @returns undefined for what is not base64 in its one spelling, or holds anything but ASCII */
function plainOf(text: string): string | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text && bytes.every(byte => byte < 0x80) ? bytes.toString('latin1') : undefined
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : unescaped(text)
  } catch {
    return undefined
  }
}
