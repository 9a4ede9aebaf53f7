import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../clock.ts'
import { type Budget, createBudget, type Place } from '../../fair/budget.ts'
import { costs } from '../../fair/memory.ts'
import { paceHandshakes } from '../../http/paced-handshakes.ts'
import { peerKey, plainAddress } from '../../http/peer.ts'
import { serveCertificate, type TlsSource } from '../../http/tls-source.ts'
import type { Logger } from '../../log.ts'
import { tls as tlsModule } from '../../on-demand.ts'
import { type OnRead, readByEvents, readBytes, readInto } from './reading.ts'

export interface ListenerOptions {
  host?: string | undefined
  port: number
  /** Without it: plain. */
  tls?: TlsSource | undefined
  /**
   * Of all callers together, and of one peer. What comes beyond is closed unanswered, or costs the peer that has the most
   * its newest one.
   */
  maxConnections: number
  maxConnectionsPerPeer: number
  /** Memory of all that is under way. */
  memory: Budget
  handshakeTimeoutMs: number
  onRefused(limit: 'connections' | 'memory'): void
  /** Takes over connections behind TLS whose caller chose HTTP/2. */
  onHttp2?: ((accepted: Accepted, firstBytes: Buffer) => (bytes: Buffer) => void) | undefined
  clock: Clock
  log: Logger
}

/** A connection that was let in. */
export interface Accepted {
  /** What is read and written: behind TLS not the one that was accepted. */
  socket: Socket
  /** Where it comes from, as it is written down. */
  readonly address: string
  /** The peer that it is counted for. */
  readonly key: string
  /** Its place in the budget of memory, and what it takes there while nothing is held for it. */
  readonly place: Place
  readonly cost: number
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
  serve: (accepted: Accepted, open: (onRead: OnRead) => Socket) => void,
): Listener {
  const { tls } = options
  const admit = createAdmission(options)
  // All plain connections share it: each piece is dealt with before the next one is read.
  const buffer = Buffer.allocUnsafeSlow(readBytes)
  const server: Server = tls ? tlsServer(tls, options) : createServer({ ...settings, pauseOnConnect: true })
  /** Behind TLS: those whose handshake runs. Their two sockets know nothing of each other but their peer's port. */
  const handshaking = new Map<string, Accepted>()
  server.on('connection', (socket: Socket) => {
    const admitted = admit(socket)
    if (!admitted) return void socket.destroy()
    const { accepted, leave } = admitted
    if (tls) {
      const name = portOf(socket)
      handshaking.set(name, accepted)
      return void socket.once('close', () => {
        if (handshaking.get(name) === accepted) handshaking.delete(name)
        leave()
      })
    }
    serve(accepted, onRead => {
      accepted.socket = readInto(socket, buffer, onRead)
      accepted.socket.once('close', leave)
      return accepted.socket
    })
  })
  if (tls) paceHandshakes(server, options, () => options.onRefused('connections'))
  server.on('secureConnection', (socket: TLSSocket) => {
    const accepted = handshaking.get(portOf(socket))
    if (!accepted) return void socket.destroy()
    handshaking.delete(portOf(socket))
    accepted.socket = socket
    if (options.onHttp2 && socket.alpnProtocol === 'h2') {
      return void socket.on('data', options.onHttp2(accepted, Buffer.alloc(0)))
    }
    serve(accepted, onRead => readByEvents(socket, onRead))
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
  const own = {
    ...settings,
    ALPNProtocols: [...(onHttp2 ? ['h2'] : []), 'http/1.1'],
    handshakeTimeout: handshakeTimeoutMs,
  }
  const server = serveCertificate(source, certificate => tlsModule().createServer({ ...own, ...certificate }))
  server.on('tlsClientError', (error, socket) => {
    log.debug({ err: error }, 'TLS handshake failed')
    // After its time-out Node leaves the connection to us.
    socket.destroy()
  })
  return server
}

function portOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

/** Lets connections in: while there are places for them, and memory. */
function createAdmission({ maxConnections, maxConnectionsPerPeer, memory, tls, onRefused }: ListenerOptions) {
  const connections = createBudget({ sum: maxConnections, perPeer: maxConnectionsPerPeer }, 'shed')
  return (socket: Socket): { accepted: Accepted; leave(): void } | undefined => {
    const key = peerKey(socket.remoteAddress)
    const endFor = (limit: 'connections' | 'memory'): void => {
      onRefused(limit)
      accepted?.socket.destroy()
    }
    let accepted: Accepted | undefined
    const seat = connections.enter(key, 1, () => endFor('connections'))
    if (!seat) return void onRefused('connections')
    const cost = tls ? costs.tls : costs.connection
    const place = memory.enter(key, cost, () => endFor('memory'))
    if (!place) {
      connections.leave(seat)
      return void onRefused('memory')
    }
    accepted = { socket, address: plainAddress(socket.remoteAddress), key, place, cost }
    return {
      accepted,
      leave() {
        connections.leave(seat)
        memory.leave(place)
      },
    }
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
