import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'

/**
 * Work that costs time, shared out between peers. A turn of the event loop does a slice of it; what is left waits, and
 * the peers that wait take turns: who asks for much delays itself, and what needs no such work goes on in between.
 */
export interface Turns {
  /**
   * Does it now, when nobody waits and the slice is not used up; else when its turn comes.
   * @returns `refused` when too much waits already: then it is never called
   */
  take(peer: string, work: Work): 'done' | 'waits' | 'refused'
  waiting(): number
}

/** Called once. `lost`: it waited, and its turn is needed for a peer of which less waits; the asker is to be told so. */
export type Work = (turn: 'come' | 'lost') => void

export interface TurnBounds {
  /** Of one turn of the event loop, milliseconds. What has begun is finished. */
  readonly sliceMs: number
  /** What a piece of work takes at least, milliseconds: for work that goes on in a later turn. Default: nothing. */
  readonly leastMs?: number
  /** Pieces of work that may wait: of one peer, and of all. */
  readonly perPeer: number
  readonly sum: number
}

/**
 * Where too much waits, the newest work of the peer of which most waits makes room for peers of which less does: as many
 * addresses as fill the line cost themselves their turns, and nobody else.
 */
export function createTurns(bounds: TurnBounds, { clock, log }: { clock: Clock; log: Logger }): Turns {
  /** By peer, the one whose turn is next first. */
  const queues = new Map<string, Work[]>()
  let waiting = 0
  let spentMs = 0
  let isScheduled = false

  function schedule(): void {
    if (isScheduled) return
    isScheduled = true
    setImmediate(beginTurn)
  }

  function run(work: Work, turn: 'come' | 'lost'): void {
    const begun = clock.now()
    try {
      work(turn)
    } catch (error) {
      // A bug costs the call that met it, and nobody else's.
      log.error({ err: error }, 'a call could not be handled')
    }
    spentMs += Math.max(bounds.leastMs ?? 0, clock.now() - begun)
  }

  function beginTurn(): void {
    isScheduled = false
    spentMs = 0
    for (const [peer, queue] of queues) {
      if (spentMs >= bounds.sliceMs) break
      const work = queue.shift()
      queues.delete(peer)
      // Behind all others that wait; this loop comes to it again when the slice allows.
      if (queue.length > 0) queues.set(peer, queue)
      waiting--
      if (work) run(work, 'come')
    }
    if (spentMs > 0 || waiting > 0) schedule()
  }

  /** @returns the newest work of the peer of which most waits, unless that is no more than one beyond so much */
  function takeFromGreediest(own: number): Work | undefined {
    let most: Work[] | undefined
    for (const queue of queues.values()) if (!most || queue.length > most.length) most = queue
    if (!most || most.length <= own + 1) return undefined
    waiting--
    return most.pop()
  }

  return {
    waiting: () => waiting,
    take(peer, work) {
      if (waiting === 0 && spentMs < bounds.sliceMs) {
        run(work, 'come')
        // The slice is of one turn.
        schedule()
        return 'done'
      }
      const queue = queues.get(peer)
      if (queue && queue.length >= bounds.perPeer) return 'refused'
      const shed = waiting >= bounds.sum ? takeFromGreediest(queue?.length ?? 0) : undefined
      if (waiting >= bounds.sum) return 'refused'
      if (queue) queue.push(work)
      else queues.set(peer, [work])
      waiting++
      schedule()
      // Last: who is told may ask again at once.
      if (shed) run(shed, 'lost')
      return 'waits'
    },
  }
}
