import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import { createArrivalWatch } from './arrivals.ts'
import { createPeerLine, type LineBounds } from './peer-line.ts'

/**
 * Work that costs time, shared out between peers. A turn of the event loop does a slice of it; what is left waits, and
 * the peers that wait take turns: whoever asks for much delays itself, and what needs no such work goes on in between.
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

export interface TurnBounds extends LineBounds {
  /** Of one turn of the event loop, milliseconds. What has begun is finished. */
  readonly sliceMs: number
  /** While connections come, a turn is a piece of work long: see `createArrivalWatch`. Not for work that itself lets more come. */
  readonly givesWay?: true
  /** What a piece of work takes at least, milliseconds: for work that goes on in a later turn. Default: nothing. */
  readonly leastMs?: number
}

/** Less than any piece of work takes. */
const onePieceMs = 0.02

export function createTurns(bounds: TurnBounds, { clock, log }: { clock: Clock; log: Logger }): Turns {
  const waiting = createPeerLine<Work>(bounds)
  const arrivals = createArrivalWatch()
  let spentMs = 0
  let isScheduled = false

  /** What a turn may have spent before another piece begins. */
  const sliceMs = (): number =>
    bounds.givesWay && arrivals.come() ? Math.min(onePieceMs, bounds.sliceMs) : bounds.sliceMs

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
    const most = sliceMs()
    arrivals.look()
    while (spentMs < most) {
      const work = waiting.take()
      if (!work) break
      run(work, 'come')
    }
    if (spentMs > 0 || waiting.size() > 0) schedule()
  }

  return {
    waiting: waiting.size,
    take(peer, work) {
      if (waiting.size() === 0 && spentMs < sliceMs()) {
        run(work, 'come')
        // The slice is of one turn.
        schedule()
        return 'done'
      }
      const place = waiting.put(peer, work)
      if (place === 'refused') return 'refused'
      schedule()
      // Last: whoever is told may ask again at once.
      if (place.shed) run(place.shed, 'lost')
      return 'waits'
    },
  }
}
