import type { FollowedType, RecordType } from '../../core/base/record-types.ts'

/**
 * State that all replicas of the token server share, and that outlives them. Whatever cannot be said for sure is thrown
 * as a StoreError: no operation ever guesses.
 */
export interface TokenStore {
  /**
   * Creates the record if there is none: of any number of claims at any replicas exactly one is `claimed` until the record
   * has ended. For ids that may be used once.
   */
  claim(key: RecordKey, record: NewRecord): Promise<'claimed' | 'held'>
  /** Creates the record, or puts this one in its place. */
  put(key: RecordKey, record: NewRecord): Promise<void>
  /** @returns undefined when there is none, or it has ended */
  get(key: RecordKey): Promise<StoredRecord | undefined>
  /** Removes the record and gives it to exactly one of all who take it. @returns undefined when there is none, or it has ended */
  take(key: RecordKey): Promise<StoredRecord | undefined>
  /** The records of one type and tenant that have not ended, in no order, read page by page. Ids are not among what is known. */
  list(type: RecordType, tenant: Tenant): AsyncIterable<StoredRecord>
  /** Tells of all records of a type until it is stopped, begun at once. */
  follow(type: FollowedType, follower: Follower): Feed
  /** Why the replica should get no traffic: what was not read yet, or a setting of the store and what to change it to. */
  fault(): string | undefined
  start(): void
  stop(): Promise<void>
}

/** Called with each record; more than once with some. Must be quick, and must not throw. */
export type Follower = (record: StoredRecord) => void

/**
 * What a replica is told of the records of one type, of all tenants: those that are there, then each that is put, by whichever
 * replica. That one was taken or has ended is not told.
 */
export interface Feed {
  /** Under which what it has come to is compared between replicas. */
  readonly name: string
  /** How far it has come; undefined while that cannot be said. Replicas at one store count alike. */
  progress(): string | undefined
  /** Resolves when all that was there was told; rejects when the signal fires. */
  whenRead(signal: AbortSignal): Promise<void>
  /** Since when records may be missing, seconds since epoch: 0 before the first were read. Undefined while none are. */
  unknownSince(): number | undefined
  /** Calls back with how far it has come: after everything was told first, and after each record. @returns a function that ends it */
  onTold(handler: (version: string) => void): () => void
  /** The same, also when nothing was put. @returns a function that ends it */
  onProgress(handler: () => void): () => void
  /** Has the store say soon how far it is, where that would take long otherwise. */
  askProgress(): void
  stop(): Promise<void>
}

/** What names a record. Records of other types or tenants are others, whatever their ids. */
export interface RecordKey {
  readonly type: RecordType
  readonly tenant: Tenant
  /** May be a secret: the store sees its hash only. */
  readonly id: string
}

/** The endpoint of the installation, or a GuardedService, by its metadata: one that was made anew inherits nothing. */
export type Tenant = 'installation' | { readonly uid?: string }

export interface NewRecord {
  /** Seconds since epoch. */
  readonly endsAt: number
  /** At most 16 KiB as JSON. Secrets in it are hashes: whoever reads the store must not be able to use them. */
  readonly value?: RecordValue
}

export type RecordValue = Readonly<Record<string, unknown>>

export interface StoredRecord {
  readonly endsAt: number
  readonly value: RecordValue | undefined
}

/** How many records of one type may be there. What is beyond is refused; nothing that is there goes. */
export interface Bounds {
  readonly tenant: number
  readonly sum: number
}

/** Why the store did not do what it was asked. Each is told to the caller as 503 but the last, which is 400. */
const refusals = {
  store_unavailable: 'the store did not answer in time, or not at all',
  store_unsafe: 'the store might forget what it is told; its settings have to be changed',
  store_full: 'as many records of this type are there as may be',
  tenant_full: 'as many records of this type and tenant are there as may be',
  value_too_large: 'the value is larger than a record may be',
} as const

export type StoreReason = keyof typeof refusals

export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly reason: StoreReason

  /** @param cause names no id and no value: errors end in logs */
  constructor(reason: StoreReason, cause?: unknown) {
    super(`token store: ${refusals[reason]}`, cause === undefined ? {} : { cause })
    this.reason = reason
  }
}

/**
 * How much longer than told a record stays, and holds its place: clocks of replicas and of whoever signed an assertion differ by
 * less. It is not read any more, but nobody can claim its id either.
 */
export const graceSeconds = 60
