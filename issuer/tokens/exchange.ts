import { claimedIss } from '../../core/credential/claimed-iss.ts'
import type { ClientAuthenticator } from './authenticate-client.ts'
import type { AuthorizationServer } from './authorization-servers.ts'
import { type ClientRequest, readMechanism, severalWays } from './client-mechanism.ts'
import type { ProvedClient } from './live-clients.ts'
import { isFault, type OAuthFault } from './oauth-fault.ts'
import type { PassOn } from './pass-on.ts'
import type { SubjectProver } from './prove-subject.ts'
import { type Form, formOf } from './read-form.ts'
import { type AskerReader, isBearer } from './service-asker.ts'
import type { TokenBounds } from './token-bounds.ts'

/** What a token is to be made from, as if the client had asked for it by itself. */
export interface Exchange {
  readonly by: ProvedClient
  /** Of the grant client_credentials. */
  readonly form: Form
  readonly bounds: TokenBounds
}

type Made = Omit<Exchange, 'form'>

export const grantTypes = {
  exchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
  bearer: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
} as const

type Grant = keyof typeof grantTypes

/** Tokens for tokens: of Kubernetes, of a client, or of a caller of the service that asks. No secret is kept for it. */
export type Exchanger = (
  request: ClientRequest,
  server: AuthorizationServer,
  now: number,
) => Promise<Exchange | OAuthFault>

/** @returns undefined for any other grant */
export function exchangeGrant(form: Form): Grant | undefined {
  const asked = form.get('grant_type')
  return (Object.keys(grantTypes) as Grant[]).find(grant => grantTypes[grant] === asked)
}

const tokenType = 'urn:ietf:params:oauth:token-type:'
const accessTokenType = `${tokenType}access_token`
const subjectTypes = [accessTokenType, `${tokenType}jwt`]

export function createExchanger(parts: {
  readonly authenticator: ClientAuthenticator
  readonly proveSubject: SubjectProver
  readonly readAsker: AskerReader
  readonly passOn: PassOn
  /** Whether a server of this installation has this issuer. */
  readonly isOurs: (issuer: string) => boolean
}): Exchanger {
  const { authenticator, proveSubject, readAsker, passOn, isOurs } = parts

  /** For the client of the subject token; where another way of authentication is there too, it must be the same one. */
  async function subjectOf(
    request: ClientRequest,
    text: string,
    server: AuthorizationServer,
    now: number,
  ): Promise<Made | OAuthFault> {
    const shown = readMechanism(request)
    if (shown && isFault(shown)) return shown
    const also = shown && (await authenticator.authenticate(request, server, now))
    if (also && isFault(also)) return also
    if (isOurs(claimedIss(text) ?? '')) return fault(request, onlyByItsService)
    const by = proveSubject(text, server.issuer, now)
    if (typeof by === 'string') return fault(request, `it is refused: ${by}`)
    const { clientId } = by.client
    const named = request.form.get('client_id') ?? clientId
    if (named !== clientId || (also && also.client.clientId !== clientId))
      return fault(request, 'it is of another client')
    if (also?.key.roles && by.key.roles) return fault(request, 'authenticate without a key, or with one of all roles')
    // A client that authenticated was admitted by that.
    const busy = also ? undefined : authenticator.admit(clientId)
    return busy ?? { by, bounds: { parties: also ? [also] : [] } }
  }

  /** For a caller of the service that asks. */
  async function calledOn(
    text: string,
    { peer, authorization }: { peer: string; authorization: string },
    now: number,
  ): Promise<Made | OAuthFault> {
    const asker = await readAsker(peer, authorization)
    if (isFault(asker)) return asker
    const passed = await passOn(text, asker, now)
    return isFault(passed) ? passed : (authenticator.admit(passed.asker.clientId) ?? passed)
  }

  return async (request, server, now) => {
    const { form, authorization, peer } = request
    const wrong = formFault(form)
    if (wrong) return wrong
    if (exchangeGrant(form) === 'bearer') {
      const subject = await subjectOf(request, form.get('assertion') ?? '', server, now)
      return isFault(subject) ? subject : { ...subject, form: targetOf(form) }
    }
    const text = form.get('subject_token') ?? ''
    const made = isBearer(authorization)
      ? (severalWays(request) ?? (await calledOn(text, { peer, authorization }, now)))
      : await subjectOf(request, text, server, now)
    if (isFault(made)) return made
    return { by: made.by, form: targetOf(form), bounds: { ...made.bounds, issuedTokenType: accessTokenType } }
  }
}

const onlyByItsService =
  'an access token is exchanged by the service it was made for alone, with its service account token as bearer'

/** @see RFC 8693 section 2.1: what is there and does not count is told, never dropped */
function formFault(form: Form): OAuthFault | undefined {
  const has = (name: string) => form.get(name) !== undefined
  const isExchange = exchangeGrant(form) === 'exchange'
  if (!isExchange) return has('assertion') ? undefined : invalid('the parameter assertion is missing')
  if (!has('subject_token')) return invalid('the parameter subject_token is missing')
  if (!subjectTypes.includes(form.get('subject_token_type') ?? '')) {
    return invalid(`subject_token_type must be one of ${subjectTypes.join(' ')}`)
  }
  if (has('actor_token') !== has('actor_token_type')) return invalid('actor_token and actor_token_type come together')
  if (has('actor_token')) return invalid('actor tokens are not taken here')
  if (subjectTypes.includes(form.get('requested_token_type') ?? accessTokenType)) return undefined
  return invalid(`requested_token_type can be ${accessTokenType} alone`)
}

/** What is left of the form for client_credentials. `audience` names a service as `resource` does: by its audience. */
function targetOf(form: Form): Form {
  const [scope, audience] = [form.get('scope'), form.get('audience')]
  const resources = [...new Set([...form.resources, ...(audience === undefined ? [] : [audience])])]
  return formOf([
    ['grant_type', 'client_credentials'],
    ...(scope === undefined ? [] : [['scope', scope] as const]),
    ...resources.map(resource => ['resource', resource] as const),
  ])
}

function invalid(description: string): OAuthFault {
  return { error: 'invalid_request', description }
}

/** @see RFC 8693 section 2.2.2, RFC 7523 section 3.1 */
function fault({ form }: ClientRequest, what: string): OAuthFault {
  return exchangeGrant(form) === 'bearer'
    ? { error: 'invalid_grant', description: `the assertion: ${what}` }
    : invalid(`the subject token: ${what}`)
}
