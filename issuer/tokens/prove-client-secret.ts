import { hashOf, isSecret, isSecretOf } from '../../core/secret/secret.ts'
import type { Rates } from '../../platform/fair/rates.ts'
import type { LiveClients, ProvedClient } from './live-clients.ts'
import { notAuthenticated, type OAuthFault, refusedClient, slowDown } from './oauth-fault.ts'

/** Longest client id there is: what is longer is nobody's, and is not remembered. */
const longestClientId = 127
const nobodys = hashOf('')

/**
 * Proves a client by its secret, of which only the hash is here. A typo is told before anything is looked up; everything
 * else that is wrong is told alike, after the same work.
 */
export type SecretProver = (
  shown: { readonly clientId: string; readonly secret: string; readonly peer: string },
  now: number,
) => ProvedClient | OAuthFault

/** @param guesses wrong secrets that one peer may send for one client: others' are not counted with its own */
export function createSecretProver(
  clients: Pick<LiveClients, 'get' | 'secrets'>,
  guesses: Pick<Rates, 'spend'>,
): SecretProver {
  return ({ clientId, secret, peer }, now) => {
    if (!isSecret(secret)) return refusedClient('the client secret is not written as one: its checksum says so')
    if (clientId.length > longestClientId) return notAuthenticated
    const guesser = JSON.stringify([peer, clientId])
    const waitMs = guesses.spend(guesser, 0)
    if (waitMs > 0) return slowDown(waitMs, 'too many wrong secrets for this client')
    const client = clients.get(clientId)
    const held = client ? clients.secrets(client, now) : []
    // Each is compared, and one where there is none: how many there are is not to be seen in the time.
    const right = held.filter(({ key }) => isSecretOf(secret, key.hash))
    if (held.length === 0) isSecretOf(secret, nobodys)
    const [key] = right
    if (client && key) return { client, key }
    guesses.spend(guesser, 1)
    return notAuthenticated
  }
}
