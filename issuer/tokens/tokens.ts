import type { Resolved } from '../../cluster/resolved.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'
import type { ResolvedService } from '../../core/registry/resolve-services.ts'
import type { ClusterRow } from '../../core/rows/rows.ts'
import type { Clock } from '../../platform/clock.ts'
import { createRates, type RateBounds } from '../../platform/fair/rates.ts'
import type { Handler } from '../../platform/http/server.ts'
import type { Logger } from '../../platform/log.ts'
import type { ServiceCallers } from '../authenticate/service-callers.ts'
import type { SigningKeys } from '../publish/signing-keys.ts'
import type { Revocations } from '../revocations/revocations.ts'
import type { TokenStore } from '../store/store.ts'
import { createAssertionPlaces } from './assertion-places.ts'
import { createClientAuthenticator } from './authenticate-client.ts'
import {
  type AuthorizationServer,
  type AuthorizationServers,
  createAuthorizationServers,
} from './authorization-servers.ts'
import { createExchanger } from './exchange.ts'
import { createGivenTokens } from './given-tokens.ts'
import { createGrantServers, type GrantServers } from './grant-servers.ts'
import { type ClientObjects, createLiveClients } from './live-clients.ts'
import { createPassOn } from './pass-on.ts'
import { createSubjectProver, type SubjectObjects } from './prove-subject.ts'
import { createAskerReader } from './service-asker.ts'
import { createTokenHandler } from './token-handler.ts'

/** Wrong secrets that one peer may send for one client: a guess of 256 bits has no chance, and is not to be cheap either. */
const guessRate: RateBounds = { perSecond: 1, burst: 10 }

/** Twice of what may be asked in a second, at once: a rollout asks for all its tokens together. */
const rateOf = (perSecond: number): RateBounds => ({ perSecond, burst: 2 * perSecond })

export interface TokensConfig {
  readonly issuerUrl: string
  readonly tokenUrl: string
  /** Requests a second, of one peer and of one client. Who keeps to it leaves the loop to the snapshots, which this process serves too. */
  readonly peerRate: number
  readonly clientRate: number
  /** Assertions of one client at one server that are in the store. */
  readonly assertionsOfClient: number
}

/** The OAuth endpoints of a replica. */
export interface Tokens {
  readonly servers: AuthorizationServers
  readonly handler: Handler
  stop(): void
}

export function createTokens(
  config: TokensConfig,
  parts: {
    readonly objects: ClientObjects & SubjectObjects
    readonly resolved: Pick<Resolved, 'clients' | 'services'>
    /** Issuer and keys of the cluster's service account tokens. */
    readonly cluster: () => ClusterRow | undefined
    readonly callers: ServiceCallers
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
  const clients = createLiveClients(objects, resolved, clientById)
  const servers = createAuthorizationServers(config.issuerUrl, config.tokenUrl, resolved.services)
  const now = () => Math.floor(clock.wallMs() / 1_000)
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

  const authenticator = createClientAuthenticator({
    clients,
    store,
    places: createAssertionPlaces(config.assertionsOfClient),
    rates: createRates(rateOf(config.clientRate), clock),
    guesses: createRates(guessRate, clock),
  })
  const given = createGivenTokens({
    ...{ store, clients, revocations, services: servicesOf },
    keys: () => signing.current() ?? [],
  })
  const readAsker = createAskerReader(parts.callers)
  const exchange = createExchanger({
    authenticator,
    proveSubject: createSubjectProver({ objects, clients, cluster: parts.cluster }),
    readAsker,
    passOn: createPassOn({ servers, given, clients }),
    isOurs: issuer => servers.ofIssuer(issuer) !== undefined,
  })
  const handler = createTokenHandler({
    ...{ servers, authenticator, exchange, readAsker, given, signing, ready, now, log },
    // oidc-provider takes 10 MB of heap, which an installation without tokens is not to pay.
    grants() {
      made ??= makeGrantServers()
      return made
    },
    rates: createRates(rateOf(config.peerRate), clock),
  })
  return { servers, handler, stop: () => stop() }
}
