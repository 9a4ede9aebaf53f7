import { connect, isIP, type Socket } from 'node:net'
import type { Logger } from '../../../platform/log.ts'
import { tls } from '../../../platform/on-demand.ts'
import type { UpstreamFault } from '../respond.ts'
import { readBytes } from './reading.ts'
import { ticksOf } from './ticks.ts'
import { abandon, fail, newUpstream, takeBytes, takeEnd } from './upstream.ts'
import type { Asker, Upstream, UpstreamOwner } from './upstream-state.ts'

/** Connections to the app: kept for a moment, one request at a time on each, no second try once a byte went out. */
export interface UpstreamPool {
  /** A connection for one request: the one that was used last, or a new one. */
  take(asker: Asker, method: string, asksSwitch: boolean): Upstream
  /** Looks for what took too long. */
  sweep(): void
  /** Connections there are. */
  size(): number
  closeAll(): void
}

export interface UpstreamOptions {
  /** `http:` or `https:`, host and port. */
  origin: string
  /** For the answer to begin. */
  headersTimeoutMs: number
  /** Default 5 s. */
  connectTimeoutMs?: number | undefined
  /** PEM of the CA that vouches for an https app; default: those that Node trusts. */
  ca?: string | undefined
  log: Logger
}

/**
 * Shorter than any server in use: reusing a connection that the app is closing would cost the caller a 502, and a new
 * one over loopback costs nothing.
 */
const idleMs = 1_000

/** @param tick the sweep's count */
export function createUpstreamPool(options: UpstreamOptions, tick: () => number): UpstreamPool {
  const { headersTimeoutMs, connectTimeoutMs = 5_000, log } = options
  const target = targetOf(options)
  // All plain connections share it: each piece is dealt with before the next one is read.
  const shared = Buffer.allocUnsafeSlow(readBytes)
  const all = new Set<Upstream>()
  const idle: Upstream[] = []
  const owner: UpstreamOwner = {
    tick,
    onIdle: upstream => void idle.push(upstream),
    idleTicks: seconds => ticksOf(Math.min(idleMs, seconds === undefined ? idleMs : seconds * 1_000 - 500)),
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
    const upstream = newUpstream(socket, tick())
    all.add(upstream)
    socket.once(target.tls ? 'secureConnect' : 'connect', () => {
      upstream.connected = true
      upstream.since = tick()
    })
    socket.on('drain', () => upstream.asker?.onDrain())
    socket.on('error', error => void fail(upstream, faultOf(error, upstream.connected)))
    socket.on('end', () => takeEnd(upstream, owner))
    socket.on('close', () => {
      all.delete(upstream)
      fail(upstream, 'upstream_invalid')
    })
    return upstream
  }

  function usable(): Upstream | undefined {
    for (let upstream = idle.pop(); upstream; upstream = idle.pop()) {
      if (!upstream.socket.destroyed && upstream.socket.writable) return upstream
    }
    return undefined
  }

  function sweepOne(upstream: Upstream): void {
    const age = tick() - upstream.since
    if (upstream.tunnel) return
    if (!upstream.connected) {
      if (age > ticksOf(connectTimeoutMs)) fail(upstream, 'upstream_unreachable')
    } else if (!upstream.asker) {
      if (age > upstream.idleTicks) abandon(upstream)
    } else if (!upstream.answer && age > ticksOf(headersTimeoutMs)) fail(upstream, 'upstream_timeout')
  }

  return {
    take(asker, method, asksSwitch) {
      const upstream = usable() ?? open()
      upstream.asker = asker
      upstream.method = method
      upstream.asksSwitch = asksSwitch
      upstream.sent = false
      upstream.since = tick()
      return upstream
    },
    sweep() {
      for (const upstream of all) sweepOne(upstream)
      // What was ended is not looked for one by one.
      if (idle.some(({ socket }) => socket.destroyed)) {
        idle.splice(0, idle.length, ...idle.filter(({ socket }) => !socket.destroyed))
      }
    },
    size: () => all.size,
    closeAll() {
      for (const upstream of all) upstream.socket.destroy()
    },
  }
}

function targetOf({ origin, ca }: UpstreamOptions) {
  const { protocol, hostname, port } = new URL(origin)
  const host = hostname.replace(/^\[|\]$/g, '')
  const plain = { host, port: Number(port || (protocol === 'https:' ? 443 : 80)), noDelay: true }
  const named = isIP(host) === 0 && { servername: host }
  return {
    plain,
    tls:
      protocol === 'https:'
        ? { ...plain, ...named, ...(ca !== undefined && { ca }), ALPNProtocols: ['http/1.1'] }
        : undefined,
  }
}

const unreachable = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT'])

function faultOf(error: Error, connected: boolean): UpstreamFault {
  const { code } = error as { code?: unknown }
  return !connected && typeof code === 'string' && unreachable.has(code) ? 'upstream_unreachable' : 'upstream_invalid'
}
