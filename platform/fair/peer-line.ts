/** What waits for its turn, shared out between those it waits for. */
export interface PeerLine<Item> {
  /**
   * @returns `refused` when too much waits already; else what lost its place to it: whoever waits for that is to be told so
   */
  put(peer: string, item: Item): 'refused' | { readonly shed: Item | undefined }
  /** The oldest of the peer whose turn it is. */
  take(): Item | undefined
  size(): number
}

export interface LineBounds {
  /** Items that may wait: of one peer, and of all. */
  readonly perPeer: number
  readonly sum: number
}

/**
 * The peers that wait take turns. Where too much waits, the newest item of the peer of which most waits makes room for peers
 * of which less does: as many of them as fill the line cost themselves their turns, and nobody else.
 */
export function createPeerLine<Item>(bounds: LineBounds): PeerLine<Item> {
  /** By peer, the one whose turn is next first. */
  const queues = new Map<string, Item[]>()
  let size = 0

  /** @returns the newest item of the peer of which most waits, unless that is no more than one beyond so much */
  function takeFromGreediest(own: number): Item | undefined {
    let most: Item[] | undefined
    for (const queue of queues.values()) if (!most || queue.length > most.length) most = queue
    if (!most || most.length <= own + 1) return undefined
    size--
    return most.pop()
  }

  return {
    size: () => size,
    put(peer, item) {
      const queue = queues.get(peer)
      if (queue && queue.length >= bounds.perPeer) return 'refused'
      const shed = size >= bounds.sum ? takeFromGreediest(queue?.length ?? 0) : undefined
      if (size >= bounds.sum) return 'refused'
      if (queue) queue.push(item)
      else queues.set(peer, [item])
      size++
      return { shed }
    },
    take() {
      for (const [peer, queue] of queues) {
        const item = queue.shift()
        queues.delete(peer)
        // Behind all others that wait.
        if (queue.length > 0) queues.set(peer, queue)
        size--
        return item
      }
      return undefined
    },
  }
}
