import { mkdtemp, rm } from 'node:fs/promises'
import type { createServer as createHttp1, RequestListener } from 'node:http'
import type { Server, Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import type { GuardOptions } from '../../guard/guard.ts'
import { cleanUp, cleanups } from './http2-rig.ts'
import { type Rig, startGuard } from './rig.ts'

/** A folder for each test with the socket of an app, and guards before it. */
export interface UnixSocket {
  folder(): string
  path(): string
  /** Lets a server listen at the socket. */
  listening<S extends Server>(server: S): Promise<S>
  guarding(options?: Partial<GuardOptions>): Promise<Rig>
  /** What the log says of the socket. */
  said(rig: Rig): unknown[]
}

export function unixSocket(): UnixSocket {
  let folder: string
  let path: string
  beforeEach(async () => {
    // The path of a socket is short, and another user comes to it.
    folder = await mkdtemp('/tmp/latchkey-')
    path = join(folder, 'app.sock')
    cleanups.push(() => rm(folder, { recursive: true, force: true }))
  })
  afterEach(cleanUp)
  return {
    folder: () => folder,
    path: () => path,
    async listening(server) {
      const sockets = new Set<Socket>()
      server.on('connection', (socket: Socket) => {
        sockets.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => sockets.delete(socket))
      })
      await new Promise<void>(resolve => server.listen(path, resolve))
      cleanups.push(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
      return server
    },
    async guarding(options = {}) {
      const rig = await startGuard(1, { upstream: `unix:${path}`, ...options })
      cleanups.push(rig.close)
      return rig
    },
    said: rig => rig.log.filter(({ socket }) => socket === path).map(({ level, code, msg }) => [level, code, msg]),
  }
}

export const closed = (server: Server): Promise<void> =>
  new Promise(resolve => {
    server.close(() => resolve())
    ;(server as Partial<ReturnType<typeof createHttp1>>).closeAllConnections?.()
  })

export const echo: RequestListener = (incoming, response) => {
  let body = ''
  incoming.on('data', chunk => (body += chunk))
  incoming.on('end', () => response.end(`${incoming.method} ${incoming.headers.host} ${body}`))
}
