import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Authorizer } from './authorize.ts'
import type { Exchange } from './forward.ts'
import type { GuardMetrics } from './metrics.ts'
import type { Policy } from './policy.ts'
import type { Reporter } from './report.ts'

/** Open WebSocket connections. Each one is asked again while it lives: it was let in by a policy that may change. */
export interface Tunnels {
  open(tunnel: NewTunnel): void
  size(): number
  /** Looks at all of them now; closes those that would not be let in any more. */
  review(): void
  closeAll(): void
}

export interface NewTunnel {
  readonly exchange: Exchange
  /** Head of the app's 101, flat. */
  readonly answer: readonly string[]
  readonly upstream: Duplex
  /** What the client sent after its handshake. */
  readonly firstBytes: Buffer
}

/** How long a half that has ended waits for the other one. */
const halfOpenMs = 10_000
/** How often tunnels are asked again without a change of policy: keys and grants also end by themselves. */
export const reviewEveryMs = 1_000

export function createTunnels(options: {
  policy: Policy
  authorizer: Authorizer
  reporter: Reporter
  metrics: GuardMetrics
}): Tunnels {
  const { policy, authorizer, reporter, metrics } = options
  const tunnels = new Map<Exchange, () => void>()

  function review(): void {
    for (const [{ call, head }, close] of tunnels) {
      const verdict = authorizer.reauthorize(head, call.verdict)
      if (verdict.pass) continue
      reporter.report({ ...call, verdict }, undefined, 'tunnel_closed')
      close()
    }
  }
  policy.onChange(() => setImmediate(review))

  return {
    review,
    size: () => tunnels.size,
    closeAll() {
      for (const close of tunnels.values()) close()
    },
    open({ exchange, answer, upstream, firstBytes }) {
      const { request, response } = exchange
      const client = request.socket
      response.detachSocket(client)
      response.emit('close')
      const close = (): void => {
        client.destroy()
        upstream.destroy()
      }
      tunnels.set(exchange, close)
      metrics.tunnels(tunnels.size)
      client.once('close', () => {
        tunnels.delete(exchange)
        metrics.tunnels(tunnels.size)
      })
      join(client, upstream)
      join(upstream, client)
      client.setTimeout(0)
      client.setKeepAlive(true, 30_000)
      client.write(switching(answer))
      if (firstBytes.length > 0) upstream.write(firstBytes)
      client.pipe(upstream)
      upstream.pipe(client)
    },
  }
}

/** When one side is gone the other one follows; what is still on its way to it arrives first. */
function join(side: Duplex, other: Duplex): void {
  side.on('error', () => side.destroy())
  side.once('close', () => {
    if (!side.readableEnded) return void other.destroy()
    const timer = setTimeout(() => other.destroy(), halfOpenMs)
    other.once('close', () => clearTimeout(timer))
  })
}

function switching(answer: readonly string[]): Buffer {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket']
  for (let at = 0; at + 1 < answer.length; at += 2) lines.push(`${answer[at]}: ${answer[at + 1]}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/**
 * A response on a connection that Node handed over whole, as it does for every upgrade. Unless it becomes a tunnel the
 * connection ends with the answer.
 */
export function responseOn(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  socket.on('error', () => socket.destroy())
  socket.on('drain', () => response.socket && response.emit('drain'))
  response.once('finish', () => {
    response.detachSocket(socket)
    socket.end(() => socket.destroySoon())
    response.emit('close')
  })
  return response
}
