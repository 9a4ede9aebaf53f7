/** Runs costly tasks a few at a time, peer by peer in turn: one that brings many waits for itself. */
export interface FairQueue {
  /** @returns `busy` when too many wait, of this peer or of all: at once, or when somebody who has fewer needs the place */
  run<T>(peer: string, task: () => Promise<T>): Promise<T | 'busy'>
}

export interface FairQueueLimits {
  /** Of all; one peer gets no more than it leaves to others, who then wait for none of its tasks. */
  readonly running: number
  /** Of all. Beyond it the newest of the peer that has most goes. */
  readonly waiting: number
  readonly waitingPerPeer: number
}

type Told = (fate: 'begin' | 'busy') => void

interface Peer {
  readonly name: string
  running: number
  /** The oldest first. */
  readonly waiting: Told[]
}

export function createFairQueue(limits: FairQueueLimits): FairQueue {
  // In the order of their turns: whoever had one goes to the end.
  const peers = new Map<string, Peer>()
  let running = 0
  let waiting = 0

  /** One peer alone gets half, two a third each, and so on: something is left for whoever comes with nothing under way. */
  function mayBegin(peer: Peer): boolean {
    return peer.running < limits.running - running
  }

  function begin(peer: Peer): void {
    peer.running++
    running++
  }

  function toTheEnd(peer: Peer): void {
    peers.delete(peer.name)
    if (peer.running > 0 || peer.waiting.length > 0) peers.set(peer.name, peer)
  }

  function next(): void {
    // One that begins is met again, behind the others.
    for (const peer of peers.values()) {
      if (running >= limits.running) return
      if (peer.waiting.length === 0 || !mayBegin(peer)) continue
      waiting--
      begin(peer)
      peer.waiting.shift()?.('begin')
      toTheEnd(peer)
    }
  }

  /** @returns whether there is a place for one more of the peer now */
  function makeRoom(peer: Peer): boolean {
    if (peer.waiting.length >= limits.waitingPerPeer) return false
    if (waiting < limits.waiting) return true
    let greediest = peer
    // Of equals the last: its turn is farthest away.
    for (const other of peers.values()) {
      const count = other.waiting.length
      if (count > peer.waiting.length && count >= greediest.waiting.length) greediest = other
    }
    if (greediest === peer) return false
    waiting--
    greediest.waiting.pop()?.('busy')
    if (greediest.running === 0 && greediest.waiting.length === 0) peers.delete(greediest.name)
    return true
  }

  async function turn(peer: Peer): Promise<'begin' | 'busy'> {
    if (mayBegin(peer)) {
      begin(peer)
      return 'begin'
    }
    if (!makeRoom(peer)) return 'busy'
    waiting++
    return new Promise<'begin' | 'busy'>(resolve => peer.waiting.push(resolve))
  }

  return {
    async run(name, task) {
      const peer = peers.get(name) ?? { name, running: 0, waiting: [] }
      peers.set(name, peer)
      const fate = turn(peer)
      // One that was refused leaves nothing behind.
      if (peer.running === 0 && peer.waiting.length === 0) peers.delete(name)
      if ((await fate) === 'busy') return 'busy'
      try {
        return await task()
      } finally {
        peer.running--
        running--
        // Behind those that came while it ran.
        toTheEnd(peer)
        next()
      }
    },
  }
}
