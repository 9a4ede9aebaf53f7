import { costs } from '../memory.ts'
import type { Caller } from './caller-state.ts'

/**
 * Tells the budget of memory what is held for a caller, as soon as that is more; the sweep tells it of less. Where nothing is
 * left for its peer, the connection ends.
 * @returns false when it did
 */
export function holdFor(caller: Caller): boolean {
  const bytes = heldBytes(caller)
  if (bytes <= caller.held) return true
  return tell(caller, bytes)
}

/** For the sweep: what was held and is not any more, others may have. */
export function holdLess(caller: Caller): void {
  const bytes = heldBytes(caller)
  if (bytes < caller.held) tell(caller, bytes)
}

function tell(caller: Caller, bytes: number): boolean {
  const { accepted, door, socket } = caller
  // Its place was shed already: it ends.
  const isShed = accepted.place.left
  if (!isShed && door.memory.hold(accepted.place, accepted.cost + bytes)) {
    caller.held = bytes
    return true
  }
  if (!isShed) door.reporter.limitHit('memory')
  caller.pending = undefined
  caller.phase = 'closed'
  door.memory.leave(accepted.place)
  socket.destroy()
  return false
}

/** Bytes not yet taken, not yet read by the caller, or not yet by the app. */
function heldBytes({ phase, pending, socket, exchange, tunnel }: Caller): number {
  const unsent = socket.writableLength + (exchange?.upstream?.socket.writableLength ?? 0)
  // A part keeps the whole that it was cut from.
  const waiting = (pending?.buffer.byteLength ?? 0) + unsent
  if (phase === 'proof') return waiting + costs.unproved
  return tunnel && unsent > 0 ? waiting + costs.stuck : waiting
}
