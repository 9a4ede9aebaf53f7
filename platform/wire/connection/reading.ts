import { Socket } from 'node:net'

/** Takes what was read. `bytes` are good until it returns. @returns false to stop reading until `resume` */
export type OnRead = (length: number, bytes: Buffer) => boolean

/** Long enough for any read of the system's. */
export const readBytes = 65_536

/**
 * Lets an accepted connection be read into a buffer that is there already. A server's sockets make 64 KiB anew for
 * every read, which costs more than reading a request; a Socket takes `onread` (documented) in its constructor only, so
 * the connection gets a second one. `_handle` is not documented: without it all goes the slow way.
 * @param accepted not yet read: its server has `pauseOnConnect`
 */
export function readInto(accepted: Socket, buffer: Buffer, onRead: OnRead): Socket {
  const owner = accepted as unknown as { _handle: { readStart?: unknown } | null }
  const { _handle: handle } = owner
  if (!handle || typeof handle.readStart !== 'function') return readByEvents(accepted, onRead)
  owner._handle = null
  const options = { handle, allowHalfOpen: true, readable: true, writable: true, onread: { buffer, callback: onRead } }
  return new Socket(options as unknown as ConstructorParameters<typeof Socket>[0])
}

/** The same by way of events, for connections behind TLS. */
export function readByEvents(socket: Socket, onRead: OnRead): Socket {
  socket.on('data', (bytes: Buffer) => {
    if (!onRead(bytes.length, bytes)) socket.pause()
  })
  socket.resume()
  return socket
}
