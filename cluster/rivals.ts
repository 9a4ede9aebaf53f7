import { type ResolvedClient, wantsOf } from '../core/registry/resolve-clients.ts'

/** A client as it was resolved last, and as it asks to be now; undefined where it is not there. */
interface Rival {
  readonly before: ResolvedClient | undefined
  readonly now: ResolvedClient | undefined
}

/** Clients that may stand in each other's way: one event among thousands of clients concerns these, seldom any other. */
export interface Rivals {
  /** It wants this from now on, whatever it wanted before: said of many before the first is looked at, all are found at once. */
  announce(key: string, now: ResolvedClient | undefined): void
  /** The client itself, and all that wanted or want the same as one of them. From now on they want what they ask for. */
  around(key: string, look: (key: string) => Rival): string[]
}

export function createRivals(): Rivals {
  // Nearly everything is wanted by one client only, and a set for each would be most of the memory.
  const wanting = new Map<string, string | Set<string>>()
  // What was announced and is not looked at yet: it may be something else by then, or nothing.
  const announced = new Map<string, ReadonlySet<string>>()

  function rivalsFor(want: string): Iterable<string> {
    const keys = wanting.get(want)
    return typeof keys === 'string' ? [keys] : (keys ?? [])
  }

  function add(want: string, key: string): void {
    const keys = wanting.get(want)
    if (keys === undefined) wanting.set(want, key)
    else if (typeof keys !== 'string') keys.add(key)
    else if (keys !== key) wanting.set(want, new Set([keys, key]))
  }

  function remove(want: string, key: string): void {
    const keys = wanting.get(want)
    if (keys === key) wanting.delete(want)
    else if (typeof keys === 'object' && keys.delete(key) && keys.size === 0) wanting.delete(want)
  }

  return {
    announce(key, now) {
      const wants = new Set([...(announced.get(key) ?? []), ...(now ? wantsOf(now) : [])])
      announced.set(key, wants)
      for (const want of wants) add(want, key)
    },
    around(key, look) {
      const found = new Set([key])
      // Each want is followed once: of as many clients as want the same each would lead to all the others again.
      const followed = new Set<string>()
      const follow = (want: string): void => {
        if (followed.has(want)) return
        followed.add(want)
        for (const rival of rivalsFor(want)) found.add(rival)
      }
      // Whoever is found on the way is looked at too.
      for (const one of found) {
        const { before, now } = look(one)
        const wanted = [...(before ? wantsOf(before) : []), ...(announced.get(one) ?? [])]
        announced.delete(one)
        const wants = now ? wantsOf(now) : []
        for (const want of wanted) {
          follow(want)
          if (!wants.includes(want)) remove(want, one)
        }
        for (const want of wants) {
          follow(want)
          add(want, one)
        }
      }
      return [...found]
    },
  }
}
