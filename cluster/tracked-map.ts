import type { Steps } from '../core/base/steps.ts'

/** What became of one entry: none before when it came, none now when it went. */
export interface Difference<V> {
  readonly before: V | undefined
  readonly now: V | undefined
}

/** A map that knows what each entry was when it was told of last. */
export interface TrackedMap<V> {
  readonly values: ReadonlyMap<string, V>
  set(key: string, value: V): void
  delete(key: string): void
  /** Tells of every entry that is another now than when it was told of last, one in a step. */
  telling(): Steps<void>
  /** @returns a function that ends it */
  onDifference(handler: (key: string, difference: Difference<V>) => void): () => void
}

/** @param isSame whether nobody has to be told that one value took the place of the other */
export function createTrackedMap<V>(isSame: (a: V, b: V) => boolean): TrackedMap<V> {
  const values = new Map<string, V>()
  const before = new Map<string, V | undefined>()
  const handlers = new Set<(key: string, difference: Difference<V>) => void>()

  function remember(key: string, old: V | undefined): void {
    if (!before.has(key)) before.set(key, old)
  }

  return {
    values,
    set(key, value) {
      const old = values.get(key)
      values.set(key, value)
      if (old === undefined || !isSame(old, value)) remember(key, old)
    },
    delete(key) {
      const old = values.get(key)
      if (values.delete(key)) remember(key, old)
    },
    *telling() {
      for (const [key, old] of before) {
        before.delete(key)
        const now = values.get(key)
        // There and back again is no difference.
        if (old === now || (old !== undefined && now !== undefined && isSame(old, now))) continue
        for (const handler of handlers) handler(key, { before: old, now })
        yield
      }
    },
    onDifference(handler) {
      handlers.add(handler)
      return () => void handlers.delete(handler)
    },
  }
}
