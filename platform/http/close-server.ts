import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

// A request may be on its way on a connection that looks idle from here: those get this long to show.
const idleGraceMs = 500

/** Stops accepting, lets what runs finish, and ends everything after `drainMs`. */
export async function closeServer(server: Server, sockets: Set<Socket>, drainMs: number): Promise<void> {
  if (sockets.size > 0) await emptied(sockets, Math.min(idleGraceMs, drainMs))
  // Timers run before sockets are read: on a busy machine requests may have come and wait to be seen.
  await new Promise(resolve => setImmediate(resolve))
  await new Promise<void>(resolve => {
    // Half a TLS handshake is a connection that the HTTP server does not know of.
    const force = setTimeout(
      () => {
        for (const socket of sockets) socket.destroy()
      },
      Math.max(0, drainMs - idleGraceMs),
    )
    // Stops accepting and ends idle connections; calls back when the last one has gone.
    server.close(() => {
      clearTimeout(force)
      resolve()
    })
  })
}

/** Tells the client to open another connection for its next request. */
export function lastOne(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close')
}

/** Resolves when the set is empty, or after `ms`. */
function emptied(sockets: Set<Socket>, ms: number): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      for (const socket of sockets) socket.off('close', look)
      resolve()
    }
    const look = (): void => {
      if (sockets.size === 0) done()
    }
    const timer = setTimeout(done, ms)
    for (const socket of sockets) socket.on('close', look)
  })
}
