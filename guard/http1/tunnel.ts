import type { Socket } from 'node:net'
import type { Verdict } from '../../enforce/authorize.ts'
import { decisionHeader } from '../../enforce/respond.ts'
import { halfOpenMs } from '../../platform/wire/connection/ticks.ts'
import type { AnswerHead } from '../../platform/wire/read-answer.ts'
import type { Upstream } from '../upstream/state.ts'
import { type CallerConnection, type Exchange, report } from './caller-state.ts'
import { closeFrame, createFrameBorder, type FrameBorder } from './frame-border.ts'
import { holdFor, takeKept } from './holding.ts'
import { enterTunnel, noteEnd } from './phases.ts'
import { endConnection, flush } from './write.ts'

/** Makes a tunnel of two connections: bytes pass both ways as they come, under back-pressure. */
export function openTunnel(
  caller: CallerConnection,
  exchange: Exchange,
  answer: AnswerHead,
  upstream: Upstream,
  firstBytes: Buffer,
): void {
  const { socket, listener } = caller
  flush(caller)
  report(caller, exchange, 101)
  const border = createFrameBorder()
  const forget = listener.tunnels.open({
    call: exchange.call,
    head: exchange.head,
    reported: true,
    standing: undefined,
    close(verdict) {
      const isTold = verdict !== undefined && border.isAt() && tellEnd(caller, verdict)
      upstream.socket.destroy()
      if (!isTold) socket.destroy()
    },
  })
  socket.once('close', forget)
  border.pass(firstBytes)
  connectEnds(caller, upstream, border)
  socket.setKeepAlive(true, 30_000)
  socket.write(switching(exchange, answer), 'latin1')
  if (firstBytes.length > 0) socket.write(firstBytes)
  const kept = takeKept(caller)
  if (kept) upstream.socket.write(kept)
  if (holdFor(caller)) socket.resume()
}

/**
 * Says why in a close frame, and takes nothing more from the caller.
 * @returns false when bytes wait before it: who reads slowly keeps nothing by that
 */
function tellEnd(caller: CallerConnection, { decision }: Verdict): boolean {
  const { socket } = caller
  if (socket.writableLength > 0 || !socket.writable) return false
  // The app's end is about to come, and must not cut the frame off.
  noteEnd(caller)
  socket.write(closeFrame(decision.reason))
  endConnection(caller)
  return true
}

/** When one side is gone the other one follows; what is still on its way to it arrives first. */
function connectEnds(caller: CallerConnection, upstream: Upstream, border: FrameBorder): void {
  const { socket } = caller
  const app = upstream.socket
  upstream.tunnel = bytes => {
    border.pass(bytes)
    if (!socket.write(bytes)) app.pause()
    if (socket.writableLength > 0) holdFor(caller)
  }
  const toApp = (bytes: Buffer): void => {
    if (!app.write(bytes)) socket.pause()
    if (app.writableLength > 0) holdFor(caller)
  }
  enterTunnel(caller, toApp, upstream)
  socket.on('drain', () => app.resume())
  app.on('drain', () => socket.resume())
  app.on('end', () => {
    noteEnd(caller)
    socket.end()
  })
  app.on('close', () => {
    if (caller.endedSince < 0) socket.destroy()
  })
  socket.on('end', () => app.end())
  socket.on('close', () => {
    if (socket.readableEnded) sendRest(caller, app)
    else app.destroy()
  })
}

/** What the caller sent before it left still goes to the app; as long as it waits it is counted, and not for ever. */
function sendRest({ listener, accepted }: CallerConnection, app: Socket): void {
  if (app.destroyed) return
  app.end()
  if (app.writableLength === 0) return
  const place = listener.memory.enter(accepted.key, app.writableLength, () => app.destroy())
  if (!place) return void app.destroy()
  app.setTimeout(halfOpenMs, () => app.destroy())
  app.once('close', () => listener.memory.leave(place))
}

function switching({ call }: Exchange, { fields }: AnswerHead): string {
  const lines = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
  return `${lines}${fields}Latchkey-Decision: ${decisionHeader(call.verdict.decision, true)}\r\n\r\n`
}
