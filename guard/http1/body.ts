import type { Socket } from 'node:net'
import { nextData } from '../../platform/wire/body.ts'
import { kept } from '../../platform/wire/connection/kept-bytes.ts'
import { writeCopy } from '../../platform/wire/connection/pages.ts'
import { leastBodyBytes } from '../../platform/wire/connection/ticks.ts'
import { fault } from '../../platform/wire/read-request.ts'
import { holdBody } from '../upstream/send.ts'
import type { CallerConnection, Exchange } from './caller-state.ts'
import { holdFor, keepBytes, takeKept } from './holding.ts'
import { awaitBody, cutBody, endBody, noteProgress } from './phases.ts'
import { refuse } from './refuse.ts'
import { abort } from './request.ts'

const badBody = fault('The body is not framed as RFC 9112 has it: no chunk extensions, no bare line ends.')

/** Up to here a copy of its own is cheaper than a page. */
const smallBytes = 4_096

/** The head of its request went out: what has come of the body follows. */
export function sendBody(caller: CallerConnection): void {
  awaitBody(caller)
  const begun = takeKept(caller)
  if (begun) takeBody(caller, begun, begun.length)
  // It was paused when too much came before its turn.
  else if (caller.socket.isPaused()) caller.socket.resume()
  if ((caller.exchange?.upstream?.socket.writableLength ?? 0) > 0) holdFor(caller)
  // It left while its request waited.
  if (caller.phase === 'body' && caller.endedSince >= 0) caller.socket.destroy()
}

/** Passes on a piece of a request's body, framed anew. @param bytes good until this returns */
export function takeBody(caller: CallerConnection, bytes: Buffer, length: number): void {
  const { exchange } = caller
  const upstream = exchange?.upstream
  const body = exchange?.body
  if (!exchange || !upstream || !body) return
  const { socket } = upstream
  let at = 0
  holdBody(upstream, caller.listener.outbox)
  while (at < length && !body.done && !body.broken) {
    at = nextData(body, bytes, at, length)
    if (body.dataEnd === body.dataStart) continue
    if (body.framing === 'chunked') socket.write(`${(body.dataEnd - body.dataStart).toString(16)}\r\n`, 'latin1')
    writeBody(socket, bytes, body.dataStart, body.dataEnd)
    if (body.framing === 'chunked') socket.write('\r\n', 'latin1')
  }
  if (body.done && body.framing === 'chunked') socket.write('0\r\n\r\n', 'latin1')
  if (body.broken) return void breakOff(caller, exchange)
  noteProgress(caller, length, leastBodyBytes)
  caller.listener.upstreams.touch(upstream)
  if (socket.writableLength > 0 && !holdFor(caller)) return
  if (body.done) {
    endBody(caller, exchange)
    upstream.sent = true
    if (at < length) keepBytes(caller, kept(bytes, at, length))
  } else if (socket.writableNeedDrain) caller.socket.pause()
  // It was paused when too much of this request came before its turn.
  else if (caller.socket.isPaused()) caller.socket.resume()
}

/** The app takes nothing more of the body: what still comes of it is thrown away, and the connection ends with the answer. */
export function dropBody(caller: CallerConnection): void {
  if (!caller.exchange || caller.exchange.sent) return
  cutBody(caller)
  keepBytes(caller, undefined)
  if (caller.socket.isPaused()) caller.socket.resume()
}

function writeBody(socket: Socket, bytes: Buffer, from: number, to: number): void {
  if (to - from <= smallBytes) socket.write(Buffer.from(bytes.subarray(from, to)))
  else writeCopy(socket, bytes, from, to)
}

/** A body that cannot be read fails its call as a whole. */
function breakOff(caller: CallerConnection, exchange: Exchange): void {
  const { begun, head } = exchange
  abort(caller)
  if (begun) caller.socket.destroy()
  else refuse(caller, { refused: badBody, method: head.method, target: head.target })
}
