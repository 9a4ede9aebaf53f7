import { editMap, emptyMap, lookup, type SharedMap, valuesOf } from '../base/shared-map.ts'
import { finish, type Steps } from '../base/steps.ts'
import { type CompiledPolicy, compilingPolicy } from '../matching/compile.ts'
import type { Frame } from '../rows/frames.ts'
import type { RoleRow, Row, ServiceRow } from '../rows/rows.ts'
import {
  type AccessTokensEntry,
  accessTokensEntry,
  type ClientEntry,
  type ClusterEntry,
  clusterEntry,
} from './client-entry.ts'
import { type ClientIndex, type ClientsByKind, noClients, updateClients } from './client-index.ts'
import { type ClientGrants, updateGrants } from './grant-index.ts'
import { emptyStore, type RowChange, type RowStore, updateRows } from './row-store.ts'

export type { ClientEntry, ClusterEntry } from './client-entry.ts'
export type { ClientGrants } from './grant-index.ts'

/** What a guard decides from. Never changes: another one takes its place. */
export interface Snapshot {
  /** Its own for every snapshot: what is remembered of one does not hold for another. */
  readonly mark: object
  /** Content hash of the slice, 64 hex characters. */
  readonly hash: string
  /** The first 12 characters of the hash: what people see. */
  readonly revision: string
  /** Absent when this version cannot read the service row; then everything is denied. */
  readonly service: ServiceRow | undefined
  /** Absent when nothing may be decided from it; then everything is denied. */
  readonly policy: CompiledPolicy | undefined
  readonly cluster: ClusterEntry | undefined
  /** Absent where the service takes no access tokens. */
  readonly accessTokens: AccessTokensEntry | undefined
  readonly clients: SharedMap<ClientEntry>
  /** By what a credential of each kind names its client with: the issuer, `namespace/name` of the service account. */
  readonly clientsBy: ClientsByKind
  readonly grantsByClient: SharedMap<ClientGrants>
  /** By name. */
  readonly roles: SharedMap<RoleRow>
  /** Keys of rows that hold something this version does not know, with the release that does, where they say so. */
  readonly unsupported: ReadonlyMap<string, string | undefined>
}

export type FullFrame = Extract<Frame, { full: unknown }>
export type DeltaFrame = Extract<Frame, { delta: unknown }>

export interface SnapshotBuilder {
  /**
   * Applies a frame as a whole or not at all. `mismatch`: the rows do not add up to the frame's hash, nothing changed,
   * ask for the whole slice again (hello without seen and hash).
   */
  apply(frame: FullFrame | DeltaFrame): 'applied' | 'mismatch'
  /** The same in steps, with nothing changed before the last one. One frame at a time. */
  applying(frame: FullFrame | DeltaFrame): Steps<'applied' | 'mismatch'>
  /** Hash of what is held, 64 hex characters; 64 zeros when nothing is. */
  hash(): string
  /** undefined until a service row came. The same object until the next change. */
  snapshot(): Snapshot | undefined
  /** Every row held, as it came (also those that are not understood), in the order of their keys. */
  rows(): Row[]
  /** The same in no order, and as they were at the call however long it takes to go through them. */
  eachRow(): Iterable<Row>
}

/** What is held, all of it immutable, so that a frame that does not add up leaves no trace. */
interface State {
  readonly store: RowStore
  readonly index: ClientIndex
  readonly grants: SharedMap<ClientGrants>
  readonly roles: SharedMap<RoleRow>
  readonly service: ServiceRow | undefined
  readonly policy: CompiledPolicy | undefined
  readonly cluster: ClusterEntry | undefined
  readonly accessTokens: AccessTokensEntry | undefined
}

const nothing: State = {
  store: emptyStore,
  index: noClients,
  grants: emptyMap(),
  roles: emptyMap(),
  service: undefined,
  policy: undefined,
  cluster: undefined,
  accessTokens: undefined,
}

/**
 * Builds snapshots from frames. One changed row costs that row's work: clients and grants are indexed incrementally,
 * the policy is compiled again only when the service or a role changed, and snapshots share what they have in common.
 */
export function createSnapshotBuilder(): SnapshotBuilder {
  let state = nothing
  let snapshot: Snapshot | undefined

  function* applying(frame: FullFrame | DeltaFrame): Steps<'applied' | 'mismatch'> {
    const isFull = 'full' in frame
    const { store, changes } = yield* updateRows(
      isFull ? emptyStore : state.store,
      isFull ? frame.full.rows : frame.delta.upsert,
      isFull ? [] : frame.delta.remove,
    )
    if (store.hash !== frame.hash) return 'mismatch'
    state = yield* advance(isFull ? nothing : state, store, changes)
    snapshot = snapshotOf(state)
    return 'applied'
  }

  return {
    applying,
    apply: frame => finish(applying(frame)),
    hash: () => state.store.hash,
    snapshot: () => snapshot,
    rows: () =>
      [...valuesOf(state.store.rows)].sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ value }) => value as Row),
    eachRow: () => eachValue(state.store),
  }
}

function* eachValue({ rows }: RowStore): Generator<Row> {
  for (const { value } of valuesOf(rows)) yield value as Row
}

function* advance(state: State, store: RowStore, changes: readonly RowChange[]): Steps<State> {
  const index = yield* updateClients(state.index, ofType(changes, 'client'))
  const grants = yield* updateGrants(state.grants, ofType(changes, 'grant'))
  const roles = updateRoles(state.roles, ofType(changes, 'role'))
  const next = { ...state, store, index, grants, roles }
  const cluster = changes.find(({ key }) => key === 'cluster')
  if (cluster) next.cluster = cluster.after?.row?.type === 'cluster' ? clusterEntry(cluster.after.row) : undefined
  const service = changes.find(({ key }) => key === 'service')
  if (service) {
    next.service = service.after?.row?.type === 'service' ? service.after.row : undefined
    next.accessTokens = next.service && accessTokensEntry(next.service)
  }
  return changes.some(touchesPolicy) ? { ...next, policy: yield* compiling(next) } : next
}

/** Rows of a type that this version does not know touch everything. */
const namesNoPolicy = /^(?:(?:grant|client)\/|cluster$)/
const namesOneThing = /^(?:(?:role|grant|client)\/|cluster$)/

function touchesPolicy({ key }: RowChange): boolean {
  return !namesNoPolicy.test(key)
}

function* compiling({ service, roles, store }: State): Steps<CompiledPolicy | undefined> {
  if (!service) return undefined
  for (const key of store.unsupported.keys()) if (!namesOneThing.test(key)) return undefined
  const policy = yield* compilingPolicy(service, valuesOf(roles))
  return 'fault' in policy ? undefined : policy
}

function snapshotOf({
  store,
  index,
  grants,
  roles,
  service,
  policy,
  cluster,
  accessTokens,
}: State): Snapshot | undefined {
  if (!lookup(store.rows, 'service')) return undefined
  return {
    mark: {},
    hash: store.hash,
    revision: store.hash.slice(0, 12),
    service,
    policy,
    cluster,
    accessTokens,
    ...index,
    grantsByClient: grants,
    roles,
    unsupported: store.unsupported,
  }
}

interface TypedChange<R> {
  readonly before: R | undefined
  readonly after: R | undefined
}

/** The changes of rows of one type, as far as they are understood. */
function* ofType<T extends Row['type']>(
  changes: readonly RowChange[],
  type: T,
): Generator<TypedChange<Extract<Row, { readonly type: T }>>> {
  type R = Extract<Row, { readonly type: T }>
  const typed = (row: Row | undefined) => (row?.type === type ? (row as R) : undefined)
  for (const { before, after } of changes) {
    if (before?.row?.type !== type && after?.row?.type !== type) continue
    yield { before: typed(before?.row), after: typed(after?.row) }
  }
}

function updateRoles(roles: SharedMap<RoleRow>, changes: Iterable<TypedChange<RoleRow>>): SharedMap<RoleRow> {
  const edit = editMap(roles)
  for (const { before, after } of changes) {
    if (before) edit.delete(before.name)
    if (after) edit.set(after.name, after)
  }
  return edit.finish()
}
