import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/log.ts'

/**
 * Work that costs time, shared out between peers. A turn of the event loop does a slice of it; what is left waits, and
 * the peers that wait take turns: who asks for much delays itself, and what needs no such work goes on in between.
 */
export interface Turns {
  /**
   * Does it now, when nobody waits and the slice is not used up; else when its turn comes.
   * @returns `refused` when too much waits already: then it is never done
   */
  take(peer: string, work: () => void): 'done' | 'waits' | 'refused'
  waiting(): number
}

export interface TurnBounds {
  /** Of one turn of the event loop, milliseconds. What has begun is finished. */
  readonly sliceMs: number
  /** Pieces of work that may wait: of one peer, and of all. */
  readonly perPeer: number
  readonly sum: number
}

export function createTurns(bounds: TurnBounds, { clock, log }: { clock: Clock; log: Logger }): Turns {
  /** By peer, the one whose turn is next first. */
  const queues = new Map<string, (() => void)[]>()
  let waiting = 0
  let spentMs = 0
  let isScheduled = false

  function schedule(): void {
    if (isScheduled) return
    isScheduled = true
    setImmediate(beginTurn)
  }

  function run(work: () => void): void {
    const begun = clock.now()
    try {
      work()
    } catch (error) {
      // A bug costs the call that met it, and nobody else's.
      log.error({ err: error }, 'a call could not be handled')
    }
    spentMs += clock.now() - begun
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
      if (work) run(work)
    }
    if (spentMs > 0 || waiting > 0) schedule()
  }

  return {
    waiting: () => waiting,
    take(peer, work) {
      if (waiting === 0 && spentMs < bounds.sliceMs) {
        run(work)
        // The slice is of one turn.
        schedule()
        return 'done'
      }
      const queue = queues.get(peer)
      // As much as is left for others at most: however many take what they can, who comes with nothing finds a place.
      if ((queue?.length ?? 0) >= Math.min(bounds.perPeer, bounds.sum - waiting)) return 'refused'
      if (queue) queue.push(work)
      else queues.set(peer, [work])
      waiting++
      schedule()
      return 'waits'
    },
  }
}
