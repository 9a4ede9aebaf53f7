import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../clock.ts'
import { noteArrival } from '../../fair/arrivals.ts'
import { paceHandshakes } from '../../http/paced-handshakes.ts'
import { serveCertificate, type TlsSource } from '../../http/tls-source.ts'
import type { Logger } from '../../log.ts'
import { tls as tlsModule } from '../../on-demand.ts'
import { type OnRead, readByEvents, readBytes, readInto } from './reading.ts'

export interface ListenerOptions<A> {
  host?: string | undefined
  port: number
  /** Without it: plain. */
  tls?: TlsSource | undefined
  /** Asks for a certificate, which is for others to look at: a connection without one is taken too. */
  clientCertificates?: boolean | undefined
  /** Without it whoever lets connections in ends those whose handshake takes too long. */
  handshakeTimeoutMs?: number | undefined
  /** Of a handshake for which there is no turn. */
  onTurnRefused(): void
  /** Takes over connections behind TLS whose caller chose HTTP/2. */
  onHttp2?: ((accepted: A, firstBytes: Buffer) => (bytes: Buffer) => void) | undefined
  clock: Clock
  log: Logger
}

/** Lets connections in, as long as there are places. */
export interface Admission<A> {
  /** @returns undefined: there is no place, and it is closed unanswered */
  enter(socket: Socket): A | undefined
  /** From now on it carries requests, over this socket: behind TLS, after the handshake. */
  open(accepted: A, socket: Socket): void
  /** It has gone. */
  leave(accepted: A): void
}

/** A listening socket that lets in as many connections as there are places for. */
export interface Listener {
  listen(): Promise<{ port: number }>
  /** Takes no more connections; those that are open stay. */
  stop(): Promise<void>
}

/** @param serve gets every connection that can carry requests: behind TLS, after the handshake */
export function createListener<A>(
  options: ListenerOptions<A>,
  admission: Admission<A>,
  serve: (accepted: A, open: (onRead: OnRead) => Socket) => void,
): Listener {
  const { tls } = options
  // All plain connections share it: each piece is dealt with before the next one is read.
  const buffer = Buffer.allocUnsafeSlow(readBytes)
  const server: Server = tls ? tlsServer(tls, options) : createServer({ ...settings, pauseOnConnect: true })
  /** Behind TLS: those whose handshake runs. Their two sockets know nothing of each other but their peer's port. */
  const handshaking = new Map<string, A>()
  server.on('connection', (socket: Socket) => {
    noteArrival()
    const accepted = admission.enter(socket)
    if (!accepted) return void socket.destroy()
    if (tls) {
      const name = portOf(socket)
      handshaking.set(name, accepted)
      return void socket.once('close', () => {
        if (handshaking.get(name) === accepted) handshaking.delete(name)
        admission.leave(accepted)
      })
    }
    serve(accepted, onRead => {
      const opened = readInto(socket, buffer, onRead)
      admission.open(accepted, opened)
      opened.once('close', () => admission.leave(accepted))
      return opened
    })
  })
  if (tls) paceHandshakes(server, options, options.onTurnRefused)
  server.on('secureConnection', (socket: TLSSocket) => {
    const accepted = handshaking.get(portOf(socket))
    if (!accepted) return void socket.destroy()
    handshaking.delete(portOf(socket))
    admission.open(accepted, socket)
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

function tlsServer<A>(source: TlsSource, options: ListenerOptions<A>): Server {
  const { clientCertificates, handshakeTimeoutMs, onHttp2, log } = options
  const own = {
    ...settings,
    ALPNProtocols: [...(onHttp2 ? ['h2'] : []), 'http/1.1'],
    ...(handshakeTimeoutMs !== undefined && { handshakeTimeout: handshakeTimeoutMs }),
    ...(clientCertificates && { requestCert: true, rejectUnauthorized: false }),
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

function listening<A>(server: Server, { port, host, log }: ListenerOptions<A>): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, ...(host !== undefined && { host }), backlog: 4_096 }, () => {
      server.off('error', reject)
      server.on('error', error => log.error({ err: error }, 'the listener failed'))
      resolve({ port: (server.address() as AddressInfo).port })
    })
  })
}
