/** Places for work that cannot be taken back once it has begun. */
export interface Places {
  /** @returns what to call when the work ends; undefined when there is no place for this peer */
  take(peer: string): (() => void) | undefined
}

/** A peer has no more places than it leaves free: however many take all they can get, a newcomer finds one. */
export function createPlaces(count: number): Places {
  const held = new Map<string, number>()
  let free = count
  return {
    take(peer) {
      const own = held.get(peer) ?? 0
      if (own >= free) return undefined
      held.set(peer, own + 1)
      free--
      return () => {
        free++
        const left = (held.get(peer) ?? 1) - 1
        if (left === 0) held.delete(peer)
        else held.set(peer, left)
      }
    },
  }
}
