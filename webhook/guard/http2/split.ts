import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { beginsHttp2 } from './preface.ts'
import type { Http2Sessions } from './sessions.ts'

/**
 * Serves both protocols on the server's port: the first bytes of a connection tell which one it is. A byte or two of
 * most requests are enough; who sends the beginning of a preface and no more is cut off.
 */
export function splitProtocols(server: Server, http2: Http2Sessions, silentMs = 10_000): void {
  const serveHttp1 = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    const silent = setTimeout(() => socket.destroy(), silentMs)
    const ignore = (): void => {}
    let begun = Buffer.alloc(0)
    const look = (): void => {
      const bytes: Buffer | null = socket.read()
      if (!bytes) return
      begun = Buffer.concat([begun, bytes])
      const isHttp2 = beginsHttp2(begun)
      if (isHttp2 === undefined) return
      clearTimeout(silent)
      socket.off('readable', look)
      socket.off('error', ignore)
      if (isHttp2) http2.take(socket, begun)
      else {
        socket.unshift(begun)
        for (const serve of serveHttp1) serve.call(server, socket)
      }
    }
    socket.on('readable', look)
    socket.on('error', ignore)
    socket.once('close', () => clearTimeout(silent))
  })
}
