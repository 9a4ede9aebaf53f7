import { secondsOf } from '../../core/base/time.ts'
import { toleranceSeconds } from '../../core/credential/client-token-claims.ts'
import type { PublishableKey } from '../../core/jose/jwks.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'
import type { ResolvedService } from '../../core/registry/resolve-services.ts'
import { keyOfClient, keyOfToken, recordOfClient, recordOfToken } from '../revocations/revocation-record.ts'
import type { Revocations } from '../revocations/revocations.ts'
import type { TokenStore } from '../store/store.ts'
import type { AuthorizationServer } from './authorization-servers.ts'
import type { LiveClients, ProvedClient } from './live-clients.ts'
import { type OwnToken, readOwnToken } from './own-token.ts'
import type { ServiceAsker } from './service-asker.ts'

/** What is said of a token: nothing but that it does not count, or all that it says. @see RFC 7662 section 2.2 */
export type Introspection = { readonly active: false } | ({ readonly active: true } & Readonly<Record<string, unknown>>)

const inactive: Introspection = { active: false }

/** A token that counts, and what it is about as that is now. */
export interface LiveToken {
  readonly token: OwnToken
  readonly client: ResolvedClient
  readonly service: ResolvedService
}

/** Who asks: the client whose token it is, or a service account that may enforce at the service the token is for. */
export type Asker = ProvedClient | Pick<ServiceAsker, 'mayEnforce'>

/** What became of tokens that were given: a client asks for its own, a service for those made for it, and takes them back. */
export interface GivenTokens {
  /** @throws StoreError or UnansweredError when it cannot be known */
  introspect(text: string, by: Asker, server: AuthorizationServer, now: number): Promise<Introspection>
  /**
   * Resolves when no replica calls it active any more. What is no token of this client's, or for this service, has no effect, and
   * is told so to nobody.
   * @throws StoreError when the revocation may not have been kept; UnansweredError when it cannot be known who asks
   * @see RFC 7009 section 2.2
   */
  revoke(text: string, by: Asker, server: AuthorizationServer, now: number): Promise<void>
  /** @returns undefined for what is no token of this server's, or does not count any more @throws StoreError */
  find(text: string, server: AuthorizationServer, now: number): Promise<LiveToken | undefined>
}

export function createGivenTokens(parts: {
  readonly keys: () => readonly PublishableKey[]
  readonly store: Pick<TokenStore, 'get' | 'put'>
  /** The services a server's tokens are for, as they are now. */
  readonly services: (server: AuthorizationServer) => readonly ResolvedService[]
  readonly clients: Pick<LiveClients, 'get' | 'provingKey'>
  readonly revocations: Pick<Revocations, 'standing'>
}): GivenTokens {
  const { keys, store, services, clients, revocations } = parts

  function serviceOf({ audience }: OwnToken, server: AuthorizationServer): ResolvedService | undefined {
    return services(server).find(service => service.audience === audience)
  }

  async function mayAsk(by: Asker, token: OwnToken, server: AuthorizationServer): Promise<boolean> {
    if ('client' in by) return token.clientId === by.client.clientId
    const service = serviceOf(token, server)
    return service !== undefined && (await by.mayEnforce(service))
  }

  /** Only where client and service are those it was given for: their names may be others' now. */
  function lookUp(token: OwnToken, server: AuthorizationServer, now: number): LiveToken | undefined {
    const [service, client] = [serviceOf(token, server), clients.get(token.clientId)]
    if (!service || !client || !clients.provingKey(client, token.keyId, now)) return undefined
    const madeAt = secondsOf(service.service.metadata.creationTimestamp) ?? 0
    const isStill = token.issuedAt + toleranceSeconds >= Math.max(client.createdAt, madeAt)
    return isStill ? { token, service, client } : undefined
  }

  async function isRevoked(token: OwnToken, { tenant }: AuthorizationServer): Promise<boolean> {
    const [one, all] = await Promise.all([store.get(keyOfToken(token, tenant)), store.get(keyOfClient(token.clientId))])
    if (one !== undefined) return true
    return all !== undefined && token.issuedAt <= Number(all.value?.upTo)
  }

  async function live(token: OwnToken, server: AuthorizationServer, now: number): Promise<LiveToken | undefined> {
    const found = lookUp(token, server, now)
    return found && !(await isRevoked(token, server)) ? found : undefined
  }

  const read = (text: string, { issuer }: AuthorizationServer, now: number) => readOwnToken(text, issuer, keys(), now)

  return {
    async introspect(text, by, server, now) {
      const token = read(text, server, now)
      if (!token || !(await mayAsk(by, token, server)) || !(await live(token, server, now))) return inactive
      return {
        active: true,
        iss: server.issuer,
        sub: token.subject,
        client_id: token.clientId,
        aud: token.audience,
        iat: token.issuedAt,
        exp: token.expiresAt,
        jti: token.jti,
        token_type: 'Bearer',
        ...(token.scope !== undefined && { scope: token.scope }),
        roles: token.roles,
        ...(token.act && { act: token.act }),
      }
    },
    async revoke(text, by, server, now) {
      const token = read(text, server, now)
      if (!token || !(await mayAsk(by, token, server))) return
      const { clientId } = token
      const { isFull, upTo = 0 } = revocations.standing(clientId)
      // One client must not fill the place of all: beyond its share its earlier tokens go as one.
      if (isFull) await store.put(keyOfClient(clientId), recordOfClient(clientId, Math.max(now, upTo)))
      else await store.put(keyOfToken(token, server.tenant), recordOfToken(token, server.issuer))
    },
    async find(text, server, now) {
      const token = read(text, server, now)
      return token && live(token, server, now)
    },
  }
}
