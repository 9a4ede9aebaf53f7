import type { RecordType } from '../../../core/base/record-types.ts'
import { type Bounds, StoreError } from '../store.ts'

type Of = { readonly type: RecordType; readonly tenant: string }

/**
 * How many records are there, as far as this replica knows: what the last look at all of them found, and what it wrote
 * since. Where it cannot know it counts too much, which refuses a while longer than it has to. What other replicas wrote
 * since the last look is not in it.
 */
export interface Tally {
  /** Takes a place for a record that is about to be created. @throws StoreError store_full or tenant_full */
  reserve(of: Of): Place
  /** Begins a look at all records: each of them is told, and then that this is all. */
  recount(): { found(of: Of): void; done(): void }
}

export interface Place {
  /** The record was created, or nobody knows. */
  keep(): void
  /** Nothing was created. */
  free(): void
}

export function createTally(bounds: Bounds): Tally {
  let counts = new Map<string, number>()
  /** Reserved, and nothing said yet. */
  const pending = new Map<string, number>()
  /** Reserved or pending while a look is under way: it may have passed by. */
  let meanwhile: Map<string, number> | undefined

  return {
    reserve(of) {
      if ((counts.get(`${of.type} ${of.tenant}`) ?? 0) >= bounds.tenant) throw new StoreError('tenant_full')
      if ((counts.get(of.type) ?? 0) >= bounds.sum) throw new StoreError('store_full')
      const counted = [counts, ...(meanwhile ? [meanwhile] : [])]
      for (const each of [pending, ...counted]) add(each, of, 1)
      return {
        keep: () => add(pending, of, -1),
        free() {
          for (const each of [pending, ...counted]) add(each, of, -1)
        },
      }
    },
    recount() {
      const found = new Map<string, number>()
      const passed = new Map(pending)
      meanwhile = passed
      return {
        found: of => add(found, of, 1),
        done() {
          for (const [key, count] of passed) found.set(key, (found.get(key) ?? 0) + count)
          counts = found
          meanwhile = undefined
        },
      }
    },
  }
}

function add(counted: Map<string, number>, { type, tenant }: Of, step: 1 | -1): void {
  for (const key of [type, `${type} ${tenant}`]) {
    const count = (counted.get(key) ?? 0) + step
    if (count === 0) counted.delete(key)
    else counted.set(key, count)
  }
}
