import type { StoredRecord } from './store.ts'

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
  stop(): Promise<void>
}

/** Handlers that are called in turn. */
export function createHandlers<T>() {
  const handlers = new Set<(value: T) => void>()
  return {
    call(value: T): void {
      for (const handler of handlers) handler(value)
    },
    add(handler: (value: T) => void): () => void {
      handlers.add(handler)
      return () => void handlers.delete(handler)
    },
  }
}
