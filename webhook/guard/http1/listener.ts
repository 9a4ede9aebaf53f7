import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { TlsSource } from '../../../platform/http/tls-source.ts'
import type { Logger } from '../../../platform/log.ts'
import { tls as tlsModule } from '../../../platform/on-demand.ts'
import { peerOf } from '../report.ts'
import { type OnRead, readByEvents, readBytes, readInto } from './reading.ts'

export interface ListenerOptions {
  host?: string | undefined
  port: number
  /** Without it: plain. */
  tls?: TlsSource | undefined
  /** Of all callers together, and of one address. What comes beyond is closed unanswered. */
  maxConnections: number
  maxConnectionsPerPeer: number
  handshakeTimeoutMs: number
  onRefused(): void
  /** Takes over connections behind TLS whose caller chose HTTP/2. */
  onHttp2?: ((socket: Socket, firstBytes: Buffer) => (bytes: Buffer) => void) | undefined
  log: Logger
}

/** A listening socket that bounds how many connections there are. */
export interface Listener {
  listen(): Promise<{ port: number }>
  /** Takes no more connections; those that are open stay. */
  stop(): Promise<void>
}

/** @param serve gets every connection that can carry requests: behind TLS, after the handshake */
export function createListener(
  options: ListenerOptions,
  serve: (open: (onRead: OnRead) => Socket, peer: string) => void,
): Listener {
  const { tls } = options
  const count = countPeers(options)
  // All plain connections share it: each piece is dealt with before the next one is read.
  const buffer = Buffer.allocUnsafeSlow(readBytes)
  const server: Server = tls ? tlsServer(tls, options) : createServer({ ...settings, pauseOnConnect: true })
  server.on('connection', (accepted: Socket) => {
    const peer = peerOf(accepted.remoteAddress)
    if (!count.admit(peer)) {
      options.onRefused()
      return void accepted.destroy()
    }
    if (tls) return void accepted.once('close', () => count.leave(peer))
    serve(onRead => {
      const socket = readInto(accepted, buffer, onRead)
      socket.once('close', () => count.leave(peer))
      return socket
    }, peer)
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    if (options.onHttp2 && socket.alpnProtocol === 'h2') {
      return void socket.on('data', options.onHttp2(socket, Buffer.alloc(0)))
    }
    serve(onRead => readByEvents(socket, onRead), peerOf(socket.remoteAddress))
  })
  return {
    listen: () => listening(server, options),
    async stop() {
      if (!server.listening) return
      // Connections that the system has already taken are accepted in the next poll; then the door closes at once.
      await new Promise(resolve => setImmediate(resolve))
      server.close()
    },
  }
}

const settings = { allowHalfOpen: true, noDelay: true }

function tlsServer(source: TlsSource, { handshakeTimeoutMs, onHttp2, log }: ListenerOptions): Server {
  const server = tlsModule().createServer({
    ...settings,
    minVersion: 'TLSv1.2',
    ALPNProtocols: [...(onHttp2 ? ['h2'] : []), 'http/1.1'],
    handshakeTimeout: handshakeTimeoutMs,
    SNICallback(_name, done) {
      try {
        done(null, source.current())
      } catch (error) {
        done(error as Error)
      }
    },
    ...source.pair(),
  })
  // Callers that name no host are asked for by no callback.
  source.onReplace(pair => server.setSecureContext({ ...pair, minVersion: 'TLSv1.2' }))
  server.on('tlsClientError', error => log.debug({ err: error }, 'TLS handshake failed'))
  return server
}

function countPeers({ maxConnections, maxConnectionsPerPeer }: ListenerOptions) {
  const peers = new Map<string, number>()
  let total = 0
  return {
    admit(peer: string): boolean {
      const held = peers.get(peer) ?? 0
      if (total >= maxConnections || held >= maxConnectionsPerPeer) return false
      peers.set(peer, held + 1)
      total++
      return true
    },
    leave(peer: string): void {
      const held = peers.get(peer) ?? 0
      if (held > 1) peers.set(peer, held - 1)
      else peers.delete(peer)
      total--
    },
  }
}

function listening(server: Server, { port, host, log }: ListenerOptions): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, ...(host !== undefined && { host }), backlog: 4_096 }, () => {
      server.off('error', reject)
      server.on('error', error => log.error({ err: error }, 'the listener failed'))
      resolve({ port: (server.address() as AddressInfo).port })
    })
  })
}
