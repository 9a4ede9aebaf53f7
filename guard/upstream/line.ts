import type { UpstreamHandler } from './state.ts'

/** A request that waits for a connection to the app. */
export interface Waiting {
  readonly handler: UpstreamHandler
  readonly method: string
  readonly asksSwitch: boolean
  /** Tick. */
  readonly since: number
}

/** Requests that wait, those of each peer in their order and the peers in turn. */
export interface UpstreamLine {
  size(): number
  /** @returns the request that has to go because there are too many: the newest of the peer that has most of them */
  add(waiting: Waiting): Waiting | undefined
  /** Takes the next one out, of a peer that may have a connection. */
  next(mayHave: (peer: string) => boolean): Waiting | undefined
  leave(handler: UpstreamHandler): void
  /** Takes out those that have waited since before. */
  tooLate(before: number): readonly Waiting[]
}

export function createUpstreamLine(most: number): UpstreamLine {
  // The peer whose turn it is stands first.
  const peers = new Map<string, Map<UpstreamHandler, Waiting>>()
  let size = 0

  function takeOut(waiting: Waiting): Waiting {
    const { handler } = waiting
    const own = peers.get(handler.peer)
    if (own?.delete(handler)) size--
    if (own?.size === 0) peers.delete(handler.peer)
    return waiting
  }

  function newestOfGreediest(newcomers: Map<UpstreamHandler, Waiting>): Waiting | undefined {
    let greediest = newcomers
    for (const own of peers.values()) if (own.size > greediest.size) greediest = own
    return [...greediest.values()].at(-1)
  }

  return {
    size: () => size,
    add(waiting) {
      const { handler } = waiting
      const own = peers.get(handler.peer) ?? new Map<UpstreamHandler, Waiting>()
      peers.set(handler.peer, own)
      own.set(handler, waiting)
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
    leave(handler) {
      const waiting = peers.get(handler.peer)?.get(handler)
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
