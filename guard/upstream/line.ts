import type { Asker } from './state.ts'

/** A request that waits for a connection to the app. */
export interface Waiting {
  readonly asker: Asker
  readonly method: string
  readonly asksSwitch: boolean
  /** Tick. */
  readonly since: number
}

/** Requests that wait, those of each address in their order and the addresses in turn. */
export interface UpstreamLine {
  size(): number
  /** @returns the request that has to go because there are too many: the newest of the address that has most of them */
  add(waiting: Waiting): Waiting | undefined
  /** Takes the next one out, of an address that may have a connection. */
  next(mayHave: (peer: string) => boolean): Waiting | undefined
  leave(asker: Asker): void
  /** Takes out those that have waited since before. */
  tooLate(before: number): readonly Waiting[]
}

export function createUpstreamLine(most: number): UpstreamLine {
  // The address whose turn it is stands first.
  const peers = new Map<string, Map<Asker, Waiting>>()
  let size = 0

  function takeOut(waiting: Waiting): Waiting {
    const { asker } = waiting
    const own = peers.get(asker.peer)
    if (own?.delete(asker)) size--
    if (own?.size === 0) peers.delete(asker.peer)
    return waiting
  }

  function newestOfGreediest(newcomers: Map<Asker, Waiting>): Waiting | undefined {
    let greediest = newcomers
    for (const own of peers.values()) if (own.size > greediest.size) greediest = own
    return [...greediest.values()].at(-1)
  }

  return {
    size: () => size,
    add(waiting) {
      const { asker } = waiting
      const own = peers.get(asker.peer) ?? new Map<Asker, Waiting>()
      peers.set(asker.peer, own)
      own.set(asker, waiting)
      size++
      const refused = size > most ? newestOfGreediest(own) : undefined
      return refused && takeOut(refused)
    },
    next(mayHave) {
      for (const [peer, own] of peers) {
        const [first] = own.values()
        if (!first || !mayHave(peer)) continue
        peers.delete(peer)
        peers.set(peer, own)
        return takeOut(first)
      }
      return undefined
    },
    leave(asker) {
      const waiting = peers.get(asker.peer)?.get(asker)
      if (waiting) takeOut(waiting)
    },
    tooLate(before) {
      const late: Waiting[] = []
      for (const own of peers.values()) {
        for (const waiting of own.values()) if (waiting.since < before) late.push(waiting)
      }
      return late.map(takeOut)
    },
  }
}
