import { connect, type Socket } from 'node:net'
import { tls } from '../../platform/on-demand.ts'
import { readBytes } from '../../platform/wire/connection/reading.ts'
import { tickMs, ticksOf } from '../../platform/wire/connection/ticks.ts'
import { createKeepTime } from './keep-time.ts'
import { createUpstreamLine, type Waiting } from './line.ts'
import type { Upstream, UpstreamHandler, UpstreamOwner } from './state.ts'
import { faultOf, isFull, targetOf, type UpstreamOptions } from './target.ts'
import { abandon, fail, idempotent, newUpstream, takeBytes, takeEnd } from './upstream.ts'

/** Connections to the app: kept for a moment, one request at a time on each, as many as may be. */
export interface UpstreamPool {
  /**
   * A connection for one request: the one that was used last, or a new one.
   * @returns undefined when the asker is given one later, or was told that there is none
   */
  take(handler: UpstreamHandler, method: string, asksSwitch: boolean): Upstream | undefined
  /** A new connection, for a request that was lost on a kept one. */
  takeNew(handler: UpstreamHandler, method: string, asksSwitch: boolean): Upstream | undefined
  /** Nobody waits for a connection any more. */
  leave(handler: UpstreamHandler): void
  /** A part of the request's body went out. */
  touch(upstream: Upstream): void
  /** Called once per tick: looks for what took too long. */
  sweep(): void
  /** Connections there are. */
  size(): number
  closeAll(): void
}

/**
 * Shorter than any server in use keeps its own, by half: reusing a connection that the app is closing would cost the
 * caller a 502, and a new one over loopback costs nothing. Longer where the app says how long it keeps it.
 */
const idleMs = 500
const saidIdleMs = 1_000
/**
 * What may not be sent twice goes out on a kept connection only if that served just now, or the app said that it keeps
 * it: nobody could mend it if the app was closing that.
 */
const sureMs = 1.5 * tickMs
/** For a request to wait for a connection, and how many may wait. */
const maxWaitMs = 5_000
const maxWaiting = 1_024
/** So many ticks after the app let no more connections wait, so many are tried in each for calls that wait. */
const fullTicks = 10
const triesWhileFull = 32
/** How long a doubtful connection is left alone, ticks: one that the app closes after an error is closed by then. */
const doubtTicks = 2
/** While others want some too, one peer gets at most so many times what is free: 8 of 9, when it is alone. */
const share = 8

export function createUpstreamPool(options: UpstreamOptions): UpstreamPool {
  const { headersTimeoutMs, connectTimeoutMs = 5_000, maxConnections = 1_024, log } = options
  const target = targetOf(options)
  // All plain connections share it: each piece is dealt with before the next one is read.
  const shared = Buffer.allocUnsafeSlow(readBytes)
  const all = new Set<Upstream>()
  const tunnels = new Set<Upstream>()
  const idle: Upstream[] = []
  let doubtful: Upstream[] = []
  const line = createUpstreamLine(maxWaiting)
  const keepTime = createKeepTime()
  let tick = 0
  let sweptAt = 0
  let fullAt = Number.NEGATIVE_INFINITY
  /** Since when a request waits that is given back now: its time goes on. */
  let waitsSince: number | undefined
  const owner: UpstreamOwner = {
    tick: () => tick,
    onIdle(upstream) {
      if (upstream.idleFor >= 0) keepTime.servedAfter(upstream.idleFor)
      if (!upstream.doubtful) idle.push(upstream)
      else if (line.size() === 0) doubtful.push(upstream)
      else abandon(upstream)
      if (line.size() > 0) setImmediate(serveWaiting)
    },
    onTunnel(upstream) {
      all.delete(upstream)
      tunnels.add(upstream)
      if (line.size() > 0) setImmediate(serveWaiting)
    },
    idleTicks(seconds) {
      const ms = seconds === undefined ? idleMs : Math.min(saidIdleMs, seconds * 1_000 - 500)
      return Math.min(keepTime.most(), ticksOf(ms))
    },
  }

  function take(upstream: Upstream, bytes: Buffer, length: number): boolean {
    try {
      return takeBytes(upstream, bytes, length, owner)
    } catch (error) {
      // A bug costs the call that met it, and nobody else's.
      log.error({ err: error }, 'an answer could not be handled')
      return fail(upstream, 'upstream_invalid')
    }
  }

  function open(): Upstream {
    const onread = {
      buffer: target.tls ? Buffer.allocUnsafeSlow(readBytes) : shared,
      callback: (length: number, bytes: Uint8Array): boolean => take(upstream, bytes as Buffer, length),
    }
    const socket: Socket = target.tls
      ? tls().connect({ ...target.tls, ...{ onread } })
      : connect({ ...target.plain, onread })
    const upstream = newUpstream(socket, tick)
    if (all.size === 0) sweptAt = performance.now()
    all.add(upstream)
    socket.once(target.tls ? 'secureConnect' : 'connect', () => {
      upstream.connected = true
      upstream.since = tick
    })
    socket.on('drain', () => upstream.handler?.onDrain())
    socket.on('error', error => {
      noteEnd(upstream)
      if (!upstream.connected) noteNoConnection(upstream, error)
      const isWrite = (error as { syscall?: unknown }).syscall === 'write'
      fail(upstream, faultOf(error, upstream.connected), isWrite ? 'no' : 'perhaps')
      waitsSince = undefined
    })
    socket.on('end', () => {
      noteEnd(upstream)
      takeEnd(upstream, owner)
    })
    socket.on('close', () => {
      all.delete(upstream)
      tunnels.delete(upstream)
      fail(upstream, 'upstream_invalid')
      if (line.size() > 0) serveWaiting()
    })
    return upstream
  }

  function noteNoConnection(upstream: Upstream, error: Error): void {
    options.onNoConnection?.(error)
    if (!isFull(error)) return
    fullAt = tick
    waitsSince = upstream.askedAt
    if (tick - waitsSince <= ticksOf(maxWaitMs)) return
    // It has waited long enough: it is not given back to wait again.
    upstream.out = ''
    upstream.request = ''
  }

  /** The app ended a connection that we would have kept, or did keep. */
  function noteEnd({ handler, tunnel, since, idleFor, heard }: Upstream): void {
    if (tunnel) return
    if (!handler) keepTime.closedAfter(tick - since, tick)
    else if (idleFor >= 0 && !heard) keepTime.closedAfter(idleFor, tick)
  }

  /** Ticks alone would not do: on a busy machine they are late. */
  function isSure({ since, idleTicks }: Upstream): boolean {
    return idleTicks > ticksOf(idleMs) || (tick === since && performance.now() - sweptAt < sureMs)
  }

  function usable(method: string): Upstream | undefined {
    for (let upstream = idle.pop(); upstream; upstream = idle.pop()) {
      const { socket, since, idleTicks } = upstream
      if (socket.destroyed || !socket.writable) continue
      if (!idempotent.has(method) && !isSure(upstream)) {
        // Good for others; the rest is older still.
        idle.push(upstream)
        return undefined
      }
      const age = tick - since
      if (age <= idleTicks && age <= keepTime.most()) {
        upstream.idleFor = age
        return upstream
      }
      abandon(upstream)
    }
    return undefined
  }

  const inUse = (): number => all.size - idle.length - doubtful.length

  /** Whether one more connection leaves enough to others. Nobody is counted while there are many. */
  function mayHave(peer: string): boolean {
    const free = maxConnections - inUse()
    if (inUse() < share * free) return free > 0
    let held = 0
    for (const { handler } of all) if (handler?.peer === peer) held++
    return held < share * free
  }

  function opened(): Upstream | undefined {
    if (tick === fullAt) return undefined
    if (all.size < maxConnections) return open()
    // What nobody uses makes room, once it is gone.
    const unused = doubtful.shift() ?? idle.shift()
    if (unused) abandon(unused)
    return undefined
  }

  function lend(upstream: Upstream, { handler, method, asksSwitch, since }: Waiting): Upstream {
    upstream.askedAt = since
    upstream.handler = handler
    upstream.method = method
    upstream.asksSwitch = asksSwitch
    upstream.sent = false
    upstream.stopped = false
    upstream.heard = false
    upstream.since = tick
    return upstream
  }

  function wait(waiting: Waiting): undefined {
    const refused = line.add(waiting)
    refused?.handler.onFault('upstream_busy')
  }

  function serveWaiting(): void {
    const most = tick - fullAt < fullTicks ? triesWhileFull : maxConnections
    for (let free = Math.min(most, idle.length + maxConnections - all.size); free > 0; free--) {
      const waiting = line.next(mayHave)
      if (!waiting) return
      const upstream = usable(waiting.method) ?? opened()
      if (!upstream) return void wait(waiting)
      try {
        waiting.handler.onUpstream(lend(upstream, waiting))
      } catch (error) {
        log.error({ err: error }, 'a request that waited could not be sent')
        fail(upstream, 'upstream_invalid')
      }
    }
  }

  function endDoubts(): void {
    if (doubtful.length === 0) return
    const open = doubtful.filter(({ socket }) => !socket.destroyed)
    const isOver = ({ since }: Upstream): boolean => tick - since > doubtTicks
    idle.push(...open.filter(isOver))
    doubtful = open.filter(upstream => !isOver(upstream))
  }

  function sweepOne(upstream: Upstream): void {
    const age = tick - upstream.since
    if (!upstream.connected) {
      if (age > ticksOf(connectTimeoutMs)) fail(upstream, 'upstream_unreachable')
    } else if (!upstream.handler) {
      if (age > upstream.idleTicks) abandon(upstream)
    } else if (!upstream.answer && isAppsTurn(upstream) && age > ticksOf(headersTimeoutMs)) {
      fail(upstream, 'upstream_timeout')
    }
  }

  return {
    take(handler, method, asksSwitch) {
      const waiting = { handler, method, asksSwitch, since: tick }
      const upstream = mayHave(handler.peer) ? (usable(method) ?? opened()) : undefined
      return upstream ? lend(upstream, waiting) : wait(waiting)
    },
    takeNew(handler, method, asksSwitch) {
      const waiting = { handler, method, asksSwitch, since: waitsSince ?? tick }
      const upstream = opened()
      return upstream ? lend(upstream, waiting) : wait(waiting)
    },
    leave: line.leave,
    touch(upstream) {
      upstream.since = tick
    },
    sweep() {
      tick++
      sweptAt = performance.now()
      keepTime.age(tick)
      for (const upstream of all) sweepOne(upstream)
      // What was ended is not looked for one by one.
      if (idle.some(({ socket }) => socket.destroyed)) {
        idle.splice(0, idle.length, ...idle.filter(({ socket }) => !socket.destroyed))
      }
      endDoubts()
      for (const { handler } of line.tooLate(tick - ticksOf(maxWaitMs))) handler.onFault('upstream_busy')
      if (line.size() > 0) serveWaiting()
    },
    size: () => all.size,
    closeAll() {
      for (const { socket } of [...all, ...tunnels]) socket.destroy()
    },
  }
}

/** Whether the app is waited for, and not the rest of the request: callers have limits of their own. */
function isAppsTurn({ sent, socket }: Upstream): boolean {
  return sent || socket.writableNeedDrain
}
