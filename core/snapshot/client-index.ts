import { editMap, emptyMap, type SharedMap, type SharedMapEdit } from '../base/shared-map.ts'
import type { Steps } from '../base/steps.ts'
import type { ClientRow } from '../rows/rows.ts'
import { type ClientEntry, clientEntry } from './client-entry.ts'

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
export function* updateClients(index: ClientIndex, changes: Iterable<ClientChange>): Steps<ClientIndex> {
  const edit = {
    clients: editMap(index.clients),
    byIssuer: editMap(index.clientsByIssuer),
    byAccount: editMap(index.clientsByServiceAccount),
  }
  for (const { before, after } of changes) {
    const clientId = (after ?? before)?.clientId
    const old = clientId === undefined ? undefined : edit.clients.get(clientId)
    if (old) remove(edit, old)
    if (after) add(edit, clientEntry(after))
    yield
  }
  return {
    clients: edit.clients.finish(),
    clientsByIssuer: edit.byIssuer.finish(),
    clientsByServiceAccount: edit.byAccount.finish(),
  }
}

interface IndexEdit {
  readonly clients: SharedMapEdit<ClientEntry>
  readonly byIssuer: SharedMapEdit<readonly ClientEntry[]>
  readonly byAccount: SharedMapEdit<readonly ClientEntry[]>
}

function add(edit: IndexEdit, entry: ClientEntry): void {
  edit.clients.set(entry.row.clientId, entry)
  join(edit.byIssuer, entry.row.issuer, entry)
  for (const name of accountNames(entry.row)) join(edit.byAccount, name, entry)
}

function remove(edit: IndexEdit, entry: ClientEntry): void {
  edit.clients.delete(entry.row.clientId)
  leave(edit.byIssuer, entry.row.issuer, entry)
  for (const name of accountNames(entry.row)) leave(edit.byAccount, name, entry)
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
