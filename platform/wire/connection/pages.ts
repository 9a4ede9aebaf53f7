import type { Socket } from 'node:net'
import { kept } from './kept-bytes.ts'
import { readBytes } from './reading.ts'

/** Pages that wait to be used again, at most so many: 4 MiB. */
const maxSpare = 64
const spare: Buffer[] = []

/**
 * Writes a copy of bytes that are only good for the moment. The copy lies in a page that is used again when it is
 * written: new memory for every piece of a body would cost more than the copying.
 */
export function writeCopy(socket: Socket, bytes: Buffer, from: number, to: number): void {
  // Where the other side reads slowly many pieces wait: a page for each would be many times what is in them.
  if (socket.writableNeedDrain) return void socket.write(kept(bytes, from, to))
  const page = spare.pop() ?? Buffer.allocUnsafeSlow(readBytes)
  const length = bytes.copy(page, 0, from, to)
  socket.write(page.subarray(0, length), () => {
    if (spare.length < maxSpare) spare.push(page)
  })
  // A piece is at most one read long, except when it waited with others behind a request.
  if (from + length < to) writeCopy(socket, bytes, from + length, to)
}
