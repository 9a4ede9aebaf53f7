import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { https } from '../on-demand.ts'
import { sendProblem } from './problem.ts'
import type { TlsSource } from './tls-source.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

export interface HttpServerOptions {
  /** In logs and metrics. */
  name: string
  /** Default: all addresses. */
  host?: string
  /** 0 lets the system choose. */
  port: number
  /** Without it: plain HTTP. */
  tls?: TlsSource
  /** Asks for a certificate, which the handler has to look at: a connection without one is taken too. */
  clientCertificates?: boolean
  handler: Handler
  /** For the whole request, headers and body, to arrive. Default 30 s. */
  requestTimeoutMs?: number
  /** Default 10 s. */
  headersTimeoutMs?: number
  /** How long an idle connection is kept. Default 75 s, longer than the idle time of common balancers. */
  keepAliveTimeoutMs?: number
  /** Default 16 KiB. */
  maxHeaderBytes?: number
  log: Logger
  metrics?: Metrics
}

export interface HttpServer {
  /** @throws Error when the port cannot be had */
  listen(): Promise<{ port: number }>
  /** Fires when `close` was called: long-lived answers, such as streams, are to end then. */
  readonly closing: AbortSignal
  /**
   * Finishes running requests, ends idle connections, and after `drainMs` all others. Requests that still arrive on
   * open connections in the first moment are served, with `Connection: close`.
   */
  close(drainMs: number): Promise<void>
}

// A request may be on its way on a connection that looks idle from here: those get this long to show.
const idleGraceMs = 500

/** An HTTP/1.1 server with bounds on time and size. A handler that throws gives 500 and no detail. */
export function createServer(options: HttpServerOptions): HttpServer {
  const { name, log, metrics } = options
  const server = makeServer(options)
  const closing = new AbortController()
  const sockets = new Set<Socket>()
  const running = new Set<ServerResponse>()

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    running.add(response)
    if (closing.signal.aborted) lastOne(response)
    response.on('finish', () => metrics?.httpRequests.inc({ server: name, code: String(response.statusCode) }))
    response.on('close', () => {
      running.delete(response)
      // After `close` Node ends connections that are idle then, not those that become idle later.
      if (closing.signal.aborted && !server.listening) setImmediate(() => server.closeIdleConnections())
    })
    void handle(request, response)
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', error => log.debug({ err: error, server: name }, 'TLS handshake failed'))

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await options.handler(request, response)
    } catch (error) {
      log.error({ err: error, server: name, method: request.method }, 'the handler failed')
      // Half an answer cannot be taken back; a cut connection says that it was one.
      if (response.headersSent) response.destroy()
      else sendProblem(response, { status: 500, code: 'internal_error', title: 'Internal error' })
    }
  }

  return {
    closing: closing.signal,
    listen: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(options.port, options.host, () => {
          server.off('error', reject)
          server.on('error', error => log.error({ err: error, server: name }, 'server error'))
          const { port } = server.address() as AddressInfo
          log.info({ server: name, port }, 'listening')
          resolve({ port })
        })
      }),
    async close(drainMs) {
      if (closing.signal.aborted) return
      closing.abort()
      for (const response of running) lastOne(response)
      if (!server.listening) return
      if (sockets.size > 0) await emptied(sockets, Math.min(idleGraceMs, drainMs))
      // Timers run before sockets are read: on a busy machine requests may have come and wait to be seen.
      await new Promise(resolve => setImmediate(resolve))
      await new Promise<void>(resolve => {
        // Stops accepting and ends idle connections; calls back when the last one has gone.
        const force = setTimeout(() => server.closeAllConnections(), Math.max(0, drainMs - idleGraceMs))
        server.close(() => {
          clearTimeout(force)
          resolve()
        })
      })
    },
  }
}

function makeServer(options: HttpServerOptions): http.Server | HttpsServer {
  const requestTimeout = options.requestTimeoutMs ?? 30_000
  const settings = {
    requestTimeout,
    headersTimeout: Math.min(options.headersTimeoutMs ?? 10_000, requestTimeout),
    keepAliveTimeout: options.keepAliveTimeoutMs ?? 75_000,
    maxHeaderSize: options.maxHeaderBytes ?? 16_384,
    // How often the two time limits are looked at; the default of 30 s would make them mean little.
    connectionsCheckingInterval: Math.min(1_000, options.headersTimeoutMs ?? 1_000),
  }
  const { tls } = options
  if (!tls) return http.createServer(settings)
  const server = https().createServer({
    ...settings,
    minVersion: 'TLSv1.2',
    ...(options.clientCertificates && { requestCert: true, rejectUnauthorized: false }),
    ...tls.pair(),
    SNICallback: (_name, done) => {
      try {
        done(null, tls.current())
      } catch (error) {
        done(error as Error)
      }
    },
  })
  // Clients that connect to an address send no name, and SNICallback is not asked.
  tls.onReplace(pair => server.setSecureContext({ ...pair, minVersion: 'TLSv1.2' }))
  return server
}

/** Tells the client to open another connection for its next request. */
function lastOne(response: ServerResponse): void {
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
