import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Rates } from '../../platform/fair/rates.ts'
import { peerKey } from '../../platform/http/peer.ts'
import { sendProblem } from '../../platform/http/problem.ts'
import type { Handler } from '../../platform/http/server.ts'
import type { Logger } from '../../platform/log.ts'
import type { SigningKeys } from '../publish/signing-keys.ts'
import { StoreError } from '../store/store.ts'
import type { ClientAuthenticator } from './authenticate-client.ts'
import type { AuthorizationServer, AuthorizationServers, Endpoint } from './authorization-servers.ts'
import type { GivenTokens } from './given-tokens.ts'
import type { GrantServers } from './grant-servers.ts'
import type { ProvedClient } from './live-clients.ts'
import { isFault, type OAuthFault, sendFault, sendJson } from './oauth-fault.ts'
import { type Form, readForm } from './read-form.ts'

interface Asked {
  readonly form: Form
  readonly by: ProvedClient
  readonly server: AuthorizationServer
  readonly now: number
}

type Serve = (asked: Asked, response: ServerResponse) => Promise<void>

export interface TokenHandlerParts {
  readonly servers: AuthorizationServers
  readonly authenticator: ClientAuthenticator
  readonly grants: () => Promise<GrantServers>
  readonly given: GivenTokens
  readonly signing: Pick<SigningKeys, 'signers'>
  /** Requests that one peer may make. */
  readonly rates: Pick<Rates, 'spend'>
  readonly ready: () => boolean
  /** Seconds since epoch. */
  readonly now: () => number
  readonly log: Logger
}

/** The port of the OAuth endpoints. Nothing is done for a caller before it proved which client it is. */
export function createTokenHandler(parts: TokenHandlerParts): Handler {
  const { servers, authenticator, given, signing, log } = parts
  const serve: Readonly<Record<Endpoint, Serve>> = {
    async token({ form, by, server }, response) {
      const signers = signing.signers()
      if (!signers) return sendFault(response, unavailable('there is no key that may sign now: try again'))
      await (await parts.grants()).get(server, signers).answer(form, by, response)
    },
    async introspect({ form, by, server, now }, response) {
      const token = form.get('token')
      if (token === undefined) return sendFault(response, noToken)
      sendJson(response, 200, await given.introspect(token, by, server, now))
    },
    async revoke({ form, by, server, now }, response) {
      const token = form.get('token')
      if (token === undefined) return sendFault(response, noToken)
      await given.revoke(token, by, server, now)
      sendJson(response, 200, undefined)
    },
  }

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    { server, endpoint }: { server: AuthorizationServer; endpoint: Endpoint },
  ): Promise<void> {
    const form = await readForm(request)
    if (isFault(form)) return sendFault(response, form)
    const now = parts.now()
    const { authorization } = request.headers
    const by = await authenticator.authenticate({ form, authorization }, server, now)
    if (isFault(by)) return sendFault(response, by)
    await serve[endpoint]({ form, by, server, now }, response)
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
      if (!(error instanceof StoreError)) throw error
      log.warn({ err: error, issuer: found.server.issuer }, 'the token store gave no answer')
      sendFault(response, storeFault(error))
    }
  }

  function rateFault({ socket }: IncomingMessage): OAuthFault | undefined {
    const waitMs = parts.rates.spend(peerKey(socket.remoteAddress), 1)
    if (waitMs === 0) return undefined
    const headers = { 'retry-after': String(Math.ceil(waitMs / 1_000)) }
    return { error: 'slow_down', description: 'too many requests of one peer', headers }
  }
}

const noToken: OAuthFault = { error: 'invalid_request', description: 'the parameter token is missing' }

function headFault({ method }: IncomingMessage, query: string | undefined): OAuthFault | undefined {
  if (method !== 'POST') {
    return { error: 'invalid_request', description: 'use POST', status: 405, headers: { allow: 'POST' } }
  }
  // RFC 6749 section 2.3.1: what stands in a URL stands in logs.
  return query ? { error: 'invalid_request', description: 'parameters belong into the body' } : undefined
}

function unavailable(description: string): OAuthFault {
  return { error: 'temporarily_unavailable', description, headers: { 'retry-after': '1' } }
}

function storeFault({ reason }: StoreError): OAuthFault {
  return reason === 'value_too_large'
    ? { error: 'invalid_request', description: 'more is to be remembered than may be' }
    : unavailable('what tokens need to be remembered is out of reach: try again')
}
