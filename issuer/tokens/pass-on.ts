import { claimedIss } from '../../core/credential/claimed-iss.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'
import type { AuthorizationServers } from './authorization-servers.ts'
import type { GivenTokens } from './given-tokens.ts'
import type { LiveClients, ProvedClient } from './live-clients.ts'
import type { OAuthFault } from './oauth-fault.ts'
import type { ServiceAsker } from './service-asker.ts'
import { type Act, mostActors, type TokenBounds } from './token-bounds.ts'

/** A caller of a service, and the service that calls on for it. */
export interface PassedOn {
  /** The client of the token. */
  readonly by: ProvedClient
  /** The client that the service is. */
  readonly asker: ResolvedClient
  readonly bounds: TokenBounds
}

/**
 * A service calls on for its caller: it has the caller's access token, which was made for it, and is a client itself at where
 * it calls. What it gets is what both have there, and no more than the token it comes from.
 * @throws StoreError or UnansweredError when it cannot be known
 */
export type PassOn = (text: string, asker: ServiceAsker, now: number) => Promise<PassedOn | OAuthFault>

export function createPassOn(parts: {
  readonly servers: Pick<AuthorizationServers, 'ofIssuer'>
  readonly given: Pick<GivenTokens, 'find'>
  readonly clients: Pick<LiveClients, 'get' | 'ofAccount' | 'provingKey'>
}): PassOn {
  const { servers, given, clients } = parts

  return async (text, asker, now) => {
    const server = servers.ofIssuer(claimedIss(text) ?? '')
    const found = server && (await given.find(text, server, now))
    if (!found || !(await asker.mayEnforce(found.service))) return notItsOwn
    const { token, client } = found
    const caller = clientOf(asker, clients)
    if (!caller) return noClient
    const key = clients.provingKey(client, token.keyId, now)
    const actors = actorsOf(token.act).map(id => clients.get(id))
    if (!key || !actors.every(actor => actor !== undefined)) return gone
    if (actors.length >= mostActors) return tooDeep
    const { audience, roles, expiresAt } = token
    const scopes = new Set(token.scope?.split(' '))
    return {
      by: { client, key },
      asker: caller,
      bounds: {
        parties: [...actors, caller].map(actor => ({ client: actor, key: {} })),
        within: { audience, roles, scopes, expiresAt },
        act: { sub: caller.clientId, ...(token.act && { act: token.act }) },
      },
    }
  }
}

function clientOf({ user }: ServiceAsker, clients: Pick<LiveClients, 'ofAccount'>): ResolvedClient | undefined {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user.username) ?? []
  return namespace !== undefined && name !== undefined ? clients.ofAccount(namespace, name) : undefined
}

/** The one that acted last first. */
function actorsOf(act: Act | undefined): string[] {
  return act ? [act.sub, ...actorsOf(act.act)] : []
}

const notItsOwn: OAuthFault = {
  error: 'invalid_request',
  description: 'the subject token: it is no live access token for a service at which this service account may enforce',
}
const noClient: OAuthFault = {
  error: 'unauthorized_client',
  description: 'no ApiClient lists this service account: what calls on for others is a client itself',
}
const gone: OAuthFault = {
  error: 'invalid_request',
  description: 'the subject token: its key, or a client that acted, does not count any more',
}
const tooDeep: OAuthFault = {
  error: 'invalid_request',
  description: `the subject token: it was passed on ${mostActors} times`,
}
