import type { Resolved } from '../../cluster/resolved.ts'
import { accountPrefix } from '../../core/credential/access-token-claims.ts'
import { type ClientKey, clientEndpointSecrets, clientKeys } from '../../core/registry/client-row.ts'
import { type GrantedHere, grantedHere } from '../../core/registry/granted-here.ts'
import { keyOf } from '../../core/registry/ids.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'
import type { ResolvedService } from '../../core/registry/resolve-services.ts'
import type { EndpointSecret } from '../../core/registry/secrets.ts'
import type { KeyBounds } from '../../core/rows/rows.ts'
import type { Objects } from '../objects.ts'

/** Who may ask for tokens now. Nothing is remembered: what was suspended, revoked or deleted counts at the next request. */
export interface LiveClients {
  /** An accepted client that is not suspended. */
  get(clientId: string): ResolvedClient | undefined
  /** The one that holds a service account; nobody is proved by that. */
  ofAccount(namespace: string, name: string): ResolvedClient | undefined
  /** One of its keys that counts now. @param now seconds since epoch */
  key(client: ResolvedClient, kid: string, now: number): ClientKey | undefined
  /** Its secrets for token endpoints that count now: two while one takes the place of the other. */
  secrets(client: ResolvedClient, now: number): readonly EndpointSecret[]
  /** What of both has this id, or the service account that the client has. */
  provingKey(client: ResolvedClient, kid: string, now: number): ProvingKey | undefined
  /** What it has at a service, by this key. */
  granted(service: ResolvedService, by: ProvedClient, now: number): GrantedHere | undefined
}

/** A client that proved to be it. */
export interface ProvedClient {
  readonly client: ResolvedClient
  readonly key: ProvingKey
}

/** What it proved itself with: a key, or else a service account. */
export interface ProvingKey extends Pick<ClientKey, 'roles'> {
  /** `serviceaccount:<name>`. */
  readonly account?: string
  readonly key?: Pick<KeyBounds, 'kid' | 'notBefore'>
}

export type ClientObjects = Pick<Objects, 'roles'> & {
  readonly by: Pick<Objects['by'], 'keysOfClient' | 'grantsOfClient' | 'clientsOfAccount'>
}

/** @param clientById accepted clients; whoever is none any more is none at once */
export function createLiveClients(
  objects: ClientObjects,
  resolved: Pick<Resolved, 'clients'>,
  clientById: (clientId: string) => ResolvedClient | undefined,
): LiveClients {
  const keysOf = ({ key }: ResolvedClient) => objects.by.keysOfClient.get(key)

  function get(clientId: string): ResolvedClient | undefined {
    const client = clientById(clientId)
    return client?.suspended ? undefined : client
  }

  function key(client: ResolvedClient, kid: string, now: number): ClientKey | undefined {
    return clientKeys(client, keysOf(client)).find(({ key }) => key.kid === kid && isLive(key, now))
  }

  function secrets(client: ResolvedClient, now: number): EndpointSecret[] {
    return clientEndpointSecrets(client, keysOf(client)).filter(({ key }) => isLive(key, now))
  }

  return {
    ...{ get, key, secrets },
    ofAccount(namespace, name) {
      for (const one of objects.by.clientsOfAccount.get(`${namespace}/${name}`)) {
        const { clientId } = resolved.clients().get(keyOf(one)) ?? {}
        const client = clientId === undefined ? undefined : get(clientId)
        if (client?.key === keyOf(one) && client.serviceAccounts.includes(name)) return client
      }
      return undefined
    },
    provingKey(client, kid, now) {
      const known = client.serviceAccounts.some(name => kid === `${accountPrefix}${name}`)
      if (known) return { account: kid }
      return key(client, kid, now) ?? secrets(client, now).find(secret => secret.key.kid === kid)
    },
    granted(service, by, now) {
      const grants = objects.by.grantsOfClient.get(by.client.key)
      return grantedHere(service, by, { grants, role: name => objects.roles.store.get(name) }, now)
    },
  }
}

function isLive({ revoked, notAfter }: KeyBounds, now: number): boolean {
  return !revoked && (notAfter === undefined || now < notAfter)
}
