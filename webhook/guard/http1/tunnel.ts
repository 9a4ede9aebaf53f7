import { decisionHeader } from '../respond.ts'
import { type Caller, type Exchange, report } from './caller-state.ts'
import type { AnswerHead } from './read-answer.ts'
import type { Upstream } from './upstream-state.ts'
import { flush } from './write.ts'

/** Makes a tunnel of two connections: bytes pass both ways as they come, under back-pressure. */
export function openTunnel(
  caller: Caller,
  exchange: Exchange,
  answer: AnswerHead,
  upstream: Upstream,
  firstBytes: Buffer,
): void {
  const { socket, door } = caller
  flush(caller)
  report(caller, exchange, 101)
  caller.exchange = undefined
  caller.phase = 'tunnel'
  const forget = door.tunnels.open({
    call: exchange.call,
    head: exchange.head,
    close() {
      socket.destroy()
      upstream.socket.destroy()
    },
  })
  socket.once('close', forget)
  connectEnds(caller, upstream)
  socket.setKeepAlive(true, 30_000)
  socket.write(switching(exchange, answer), 'latin1')
  if (firstBytes.length > 0) socket.write(firstBytes)
  const { pending } = caller
  caller.pending = undefined
  if (pending) upstream.socket.write(pending)
  socket.resume()
}

/** When one side is gone the other one follows; what is still on its way to it arrives first. */
function connectEnds(caller: Caller, upstream: Upstream): void {
  const { socket, door } = caller
  const app = upstream.socket
  upstream.tunnel = bytes => {
    if (!socket.write(bytes)) app.pause()
  }
  caller.tunnel = bytes => {
    if (!app.write(bytes)) socket.pause()
  }
  socket.on('drain', () => app.resume())
  app.on('drain', () => socket.resume())
  app.on('end', () => {
    caller.endedSince = door.tick
    socket.end()
  })
  app.on('close', () => {
    if (caller.endedSince < 0) socket.destroy()
  })
  socket.on('end', () => app.end())
  socket.on('close', () => {
    if (socket.readableEnded) app.end()
    else app.destroy()
  })
}

function switching({ call }: Exchange, { fields }: AnswerHead): string {
  const lines = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
  return `${lines}${fields}Latchkey-Decision: ${decisionHeader(call.verdict.decision, true)}\r\n\r\n`
}
