import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Tunnels } from '../../guard/open-calls/tunnels.ts'
import type { Exchange } from './forward.ts'

interface NewTunnel {
  readonly exchange: Exchange
  /** Head of the app's 101, flat. */
  readonly answer: readonly string[]
  readonly upstream: Duplex
  /** What the client sent after its handshake. */
  readonly firstBytes: Buffer
}

/** How long a half that has ended waits for the other one. */
const halfOpenMs = 10_000

export function openTunnel(tunnels: Tunnels, { exchange, answer, upstream, firstBytes }: NewTunnel): void {
  const { call, head, request, response } = exchange
  const client = request.socket
  response.detachSocket(client)
  response.emit('close')
  const forget = tunnels.open({
    call,
    head,
    reported: true,
    standing: undefined,
    close() {
      client.destroy()
      upstream.destroy()
    },
  })
  client.once('close', forget)
  join(client, upstream)
  join(upstream, client)
  client.setTimeout(0)
  client.setKeepAlive(true, 30_000)
  client.write(switching(answer))
  if (firstBytes.length > 0) upstream.write(firstBytes)
  client.pipe(upstream)
  upstream.pipe(client)
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
