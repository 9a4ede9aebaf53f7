import { kept } from '../../platform/wire/kept-bytes.ts'
import { isPreface, prefaceLength } from '../../platform/wire/preface.ts'
import { remember } from '../../platform/wire/read-before.ts'
import { endOfHead } from '../../platform/wire/read-fields.ts'
import { afterTarget, checkBeginning, readHead, readRepeated } from '../../platform/wire/read-head.ts'
import { maxHeaderBytes } from '../../platform/wire/read-request.ts'
import type { Caller } from './caller-state.ts'
import { holdFor } from './holding.ts'
import { decideHead, refuse, refuseBytes } from './request.ts'

/**
 * @param keep how to keep a part of the bytes
 * @returns false when the head has not come to its end: its bytes are kept
 */
export function takeHead(caller: Caller, bytes: Buffer, length: number, keep: typeof kept): boolean {
  const { door } = caller
  if (door.onHttp2 && caller.served === 0 && isPreface(bytes, length)) return handOver(caller, bytes, length)
  const again = readRepeated(bytes, length, caller.before)
  if (again) {
    caller.looked = 0
    if (length > again.next) caller.pending = keep(bytes, again.next, length)
    decideHead(caller, again.head)
    return true
  }
  const most = Math.min(length, maxHeaderBytes)
  const end = endOfHead(bytes, Math.max(0, caller.looked - 3), most)
  if (end === -1) {
    const text = bytes.toString('latin1', 0, most)
    const wrong = checkBeginning(text, Math.max(0, caller.looked - 1))
    caller.looked = text.length
    caller.pending = keep(bytes, 0, length)
    if (wrong) refuseBytes(caller, wrong)
    else holdFor(caller)
    return false
  }
  caller.looked = 0
  if (length > end + 4) caller.pending = keep(bytes, end + 4, length)
  // Of the head alone: what is kept of it must not keep what came behind it.
  const text = bytes.toString('latin1', 0, end + 4)
  const head = readHead(bytes, text, end)
  if ('refused' in head) refuse(caller, head, text.startsWith('HEAD '))
  else {
    // A connection may bring one request only.
    if (caller.served > 0) remember(caller.before, head, bytes, afterTarget(head), end + 4)
    decideHead(caller, head)
  }
  return true
}

function handOver(caller: Caller, bytes: Buffer, length: number): false {
  const { door, socket } = caller
  caller.pending = kept(bytes, 0, length)
  // The rest of the preface may still come.
  if (length < prefaceLength) return false
  door.callers.delete(caller)
  // The socket goes on being read as before, for HTTP/2; what else this phase does needs a tunnel of two connections.
  caller.phase = 'tunnel'
  // The other listeners do nothing more in this phase, and whoever counts connections has one too.
  socket.removeAllListeners('data')
  caller.tunnel = door.onHttp2?.(caller.accepted, caller.pending)
  return false
}
