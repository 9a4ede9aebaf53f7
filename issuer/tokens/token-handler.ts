import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Rates, takeOne } from '../../platform/fair/rates.ts'
import { peerKey } from '../../platform/http/peer.ts'
import { sendProblem } from '../../platform/http/problem.ts'
import type { Handler } from '../../platform/http/server.ts'
import type { Logger } from '../../platform/log.ts'
import type { SigningKeys } from '../publish/signing-keys.ts'
import { StoreError } from '../store/store.ts'
import type { ClientAuthenticator } from './authenticate-client.ts'
import type { AuthorizationServer, AuthorizationServers, Endpoint } from './authorization-servers.ts'
import { type ClientRequest, severalWays } from './client-mechanism.ts'
import { type Exchange, type Exchanger, exchangeGrant } from './exchange.ts'
import type { Asker, GivenTokens } from './given-tokens.ts'
import type { GrantServers } from './grant-servers.ts'
import { isFault, type OAuthFault, sendFault, sendJson, slowDown, unavailable } from './oauth-fault.ts'
import { readForm } from './read-form.ts'
import { type AskerReader, isBearer, UnansweredError } from './service-asker.ts'

interface Asked {
  readonly request: ClientRequest
  readonly server: AuthorizationServer
  readonly now: number
}

type Serve = (asked: Asked, response: ServerResponse) => Promise<void>

export interface TokenHandlerParts {
  readonly servers: AuthorizationServers
  readonly authenticator: ClientAuthenticator
  readonly grants: () => Promise<GrantServers>
  readonly exchange: Exchanger
  readonly readAsker: AskerReader
  readonly given: GivenTokens
  readonly signing: Pick<SigningKeys, 'signers'>
  /** Requests that one peer may make. */
  readonly rates: Pick<Rates, 'spend'>
  readonly ready: () => boolean
  /** Seconds since epoch. */
  readonly now: () => number
  readonly log: Logger
}

/** The port of the OAuth endpoints. Nothing is done for a caller before it proved which client, or which service, it is. */
export function createTokenHandler(parts: TokenHandlerParts): Handler {
  const { servers, authenticator, exchange, readAsker, given, signing, log } = parts

  /** What a token is made from. */
  async function askedFor({ request, server, now }: Asked): Promise<Exchange | OAuthFault> {
    const { form } = request
    if (exchangeGrant(form)) return exchange(request, server, now)
    const by = await authenticator.authenticate(request, server, now)
    return isFault(by) ? by : { by, form, bounds: { parties: [] } }
  }

  /** A token of somebody, and who asks about it. */
  async function about(asked: Asked, serve: (token: string, by: Asker) => Promise<object | undefined>) {
    const { request, server, now } = asked
    const { form, authorization, peer } = request
    const by = isBearer(authorization)
      ? (severalWays(request) ?? (await readAsker(peer, authorization)))
      : await authenticator.authenticate(request, server, now)
    if (isFault(by)) return by
    const token = form.get('token')
    return token === undefined ? noToken : { told: await serve(token, by) }
  }

  const serve: Readonly<Record<Endpoint, Serve>> = {
    async token(asked, response) {
      const signers = signing.signers()
      if (!signers) return sendFault(response, unavailable('there is no key that may sign now: try again'))
      const made = await askedFor(asked)
      if (isFault(made)) return sendFault(response, made)
      await (await parts.grants()).get(asked.server, signers).answer(made.form, made.by, response, made.bounds)
    },
    async introspect(asked, response) {
      const { server, now } = asked
      const answer = await about(asked, (token, by) => given.introspect(token, by, server, now))
      if (isFault(answer)) sendFault(response, answer)
      else sendJson(response, 200, answer.told)
    },
    async revoke(asked, response) {
      const { server, now } = asked
      const answer = await about(asked, async (token, by) => void (await given.revoke(token, by, server, now)))
      if (isFault(answer)) sendFault(response, answer)
      else sendJson(response, 200, undefined)
    },
  }

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    { server, endpoint }: { server: AuthorizationServer; endpoint: Endpoint },
  ): Promise<void> {
    const form = await readForm(request)
    if (isFault(form)) return sendFault(response, form)
    const [authorization, another] = request.headersDistinct.authorization ?? []
    if (another !== undefined) return sendFault(response, twice)
    const asked = { form, authorization, peer: peerKey(request.socket.remoteAddress) }
    await serve[endpoint]({ request: asked, server, now: parts.now() }, response)
  }

  return async (request, response) => {
    const [path = '', query] = (request.url ?? '').split('?', 2)
    if (!parts.ready()) return sendFault(response, unavailable('not everything is loaded yet: try again'))
    const found = servers.atPath(path)
    if (!found) return sendProblem(response, { status: 404, code: 'not_found', title: 'There is nothing here' })
    const fault = headFault(request, query) ?? rateFault(request)
    if (fault) return sendFault(response, fault)
    try {
      await answer(request, response, found)
    } catch (error) {
      const fault = faultOf(error)
      if (!fault) throw error
      log.warn({ err: error, issuer: found.server.issuer }, 'what a request needs to be known is not')
      sendFault(response, fault)
    }
  }

  function rateFault({ socket }: IncomingMessage): OAuthFault | undefined {
    const waitMs = takeOne(parts.rates, peerKey(socket.remoteAddress))
    return waitMs === 0 ? undefined : slowDown(waitMs, 'too many requests of one peer')
  }
}

const twice: OAuthFault = { error: 'invalid_request', description: 'Authorization is there twice' }
const noToken: OAuthFault = { error: 'invalid_request', description: 'the parameter token is missing' }

function headFault({ method }: IncomingMessage, query: string | undefined): OAuthFault | undefined {
  if (method !== 'POST') {
    return { error: 'invalid_request', description: 'use POST', status: 405, headers: { allow: 'POST' } }
  }
  // RFC 6749 section 2.3.1: what stands in a URL stands in logs.
  return query ? { error: 'invalid_request', description: 'parameters belong into the body' } : undefined
}

/** @returns undefined for what nobody foresaw */
function faultOf(error: unknown): OAuthFault | undefined {
  if (error instanceof UnansweredError) return unavailable('the API server gave no answer: try again')
  if (!(error instanceof StoreError)) return undefined
  return error.reason === 'value_too_large'
    ? { error: 'invalid_request', description: 'more is to be remembered than may be' }
    : unavailable('what tokens need to be remembered is out of reach: try again')
}
