import { secondsOf } from '../../core/base/time.ts'
import { toleranceSeconds } from '../../core/credential/client-token-claims.ts'
import type { PublishableKey } from '../../core/jose/jwks.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'
import type { ResolvedService } from '../../core/registry/resolve-services.ts'
import { keyOfClient, keyOfToken, recordOfClient, recordOfToken } from '../revocations/revocation-record.ts'
import type { Revocations } from '../revocations/revocations.ts'
import type { TokenStore } from '../store/store.ts'
import type { AuthorizationServer } from './authorization-servers.ts'
import type { ProvedClient } from './live-clients.ts'
import { type OwnToken, readOwnToken } from './own-token.ts'

/** What is said of a token: nothing but that it does not count, or all that it says. @see RFC 7662 section 2.2 */
export type Introspection = { readonly active: false } | ({ readonly active: true } & Readonly<Record<string, unknown>>)

const inactive: Introspection = { active: false }

/** What became of tokens that were given: a client asks for its own, and takes them back. */
export interface GivenTokens {
  /** @throws StoreError when it cannot be known whether it was revoked */
  introspect(text: string, by: ProvedClient, server: AuthorizationServer, now: number): Promise<Introspection>
  /**
   * Resolves when no replica calls it active any more. What is no token of this client's has no effect, and is told so to nobody.
   * @throws StoreError when the revocation may not have been kept
   * @see RFC 7009 section 2.2
   */
  revoke(text: string, by: ProvedClient, server: AuthorizationServer, now: number): Promise<void>
}

export function createGivenTokens(parts: {
  readonly keys: () => readonly PublishableKey[]
  readonly store: Pick<TokenStore, 'get' | 'put'>
  /** The services a server's tokens are for, as they are now. */
  readonly services: (server: AuthorizationServer) => readonly ResolvedService[]
  /** Whether what a client got a token with counts still. */
  readonly keyCounts: (client: ResolvedClient, key: string, now: number) => boolean
  readonly revocations: Pick<Revocations, 'standing'>
}): GivenTokens {
  const { keys, store, services, keyCounts, revocations } = parts

  function ownOf(text: string, { client }: ProvedClient, { issuer }: AuthorizationServer, now: number) {
    const token = readOwnToken(text, issuer, keys(), now)
    return token?.clientId === client.clientId ? token : undefined
  }

  /** Whether client and service are those it was given for: their names may be others' now. */
  function isStill(token: OwnToken, { client }: ProvedClient, server: AuthorizationServer): boolean {
    const service = services(server).find(({ audience }) => audience === token.audience)?.service
    if (!service) return false
    const madeAt = secondsOf(service.metadata.creationTimestamp) ?? 0
    return token.issuedAt + toleranceSeconds >= Math.max(client.createdAt, madeAt)
  }

  async function isRevoked(token: OwnToken, { tenant }: AuthorizationServer): Promise<boolean> {
    const [one, all] = await Promise.all([store.get(keyOfToken(token, tenant)), store.get(keyOfClient(token.clientId))])
    if (one !== undefined) return true
    return all !== undefined && token.issuedAt <= Number(all.value?.upTo)
  }

  return {
    async introspect(text, by, server, now) {
      const token = ownOf(text, by, server, now)
      if (!token || !isStill(token, by, server) || !keyCounts(by.client, token.key, now)) return inactive
      if (await isRevoked(token, server)) return inactive
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
      }
    },
    async revoke(text, by, server, now) {
      const token = ownOf(text, by, server, now)
      if (!token) return
      const { clientId } = token
      const { isFull, upTo = 0 } = revocations.standing(clientId)
      // One client must not fill the place of all: beyond its share its earlier tokens go as one.
      if (isFull) await store.put(keyOfClient(clientId), recordOfClient(clientId, Math.max(now, upTo)))
      else await store.put(keyOfToken(token, server.tenant), recordOfToken(token, server.issuer))
    },
  }
}
