/** Runs costly tasks a few at a time, peer by peer in turn: one that brings many waits for itself. */
export interface FairQueue {
  /** @returns `busy` when too many wait, of this peer or of all */
  run<T>(peer: string, task: () => Promise<T>): Promise<T | 'busy'>
}

export interface FairQueueLimits {
  readonly running: number
  /** Of one peer: the rest is left to others, who then wait for none of its tasks. */
  readonly runningPerPeer: number
  readonly waiting: number
  readonly waitingPerPeer: number
}

interface Peer {
  running: number
  readonly waiting: (() => void)[]
}

export function createFairQueue(limits: FairQueueLimits): FairQueue {
  // In the order of their turns: who had one goes to the end.
  const peers = new Map<string, Peer>()
  let running = 0
  let waiting = 0

  function begin(peer: Peer): void {
    peer.running++
    running++
  }

  function next(): void {
    for (const [name, peer] of peers) {
      if (running >= limits.running) return
      if (peer.waiting.length === 0 || peer.running >= limits.runningPerPeer) continue
      waiting--
      peers.delete(name)
      peers.set(name, peer)
      begin(peer)
      peer.waiting.shift()?.()
    }
  }

  async function turn(peer: Peer): Promise<'busy' | undefined> {
    if (running < limits.running && peer.running < limits.runningPerPeer) {
      begin(peer)
      return undefined
    }
    if (waiting >= limits.waiting || peer.waiting.length >= limits.waitingPerPeer) return 'busy'
    waiting++
    await new Promise<void>(resolve => peer.waiting.push(resolve))
    return undefined
  }

  return {
    async run(name, task) {
      const peer = peers.get(name) ?? { running: 0, waiting: [] }
      peers.set(name, peer)
      if ((await turn(peer)) === 'busy') return 'busy'
      try {
        return await task()
      } finally {
        peer.running--
        running--
        // To the end, behind those that came while it ran.
        peers.delete(name)
        if (peer.running > 0 || peer.waiting.length > 0) peers.set(name, peer)
        next()
      }
    },
  }
}
