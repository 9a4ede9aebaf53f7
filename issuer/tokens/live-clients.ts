import { type ClientKey, clientKeys } from '../../core/registry/client-row.ts'
import { type GrantedHere, grantedHere } from '../../core/registry/granted-here.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'
import type { ResolvedService } from '../../core/registry/resolve-services.ts'
import type { Objects } from '../objects.ts'

/** Who may ask for tokens now. Nothing is remembered: what was suspended, revoked or deleted counts at the next request. */
export interface LiveClients {
  /** An accepted client that is not suspended. */
  get(clientId: string): ResolvedClient | undefined
  /** One of its keys that counts now. @param now seconds since epoch */
  key(client: ResolvedClient, kid: string, now: number): ClientKey | undefined
  /** What it has at a service, by this key. */
  granted(service: ResolvedService, by: ProvedClient, now: number): GrantedHere | undefined
}

/** A client that proved to be it. */
export interface ProvedClient {
  readonly client: ResolvedClient
  readonly key: ClientKey
}

/** @param clientById accepted clients; whoever is none any more is none at once */
export function createLiveClients(
  objects: Pick<Objects, 'roles'> & { readonly by: Pick<Objects['by'], 'keysOfClient' | 'grantsOfClient'> },
  clientById: (clientId: string) => ResolvedClient | undefined,
): LiveClients {
  return {
    get(clientId) {
      const client = clientById(clientId)
      return client?.suspended ? undefined : client
    },
    key(client, kid, now) {
      const keys = clientKeys(client, objects.by.keysOfClient.get(client.key))
      return keys.find(
        ({ key }) => key.kid === kid && !key.revoked && (key.notAfter === undefined || now < key.notAfter),
      )
    },
    granted(service, by, now) {
      const grants = objects.by.grantsOfClient.get(by.client.key)
      return grantedHere(service, by, { grants, role: key => objects.roles.store.get(key) }, now)
    },
  }
}
