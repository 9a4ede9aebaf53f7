import type { Limit } from '../../enforce/report/metrics.ts'
import { halfOpenMs, ticksOf } from '../../platform/wire/connection/ticks.ts'
import type { CallerConnection, ListenerContext } from './caller-state.ts'
import { holdLess } from './holding.ts'
import { refuseBytes } from './refuse.ts'
import { abort } from './request.ts'

/** How long a connection that was ended is read on. */
const lingerTicks = ticksOf(300)
/** A caller that closed its sending half still gets an answer that comes so soon; one that left cannot be told from it. */
const halfClosedTicks = ticksOf(1_000)
const halfOpenTicks = ticksOf(halfOpenMs)

const tooSlow = { status: 408, detail: 'The head of the request did not arrive in time.' } as const

/** Ends what took too long: one look at every connection, instead of a timer for each request. */
export function sweepCallers(listener: ListenerContext): void {
  for (const caller of listener.callers) sweepOne(caller, listener)
}

function sweepOne(caller: CallerConnection, { tick, limits }: ListenerContext): void {
  const { socket, endedSince, blockedSince } = caller
  const quiet = tick - caller.since
  if (caller.held !== 0) holdLess(caller)
  if (blockedSince >= 0 && tick - blockedSince > limits.unread) return void endFor(caller, 'unread')
  switch (caller.phase) {
    case 'head':
      return void sweepHead(caller, quiet, limits.head, limits.idle)
    case 'body':
      if (quiet > limits.bodyIdle && !socket.isPaused()) endFor(caller, 'body_idle')
      return
    case 'answer':
      if (endedSince < 0 || tick - endedSince <= halfClosedTicks) return
      abort(caller)
      return void socket.destroy()
    case 'linger':
      // What is not read yet has its own limit.
      if (quiet > (socket.writableLength > 0 ? limits.unread : lingerTicks)) socket.destroy()
      return
    case 'tunnel':
      if (endedSince >= 0 && tick - endedSince > halfOpenTicks) socket.destroy()
      return
  }
}

function endFor({ listener, socket }: CallerConnection, limit: Limit): void {
  listener.reporter.limitHit(limit)
  socket.destroy()
}

function sweepHead(caller: CallerConnection, quiet: number, head: number, idle: number): void {
  if (caller.blockedSince >= 0) return
  if (caller.pending) {
    if (quiet > head) refuseBytes(caller, tooSlow)
  } else if (quiet > (caller.served === 0 ? head : idle)) caller.socket.destroy()
}
