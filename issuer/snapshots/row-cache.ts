import type { Resolved } from '../../cluster/resolved.ts'
import type { AccessGrant } from '../../core/api/access-grant.ts'
import { keyOf } from '../../core/registry/ids.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'
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

/**
 * Rows that several slices share or that one slice needs again. Bounded by the objects that exist: whoever changes an
 * object, or what it means, has it forgotten.
 */
export function createRowCache(objects: Objects, resolved: Pick<Resolved, 'clients'>) {
  const grants = new Map<string, GivenGrant | undefined>()
  const rows = new Map<string, Map<string, ClientRow>>()
  const keys = new Map<string, readonly ClientKey[]>()

  function keysOf(client: ResolvedClient): readonly ClientKey[] {
    const known = keys.get(client.key) ?? clientKeys(client, objects.by.keysOfClient.get(client.key))
    keys.set(client.key, known)
    return known
  }

  return {
    keysOf,
    grantRow(grant: AccessGrant): GivenGrant | undefined {
      const key = keyOf(grant)
      if (!grants.has(key)) grants.set(key, grantRow(grant, resolved.clients()))
      return grants.get(key)
    },
    clientRow(client: ResolvedClient, namespace: string): ClientRow {
      const known = rows.get(client.key) ?? new Map<string, ClientRow>()
      rows.set(client.key, known)
      const row =
        known.get(namespace) ??
        clientRow(client, namespace, {
          keys: keysOf(client),
          serviceAccounts: serviceAccountRows(client, objects.serviceAccounts.store, objects.by.podsOfAccount.get),
        })
      known.set(namespace, row)
      return row
    },
    forgetGrant: (key: string) => void grants.delete(key),
    forgetClient(key: string): void {
      rows.delete(key)
      keys.delete(key)
    },
  }
}
