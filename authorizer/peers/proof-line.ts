import type { Clock } from '../../platform/clock.ts'
import { createTurns, type TurnBounds } from '../../platform/fair/turns.ts'
import type { Logger } from '../../platform/log.ts'

/** A token that was not seen before. One of both is called, once. */
export interface Unproved {
  prove(): void
  /** Too many wait already. */
  refuse(): void
}

/** Where such tokens wait: proxies take turns, and so do the callers behind each of them. */
export interface ProofLine {
  /** @param callerOf asked only when it has to wait */
  take(peer: string, callerOf: () => string, unproved: Unproved): void
}

/** Checking a signature takes a tenth of a millisecond or two; what waits holds its head, 64 KiB at most. */
const proofTurns = { sliceMs: 2, perPeer: 512, sum: 2_048, givesWay: true } as const

/** Those of one proxy, by caller, the caller whose turn is next first. Never an empty list. */
type Line = Map<string, Unproved[]>

export function createProofLine(context: { clock: Clock; log: Logger }, bounds: TurnBounds = proofTurns): ProofLine {
  // One turn of a proxy is taken for each that waits, whichever of them is there when it comes.
  const turns = createTurns(bounds, context)
  const lines = new Map<string, Line>()

  function put(peer: string, caller: string, unproved: Unproved): void {
    const line: Line = lines.get(peer) ?? new Map()
    lines.set(peer, line)
    const own = line.get(caller)
    if (own) own.push(unproved)
    else line.set(caller, [unproved])
  }

  function takeNext(peer: string): Unproved | undefined {
    const line = lines.get(peer)
    for (const [caller, own] of line ?? []) {
      line?.delete(caller)
      const next = own.shift()
      if (own.length > 0) line?.set(caller, own)
      if (line?.size === 0) lines.delete(peer)
      return next
    }
    return undefined
  }

  /** The newest of who has most. @param caller for whom it makes room, if that has less; undefined: it goes anyway */
  function shedGreediest(line: Line, caller?: string): Unproved | undefined {
    const [name, own] = [...line].reduce((most, one) => (one[1].length > most[1].length ? one : most))
    if (caller !== undefined && own.length <= (line.get(caller)?.length ?? 0) + 1) return undefined
    const shed = own.pop()
    if (own.length === 0) line.delete(name)
    return shed
  }

  return {
    take(peer, callerOf, unproved) {
      let waits = false
      const fate = turns.take(peer, turn => {
        if (turn === 'come') return (waits ? takeNext(peer) : unproved)?.prove()
        const line = lines.get(peer)
        const lost = line && shedGreediest(line)
        if (line?.size === 0) lines.delete(peer)
        lost?.refuse()
      })
      if (fate === 'done') return
      const caller = callerOf()
      if (fate === 'waits') {
        waits = true
        return put(peer, caller, unproved)
      }
      const line = lines.get(peer)
      const shed = line && shedGreediest(line, caller)
      // It has the turn of the one that goes.
      if (shed) put(peer, caller, unproved)
      const refused = shed ?? unproved
      refused.refuse()
    },
  }
}
