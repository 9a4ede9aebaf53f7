import type { AccessGrant } from '../../core/api/access-grant.ts'
import {
  type ClientKey,
  clientKeys,
  clientRow,
  clientSecretBounds,
  clientSecrets,
  noCredentials,
  type Revoked,
  type ServiceName,
  serviceAccountRows,
} from '../../core/registry/client-row.ts'
import { keyOf, referenceKey } from '../../core/registry/ids.ts'
import { identityOf, type ResolvedClient } from '../../core/registry/resolve-clients.ts'
import type { BoundedSecret, ClientSecret } from '../../core/registry/secrets.ts'
import { type GivenGrant, grantRow } from '../../core/registry/slice.ts'
import type { ClientRow } from '../../core/rows/rows.ts'
import type { Objects } from '../objects.ts'

/** What was made of one client. */
interface MadeOfClient {
  keys?: readonly ClientKey[] | undefined
  secrets?: readonly ClientSecret[] | undefined
  clientSecrets?: readonly BoundedSecret[] | undefined
  /** By the namespace that knows it so; of one with secrets by the service, `namespace/name`; see `placeOf`. */
  readonly rows: Map<string, ClientRow>
}

/** What is known of the access tokens of a client at a service that takes them; undefined where it takes none. */
export type TokensOfClients = (clientId: string, service: ServiceName) => Revoked | undefined

const noTokens: TokensOfClients = () => undefined

export type RowCache = ReturnType<typeof createRowCache>

/**
 * Rows that several slices share or that one slice needs again. Bounded by the objects that exist: whoever changes an
 * object, or what it means, has it forgotten.
 * @param clients kept in step with the objects by whoever settles them
 * @param now seconds since epoch
 */
export function createRowCache(
  objects: Objects,
  clients: ReadonlyMap<string, ResolvedClient>,
  now: () => number,
  tokens: TokensOfClients = noTokens,
) {
  const grants = new Map<string, { readonly of: AccessGrant; readonly given: GivenGrant | undefined }>()
  const made = new Map<string, MadeOfClient>()

  function madeOf({ key }: ResolvedClient): MadeOfClient {
    const known = made.get(key)
    if (known) return known
    const fresh: MadeOfClient = { rows: new Map() }
    made.set(key, fresh)
    return fresh
  }

  function keysOf(client: ResolvedClient): readonly ClientKey[] {
    const known = madeOf(client)
    known.keys ??= clientKeys(client, objects.by.keysOfClient.get(client.key))
    return known.keys
  }

  function secretsOf(client: ResolvedClient): readonly ClientSecret[] {
    const known = madeOf(client)
    known.secrets ??= clientSecrets(client, objects.by.keysOfClient.get(client.key))
    return known.secrets
  }

  /** Where what a service takes changes, its rows are others at once. */
  function placeOf(client: ResolvedClient, service: ServiceName, revoked: Revoked | undefined): string {
    if (revoked) return `${referenceKey(service)} tokens`
    return secretsOf(client).length === 0 ? service.namespace : referenceKey(service)
  }

  function clientSecretsOf(client: ResolvedClient): readonly BoundedSecret[] {
    const known = madeOf(client)
    known.clientSecrets ??= clientSecretBounds(client, objects.by.keysOfClient.get(client.key))
    return known.clientSecrets
  }

  function makeRow(client: ResolvedClient, service: ServiceName, revoked: Revoked | undefined): ClientRow {
    const serviceAccounts = serviceAccountRows(
      client,
      objects.serviceAccounts.store,
      objects.by.podsOfAccount.get,
      now(),
    )
    return clientRow(client, service, {
      keys: keysOf(client),
      secrets: secretsOf(client),
      serviceAccounts,
      ...(revoked && { accessTokens: { clientSecrets: clientSecretsOf(client), revoked } }),
    })
  }

  return {
    grantRow(grant: AccessGrant): GivenGrant | undefined {
      const key = keyOf(grant)
      const known = grants.get(key)
      // A slice that is being made may still be made of the grant as it was before.
      if (known?.of === grant) return known.given
      const given = grantRow(grant, clients)
      // One that went since would never be forgotten.
      if (objects.grants.store.get(key) === grant) grants.set(key, { of: grant, given })
      return given
    },
    /**
     * The client as it is now, whenever its grants were looked at. Where another one has its place, or none, it can prove
     * itself with nothing until the slice is made again.
     */
    clientRow(client: ResolvedClient, service: ServiceName): ClientRow {
      const now = clients.get(client.key)
      if (!now?.accepted || identityOf(now) !== identityOf(client)) {
        return clientRow(client, service, noCredentials)
      }
      const { rows } = madeOf(client)
      const revoked = tokens(now.clientId, service)
      const place = placeOf(now, service, revoked)
      const row = rows.get(place) ?? makeRow(now, service, revoked)
      rows.set(place, row)
      return row
    },
    forgetGrant: (key: string) => void grants.delete(key),
    forgetClient(key: string): void {
      if (!clients.has(key)) return void made.delete(key)
      const known = made.get(key)
      if (!known) return
      known.keys = undefined
      known.secrets = undefined
      known.clientSecrets = undefined
      known.rows.clear()
    },
  }
}
