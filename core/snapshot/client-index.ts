import { type ClientEntry, clientEntry } from './client-entry.ts'
import type { ClientRow } from './rows.ts'
import { editMap, emptyMap, type SharedMap, type SharedMapEdit } from './shared-map.ts'

/** The clients of a slice, by what tokens name them with. */
export interface ClientIndex {
  readonly clients: SharedMap<ClientEntry>
  /** Several only if the issuer made a mistake; `sub` then tells them apart. */
  readonly clientsByIssuer: SharedMap<readonly ClientEntry[]>
  /** By `namespace/name` of the service account. */
  readonly clientsByServiceAccount: SharedMap<readonly ClientEntry[]>
}

/** A client before and after a change; either may be absent. */
export interface ClientChange {
  readonly before: ClientRow | undefined
  readonly after: ClientRow | undefined
}

export const noClients: ClientIndex = {
  clients: emptyMap(),
  clientsByIssuer: emptyMap(),
  clientsByServiceAccount: emptyMap(),
}

/** Brings the indexes up to date; only what the changed clients are found by is touched. */
export function updateClients(index: ClientIndex, changes: readonly ClientChange[]): ClientIndex {
  const clients = editMap(index.clients)
  const byIssuer = editMap(index.clientsByIssuer)
  const byAccount = editMap(index.clientsByServiceAccount)
  for (const { before, after } of changes) {
    const old = before && clients.get(before.clientId)
    if (old) {
      clients.delete(old.row.clientId)
      leave(byIssuer, old.row.issuer, old)
      for (const name of accountNames(old.row)) leave(byAccount, name, old)
    }
    if (!after) continue
    const entry = clientEntry(after)
    clients.set(after.clientId, entry)
    join(byIssuer, after.issuer, entry)
    for (const name of accountNames(after)) join(byAccount, name, entry)
  }
  return {
    clients: clients.finish(),
    clientsByIssuer: byIssuer.finish(),
    clientsByServiceAccount: byAccount.finish(),
  }
}

function accountNames(row: ClientRow): Set<string> {
  return new Set((row.serviceAccounts ?? []).map(({ name }) => `${row.namespace}/${name}`))
}

function join(index: SharedMapEdit<readonly ClientEntry[]>, key: string, entry: ClientEntry): void {
  index.set(key, [...(index.get(key) ?? []), entry])
}

function leave(index: SharedMapEdit<readonly ClientEntry[]>, key: string, entry: ClientEntry): void {
  const left = (index.get(key) ?? []).filter(other => other !== entry)
  if (left.length === 0) index.delete(key)
  else index.set(key, left)
}
