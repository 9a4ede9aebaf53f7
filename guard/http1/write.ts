import type { Answer } from '../../enforce/respond.ts'
import { connectionLine, dateLine, statusLine } from '../../platform/wire/answer-lines.ts'
import { writeCopy } from '../../platform/wire/connection/pages.ts'
import type { CallerConnection } from './caller-state.ts'
import { holdFor, keepBytes } from './holding.ts'
import { linger } from './phases.ts'

/** Up to here bytes are copied into the text that goes out with them: one write is cheaper than two. */
const maxTextBytes = 4_096

/** Adds text, one character per byte, to what goes out with the next flush. */
export function putText(caller: CallerConnection, text: string): void {
  caller.out += text
}

/** Adds bytes to what goes out with the next flush. */
export function putBytes(caller: CallerConnection, bytes: Buffer, from: number, to: number): void {
  if (to - from <= maxTextBytes) {
    caller.out += bytes.toString('latin1', from, to)
    return
  }
  const { socket } = caller
  if (!caller.corked) {
    caller.corked = true
    socket.cork()
  }
  if (caller.out !== '') socket.write(caller.out, 'latin1')
  caller.out = ''
  writeCopy(socket, bytes, from, to)
}

/** @returns false when the caller reads too slowly for more */
export function flush(caller: CallerConnection): boolean {
  const { socket, out } = caller
  if (out !== '') {
    caller.out = ''
    // What has to wait does so as bytes: text that was put together piece by piece takes several times as much.
    if (socket.writableLength > 0 && !caller.corked) socket.write(Buffer.from(out, 'latin1'))
    else socket.write(out, 'latin1')
  }
  if (caller.corked) {
    caller.corked = false
    socket.uncork()
  }
  if (!socket.writableNeedDrain) {
    if (socket.writableLength > 0) holdFor(caller)
    return true
  }
  if (caller.blockedSince < 0) caller.blockedSince = caller.listener.tick
  holdFor(caller)
  return false
}

/** The caller has read what was written. */
export function noteRead(caller: CallerConnection): void {
  caller.blockedSince = -1
}

/** Adds an answer of the guard's own. @param toHead the request was HEAD: no body follows */
export function putOwn(caller: CallerConnection, answer: Answer, closes: boolean, toHead: boolean): void {
  const { headers } = answer
  let text = statusLine(answer.status)
  let closing = closes
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (headers[at] === 'Connection') closing = true
    else text += `${headers[at]}: ${headers[at + 1]}\r\n`
  }
  caller.out += text + dateLine(caller.listener.clock) + connectionLine(closing)
  if (!toHead) caller.out += Buffer.from(answer.body).toString('latin1')
}

/**
 * Ends the connection. What still comes is read and thrown away for a moment: closing at once would reset it and could
 * take the answer away from a caller that is still writing. That is done for so many connections of a peer and no more:
 * a caller that is refused over and over is not read for it.
 */
export function endConnection(caller: CallerConnection): void {
  const { accepted, listener, socket } = caller
  flush(caller)
  linger(caller)
  keepBytes(caller, undefined)
  caller.seat ??= listener.lingering.enter(accepted.key, 1, () => socket.destroy())
  if (!caller.seat) return void socket.destroySoon()
  socket.end()
  socket.resume()
}
