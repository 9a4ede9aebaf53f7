import type { Seen } from '../../core/rows/frames.ts'
import { dominates } from '../../core/rows/seen.ts'

/** What each slice may say to include: all that was carried out, or less while the slice still waits to be made anew. */
export interface SeenBySlice {
  /** The same object until something moves, so that texts made of it are compared once. */
  of(service: string): Seen
  /** What a slice includes that is begun now. */
  now(service: string): Seen
  /** It waits: it says what it says already, or this. */
  hold(service: string, seen?: Seen): void
  release(service: string): void
  isHeld(service: string): boolean
  /** All that is included here is carried out, or held back. */
  advance(content: Seen): void
  /** Calls back when the slice includes what is in the objects now; see `tell`. */
  await(service: string, done: () => void): void
  /** Finds who may be called back. @param service whom it concerns; all, when absent */
  tell(service?: string): void
}

/**
 * @param contentNow what the objects include
 * @param ownOf versions of the slice's own
 */
export function createSeenBySlice(contentNow: () => Seen, ownOf: (service: string) => Seen): SeenBySlice {
  const held = new Map<string, Seen>()
  const waiting = new Map<string, Set<{ readonly seen: Seen; done(): void }>>()
  let content: Seen = {}
  let known = new Map<string, Seen>()

  function now(service: string): Seen {
    const seen = known.get(service) ?? { ...content, ...ownOf(service) }
    known.set(service, seen)
    return seen
  }

  const of = (service: string): Seen => held.get(service) ?? now(service)

  function tellOne(service: string): void {
    const waiters = waiting.get(service)
    for (const waiter of waiters ?? []) {
      if (!dominates(of(service), waiter.seen)) continue
      waiters?.delete(waiter)
      waiter.done()
    }
    if (waiters?.size === 0) waiting.delete(service)
  }

  return {
    of,
    now,
    hold(service, seen = of(service)) {
      held.set(service, seen)
    },
    release: service => void held.delete(service),
    isHeld: service => held.has(service),
    advance(next) {
      content = next
      known = new Map()
    },
    await(service, done) {
      const waiters = waiting.get(service) ?? new Set()
      waiting.set(service, waiters.add({ seen: contentNow(), done }))
    },
    tell(service) {
      for (const one of service === undefined ? waiting.keys() : [service]) tellOne(one)
    },
  }
}
