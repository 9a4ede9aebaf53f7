import { graceSeconds, type Tenant } from '../store/store.ts'

/**
 * Places of assertions in the store that one client may hold at one server, a fifth of what the server has. Counted by each
 * replica for itself, of what came to it.
 */
export const mostOfClient = { Kubernetes: 2_000, Redis: 40_000 } as const

/** How many assertions of each client are held in the store, so that no client takes the places of the others. */
export interface AssertionPlaces {
  /** @param endsAt of the record, seconds since epoch @returns undefined when the client has as many as it may */
  take(of: { readonly tenant: Tenant; readonly clientId: string }, endsAt: number, now: number): Place | undefined
  /** Clients of which something is counted. */
  size(): number
}

/** To be given back when the store held no new record for it. */
export interface Place {
  free(): void
}

export function createAssertionPlaces(most: number): AssertionPlaces {
  /** For each client of a server: how many end in which second. */
  const held = new Map<string, Map<number, number>>()
  let lookedAt = 0

  function countOf(ends: Map<number, number>, now: number): number {
    let sum = 0
    for (const [end, count] of ends) {
      if (end <= now) ends.delete(end)
      else sum += count
    }
    return sum
  }

  function forget(now: number): void {
    if (now - lookedAt < graceSeconds) return
    lookedAt = now
    for (const [name, ends] of held) if (countOf(ends, now) === 0) held.delete(name)
  }

  return {
    size: () => held.size,
    take({ tenant, clientId }, endsAt, now) {
      forget(now)
      const name = JSON.stringify([tenant, clientId])
      const ends = held.get(name) ?? new Map<number, number>()
      if (countOf(ends, now) >= most) return undefined
      const end = endsAt + graceSeconds
      ends.set(end, (ends.get(end) ?? 0) + 1)
      held.set(name, ends)
      return { free: () => void ends.set(end, (ends.get(end) ?? 1) - 1) }
    },
  }
}
