import type { Socket } from 'node:net'
import { costs } from '../../platform/fair/memory.ts'
import type { CallerConnection } from './caller-state.ts'
import { close } from './phases.ts'

/** Keeps bytes until it is their turn. */
export function keepBytes(caller: CallerConnection, bytes: Buffer | undefined): void {
  caller.pending = bytes
}

/** It is the turn of what was kept. */
export function takeKept(caller: CallerConnection): Buffer | undefined {
  const { pending } = caller
  caller.pending = undefined
  return pending
}

/**
 * Tells the budget of memory what is held for a caller, as soon as that is more; the sweep tells it of less. Where nothing is
 * left for its peer, the connection ends.
 * @returns false when it did
 */
export function holdFor(caller: CallerConnection): boolean {
  const bytes = heldBytes(caller)
  if (bytes <= caller.held) return true
  return tell(caller, bytes)
}

/** For the sweep: what was held and is not any more, others may have. */
export function holdLess(caller: CallerConnection): void {
  const bytes = heldBytes(caller)
  if (bytes < caller.held) tell(caller, bytes)
}

function tell(caller: CallerConnection, bytes: number): boolean {
  const { accepted, listener, socket } = caller
  // Its place was shed already: it ends.
  const isShed = accepted.place.left
  if (!isShed && listener.memory.hold(accepted.place, accepted.cost + bytes)) {
    caller.held = bytes
    return true
  }
  if (!isShed) listener.reporter.limitHit('memory')
  caller.pending = undefined
  close(caller)
  listener.memory.leave(accepted.place)
  socket.destroy()
  return false
}

/** Bytes not yet taken, not yet read by the caller, or not yet by the app. */
function heldBytes({ phase, pending, socket, exchange, link }: CallerConnection): number {
  const upstream = exchange?.upstream ?? link
  // A part keeps the whole that it was cut from.
  const waiting = (pending?.buffer.byteLength ?? 0) + socket.writableLength
  if (phase === 'proof') return waiting + costs.unproved
  if (!upstream) return exchange ? waiting + exchange.waiting.length : waiting
  const all = waiting + upstream.socket.writableLength + upstream.request.length
  return link ? all + stuckBytes(socket) + stuckBytes(link.socket) : all
}

/** Of one direction of a tunnel: what its other end has in hand, here and in the kernel, is more than what waits. */
function stuckBytes(to: Socket): number {
  return to.writableNeedDrain ? costs.stuck : 0
}
