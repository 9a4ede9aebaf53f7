import type { Resolved } from '../../cluster/resolved.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'
import type { ResolvedService } from '../../core/registry/resolve-services.ts'
import type { Clock } from '../../platform/clock.ts'
import { createRates, type RateBounds } from '../../platform/fair/rates.ts'
import type { Handler } from '../../platform/http/server.ts'
import type { Logger } from '../../platform/log.ts'
import type { Objects } from '../objects.ts'
import type { SigningKeys } from '../publish/signing-keys.ts'
import type { Revocations } from '../revocations/revocations.ts'
import type { TokenStore } from '../store/store.ts'
import { createClientAuthenticator } from './authenticate-client.ts'
import {
  type AuthorizationServer,
  type AuthorizationServers,
  createAuthorizationServers,
} from './authorization-servers.ts'
import { createGivenTokens } from './given-tokens.ts'
import { createGrantServers, type GrantServers } from './grant-servers.ts'
import { createLiveClients } from './live-clients.ts'
import { createTokenHandler } from './token-handler.ts'

/** What one peer may ask for. One that keeps to it leaves the loop to the snapshots, which this process serves too. */
const peerRate: RateBounds = { perSecond: 500, burst: 1_000 }

/** The OAuth endpoints of a replica. */
export interface Tokens {
  readonly servers: AuthorizationServers
  readonly handler: Handler
  stop(): void
}

export function createTokens(
  config: { readonly issuerUrl: string; readonly tokenUrl: string },
  parts: {
    readonly objects: Pick<Objects, 'roles'> & { readonly by: Pick<Objects['by'], 'keysOfClient' | 'grantsOfClient'> }
    readonly resolved: Pick<Resolved, 'services'>
    /** Accepted clients; whoever is none any more is none at once. */
    readonly clientById: (clientId: string) => ResolvedClient | undefined
    readonly signing: Pick<SigningKeys, 'current' | 'signers'>
    readonly store: Pick<TokenStore, 'claim' | 'get' | 'put'>
    readonly revocations: Pick<Revocations, 'standing'>
    readonly ready: () => boolean
    readonly clock: Clock
    readonly log: Logger
  },
): Tokens {
  const { objects, resolved, clientById, signing, store, revocations, ready, clock, log } = parts
  const clients = createLiveClients(objects, clientById)
  const servers = createAuthorizationServers(config.issuerUrl, config.tokenUrl, resolved.services)
  const now = () => Math.floor(clock.wallMs() / 1_000)
  const keyCounts = (client: ResolvedClient, key: string, at: number) => clients.key(client, key, at) !== undefined
  let made: Promise<GrantServers> | undefined
  let stop = (): void => {}

  /** As they are when it is asked: what was published when a server was made may not be any more. */
  function servicesOf({ issuer, service }: AuthorizationServer): ResolvedService[] {
    if (!service) return [...resolved.services().values()].filter(({ published }) => published)
    const current = servers.get(service.key)
    return current?.service && current.issuer === issuer ? [current.service] : []
  }

  async function makeGrantServers(): Promise<GrantServers> {
    const { createGrantServer } = await import('./grant-server.ts')
    const grantServers = createGrantServers((server, signers) => {
      const { issuer, service } = server
      const isOfOneService = service !== undefined
      const services = () => servicesOf(server)
      return createGrantServer({ issuer, signers, clients, services, isOfOneService, now, log })
    }, clock)
    stop = grantServers.stop
    return grantServers
  }

  const handler = createTokenHandler({
    servers,
    authenticator: createClientAuthenticator(clients, store),
    // oidc-provider takes 10 MB of heap, which an installation without tokens is not to pay.
    grants() {
      made ??= makeGrantServers()
      return made
    },
    given: createGivenTokens({
      keys: () => signing.current() ?? [],
      store,
      services: servicesOf,
      keyCounts,
      revocations,
    }),
    signing,
    rates: createRates(peerRate, clock),
    ready,
    now,
    log,
  })
  return { servers, handler, stop: () => stop() }
}
