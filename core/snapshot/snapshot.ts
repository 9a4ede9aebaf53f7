import type { KeyObject } from 'node:crypto'
import type { CompiledPolicy } from '../policy/compile.ts'
import type { Frame } from './frames.ts'
import type { ClientRow, ClusterRow, GrantRow, KeyRow, Row, ServiceRow } from './rows.ts'
import type { SharedMap } from './shared-map.ts'

/** A key that is imported on first use and kept; `null`: it cannot be used. */
export interface KeyEntry<R> {
  readonly row: R
  imported: KeyObject | null | undefined
}

export interface ClientEntry {
  readonly row: ClientRow
  readonly keys: readonly KeyEntry<KeyRow>[]
}

export interface ClusterEntry {
  readonly issuer: string
  readonly keys: readonly KeyEntry<ClusterRow['keys'][number]>[]
}

/** The grants of one client, sorted by role, then name. */
export interface ClientGrants {
  readonly grants: readonly GrantRow[]
  /** Names of their roles, each once. */
  readonly roles: readonly string[]
  /** Whether one of them ends some day. */
  readonly ends: boolean
}

/** What a guard decides from. Never changes: a new one takes its place. */
export interface Snapshot {
  /** Content hash of the slice, 64 hex characters. */
  readonly hash: string
  /** The first 12 characters of the hash: what people see. */
  readonly revision: string
  /** Absent when this version cannot read the service row; then everything is denied. */
  readonly service: ServiceRow | undefined
  readonly policy: CompiledPolicy | undefined
  readonly cluster: ClusterEntry | undefined
  readonly clients: SharedMap<ClientEntry>
  readonly clientsByIssuer: SharedMap<readonly ClientEntry[]>
  /** By `namespace/name` of the service account. */
  readonly clientsByServiceAccount: SharedMap<readonly ClientEntry[]>
  readonly grantsByClient: SharedMap<ClientGrants>
  /** Keys of rows that hold a field this version does not know. */
  readonly unsupported: ReadonlySet<string>
}

export type FullFrame = Extract<Frame, { full: unknown }>
export type DeltaFrame = Extract<Frame, { delta: unknown }>

export interface SnapshotBuilder {
  /**
   * Applies a frame as a whole or not at all. `mismatch`: the rows do not add up to the frame's hash, nothing changed,
   * ask for the whole slice again (hello without seen and hash).
   */
  apply(frame: FullFrame | DeltaFrame): 'applied' | 'mismatch'
  /** Hash of what is held, 64 hex characters; 64 zeros when nothing is. */
  hash(): string
  /** undefined until a service row came. The same object until the next apply. */
  snapshot(): Snapshot | undefined
  /** Every row held, as it came (also those that are not understood), in the order of their keys. */
  rows(): Row[]
}

export function createSnapshotBuilder(): SnapshotBuilder {
  throw new Error('being written')
}
