import type { AccessGrant } from '../../core/api/access-grant.ts'
import { keyOf } from '../../core/registry/ids.ts'
import { identityOf, type ResolvedClient } from '../../core/registry/resolve-clients.ts'
import {
  type ClientKey,
  clientKeys,
  clientRow,
  type GivenGrant,
  grantRow,
  serviceAccountRows,
} from '../../core/registry/slice.ts'
import type { ClientRow } from '../../core/rows/rows.ts'
import type { Objects } from '../objects.ts'

/** What was made of one client. */
interface MadeOfClient {
  keys?: readonly ClientKey[] | undefined
  /** By the namespace that knows it so. */
  readonly rows: Map<string, ClientRow>
}

export type RowCache = ReturnType<typeof createRowCache>

/**
 * Rows that several slices share or that one slice needs again. Bounded by the objects that exist: whoever changes an
 * object, or what it means, has it forgotten.
 */
/**
 * @param clients kept in step with the objects by whoever settles them
 * @param now seconds since epoch
 */
export function createRowCache(objects: Objects, clients: ReadonlyMap<string, ResolvedClient>, now: () => number) {
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

  function makeRow(client: ResolvedClient, namespace: string): ClientRow {
    const serviceAccounts = serviceAccountRows(
      client,
      objects.serviceAccounts.store,
      objects.by.podsOfAccount.get,
      now(),
    )
    return clientRow(client, namespace, { keys: keysOf(client), serviceAccounts })
  }

  return {
    keysOf,
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
    clientRow(client: ResolvedClient, namespace: string): ClientRow {
      const now = clients.get(client.key)
      if (!now?.accepted || identityOf(now) !== identityOf(client)) {
        return clientRow(client, namespace, { keys: [], serviceAccounts: [] })
      }
      const { rows } = madeOf(client)
      const row = rows.get(namespace) ?? makeRow(now, namespace)
      rows.set(namespace, row)
      return row
    },
    forgetGrant: (key: string) => void grants.delete(key),
    forgetClient(key: string): void {
      if (!clients.has(key)) return void made.delete(key)
      const known = made.get(key)
      if (!known) return
      known.keys = undefined
      known.rows.clear()
    },
  }
}
