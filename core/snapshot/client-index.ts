import { type CredentialKind, credentialKinds, type SecretKind } from '../base/credential-kinds.ts'
import { editMap, emptyMap, type SharedMap, type SharedMapEdit } from '../base/shared-map.ts'
import type { Steps } from '../base/steps.ts'
import type { ClientRow } from '../rows/rows.ts'
import { type ClientEntry, clientEntry } from './client-entry.ts'

/** The clients of a slice, by what tokens name them with. */
export interface ClientIndex {
  readonly clients: SharedMap<ClientEntry>
  /** By what a credential of each kind names its client with. */
  readonly clientsBy: ClientsByKind
}

/** Several of one name only if the issuer made a mistake. */
export type ClientsByKind = Readonly<Record<CredentialKind, SharedMap<readonly ClientEntry[]>>>

/** What a credential of each kind names its client with. */
const clientNames: Readonly<Record<CredentialKind, (row: ClientRow) => Iterable<string>>> = {
  ClientToken: ({ issuer }) => [issuer],
  ServiceAccountToken: ({ namespace, serviceAccounts = [] }) =>
    new Set(serviceAccounts.map(({ name }) => `${namespace}/${name}`)),
  /** By its id, as all of them are. */
  AccessToken: () => [],
  StaticSecret: row => secretIds(row, 'StaticSecret'),
  ApiKey: row => secretIds(row, 'ApiKey'),
}

function secretIds({ secrets = [] }: ClientRow, kind: SecretKind): Iterable<string> {
  return new Set(secrets.flatMap(secret => (secret.kind === kind ? secret.kid : [])))
}

/** A client before and after a change; either may be absent. */
export interface ClientChange {
  readonly before: ClientRow | undefined
  readonly after: ClientRow | undefined
}

export const noClients: ClientIndex = {
  clients: emptyMap(),
  clientsBy: ofEachKind(() => emptyMap()),
}

/** Brings the indexes up to date; only what the changed clients are found by is touched. */
export function* updateClients(index: ClientIndex, changes: Iterable<ClientChange>): Steps<ClientIndex> {
  const edit = {
    clients: editMap(index.clients),
    clientsBy: ofEachKind(kind => editMap(index.clientsBy[kind])),
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
    clientsBy: ofEachKind(kind => edit.clientsBy[kind].finish()),
  }
}

interface IndexEdit {
  readonly clients: SharedMapEdit<ClientEntry>
  readonly clientsBy: Readonly<Record<CredentialKind, SharedMapEdit<readonly ClientEntry[]>>>
}

function add(edit: IndexEdit, entry: ClientEntry): void {
  edit.clients.set(entry.row.clientId, entry)
  for (const kind of credentialKinds)
    for (const name of clientNames[kind](entry.row)) join(edit.clientsBy[kind], name, entry)
}

function remove(edit: IndexEdit, entry: ClientEntry): void {
  edit.clients.delete(entry.row.clientId)
  for (const kind of credentialKinds)
    for (const name of clientNames[kind](entry.row)) leave(edit.clientsBy[kind], name, entry)
}

function ofEachKind<T>(make: (kind: CredentialKind) => T): Record<CredentialKind, T> {
  return Object.fromEntries(credentialKinds.map(kind => [kind, make(kind)])) as Record<CredentialKind, T>
}

function join(index: SharedMapEdit<readonly ClientEntry[]>, key: string, entry: ClientEntry): void {
  index.set(key, [...(index.get(key) ?? []), entry])
}

function leave(index: SharedMapEdit<readonly ClientEntry[]>, key: string, entry: ClientEntry): void {
  const left = (index.get(key) ?? []).filter(other => other !== entry)
  if (left.length === 0) index.delete(key)
  else index.set(key, left)
}
