import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** A connection whose bytes are looked at before node:http2 reads them: given the socket itself, it shows them to nobody. */
export interface WatchedSocket {
  readonly duplex: Duplex
  /** Takes what came on the connection. Bytes are kept. */
  take(bytes: Buffer): void
}

export function watchedSocket(socket: Socket, look: (bytes: Buffer) => void): WatchedSocket {
  const duplex = new Duplex({
    allowHalfOpen: false,
    read() {
      socket.resume()
    },
    write(chunk: Buffer, _encoding, done) {
      socket.write(chunk, done)
    },
    writev(chunks, done) {
      socket.cork()
      for (const { chunk } of chunks.slice(0, -1)) socket.write(chunk)
      socket.write(chunks.at(-1)?.chunk, done)
      socket.uncork()
    },
    final(done) {
      socket.end(done)
    },
    destroy(error, done) {
      socket.destroy()
      done(error)
    },
  })
  // Whoever sends nothing more can acknowledge nothing, and node:http2 writes on after the end that it would answer with
  // on a stream that is no socket: an assertion of Node's, which ends the process.
  socket.on('end', () => duplex.destroy())
  socket.on('close', () => duplex.destroy())
  return {
    duplex,
    take(bytes) {
      if (duplex.destroyed) return
      look(bytes)
      if (!duplex.destroyed && !duplex.push(bytes)) socket.pause()
    },
  }
}
