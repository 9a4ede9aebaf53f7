import {
  constants,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import type { ListenAddress } from '../../enforce/settings.ts'
import type { Clock } from '../../platform/clock.ts'
import type { HttpLimit } from '../../platform/http/limits.ts'
import { paceHandshakes } from '../../platform/http/paced-handshakes.ts'
import { serveCertificate, type TlsSource } from '../../platform/http/tls-source.ts'
import type { Logger } from '../../platform/log.ts'
import { createHttp2Connections, type Http2Connections } from './http2-connections.ts'

export interface Http2Listener extends Pick<Http2Connections, 'begin'> {
  readonly server: Http2Server | Http2SecureServer
  listen(): Promise<{ port: number }>
  /** Sends every peer to another connection, finishes what runs, and after `drainMs` ends all. */
  close(drainMs: number): Promise<void>
}

/** The highest stream there can be: what is on its way is taken, and the peer opens no more. RFC 9113 section 6.8. */
const lastStream = 2 ** 31 - 1
/** What a peer had sent before it heard of the end arrives within this time. */
const noticeMs = 500

/** HTTP/2 over TLS, or in the clear with prior knowledge. */
export function createHttp2Listener(options: {
  listen: ListenAddress
  tls: TlsSource | undefined
  onLimit: (limit: HttpLimit) => void
  clock: Clock
  log: Logger
}): Http2Listener {
  const { listen, tls, onLimit, clock, log } = options
  const server = tls ? secureServer(tls) : createServer(settings)
  const sessions = new Set<ServerHttp2Session>()
  const connections = createHttp2Connections(server, {
    ...{ isSecure: tls !== undefined, onLimit, clock },
    leave(session) {
      warn(session)
      clock.after(noticeMs, () => session.close())
    },
  })
  if (tls) paceHandshakes(server as Server, { clock, log }, () => onLimit('handshakes'))
  let closing = false

  server.on('session', session => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    session.on('error', (error: Error) => log.debug({ err: error }, 'a connection of a proxy broke'))
    if (closing) warn(session)
  })

  return {
    server,
    begin: connections.begin,
    listen: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen({ ...listen, backlog: 4_096 }, () => {
          server.off('error', reject)
          server.on('error', error => log.error({ err: error }, 'the listener of gRPC failed'))
          const { port } = server.address() as AddressInfo
          log.info({ server: 'grpc', port }, 'listening')
          resolve({ port })
        })
      }),
    async close(drainMs) {
      closing = true
      for (const session of sessions) warn(session)
      const startedMs = performance.now()
      if (sessions.size > 0) await new Promise(resolve => setTimeout(resolve, Math.min(noticeMs, drainMs)))
      await ended(server, sessions, drainMs - (performance.now() - startedMs))
      connections.stop()
    },
  }
}

function warn(session: ServerHttp2Session): void {
  if (!session.destroyed && !session.closed) session.goaway(constants.NGHTTP2_NO_ERROR, lastStream)
}

// A proxy has many checks in flight, and one connection is all it needs.
const settings = { settings: { maxConcurrentStreams: 4_096 } }

function secureServer(tls: TlsSource): Http2SecureServer {
  // Without authorities of our own Node would trust its list, and every web server of the world would be proved.
  const own = { ...settings, requestCert: tls.pair()?.ca !== undefined, rejectUnauthorized: false }
  return serveCertificate(tls, certificate => createSecureServer({ ...own, ...certificate }))
}

function ended(
  server: Http2Server | Http2SecureServer,
  sessions: ReadonlySet<ServerHttp2Session>,
  leftMs: number,
): Promise<void> {
  return new Promise(resolve => {
    const force = setTimeout(
      () => {
        for (const session of sessions) session.destroy()
      },
      Math.max(0, leftMs),
    )
    server.close(() => {
      clearTimeout(force)
      resolve()
    })
    for (const session of sessions) session.close()
  })
}
