import { type Rates, takeOne } from '../../platform/fair/rates.ts'
import type { TokenStore } from '../store/store.ts'
import type { AssertionPlaces } from './assertion-places.ts'
import type { AuthorizationServer } from './authorization-servers.ts'
import { type ClientRequest, notShown, readMechanism } from './client-mechanism.ts'
import type { LiveClients, ProvedClient } from './live-clients.ts'
import { challenged, isFault, type OAuthFault, refusedClient, slowDown } from './oauth-fault.ts'
import { createAssertionProver, type ProvedAssertion } from './prove-assertion.ts'
import { createSecretProver } from './prove-client-secret.ts'

/** Proves who asks, by its secret, or by an assertion that is used up with that. */
export interface ClientAuthenticator {
  /** @param now seconds since epoch @throws StoreError when it cannot be known whether the assertion was used before */
  authenticate(request: ClientRequest, server: AuthorizationServer, now: number): Promise<ProvedClient | OAuthFault>
  /** One more request of a client that was proved. @returns a fault when it makes more than it may */
  admit(clientId: string): OAuthFault | undefined
}

export function createClientAuthenticator(parts: {
  readonly clients: LiveClients
  readonly store: Pick<TokenStore, 'claim'>
  readonly places: AssertionPlaces
  /** Requests that one client may make. */
  readonly rates: Pick<Rates, 'spend'>
  readonly guesses: Pick<Rates, 'spend'>
}): ClientAuthenticator {
  const { clients, store, places, rates, guesses } = parts
  const proveAssertion = createAssertionProver(clients)
  const proveSecret = createSecretProver(clients, guesses)

  function admit(clientId: string): OAuthFault | undefined {
    const waitMs = takeOne(rates, clientId)
    return waitMs === 0 ? undefined : slowDown(waitMs, 'too many requests of one client')
  }

  async function useUp({ client, claims }: ProvedAssertion, { tenant }: AuthorizationServer, now: number) {
    const { clientId } = client.client
    const place = places.take({ tenant, clientId }, claims.endsAt, now)
    if (!place)
      return slowDown(1_000, 'too many assertions of one client are remembered: use its tokens until they end')
    // No client can use up an id of another, whatever the two are.
    const id = JSON.stringify([clientId, claims.jti])
    const claim = await store.claim({ type: 'Assertion', tenant, id }, { endsAt: claims.endsAt })
    if (claim === 'claimed') return client
    place.free()
    return refusedClient('the assertion was used before')
  }

  return {
    admit,
    async authenticate(request, server, now) {
      const shown = readMechanism(request) ?? notShown
      if (isFault(shown)) return shown
      if (shown.by === 'secret') {
        const proved = proveSecret({ ...shown, peer: request.peer }, now)
        if (!isFault(proved)) return admit(proved.client.clientId) ?? proved
        return shown.inHeader && proved.error === 'invalid_client' ? challenged(proved.description) : proved
      }
      const proved = proveAssertion(shown.text, server, now)
      if (isFault(proved)) return proved
      const { clientId } = proved.client.client
      const named = request.form.get('client_id')
      // RFC 7521 section 4.2: who is named beside the assertion must be its subject.
      if (named !== undefined && named !== clientId)
        return refusedClient('client_id is not the client of the assertion')
      return admit(clientId) ?? (await useUp(proved, server, now))
    },
  }
}
