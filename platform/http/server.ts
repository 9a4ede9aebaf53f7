import type { IncomingMessage, ServerResponse } from 'node:http'
import http from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { type Clock, systemClock } from '../clock.ts'
import { noteArrival } from '../fair/arrivals.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { https } from '../on-demand.ts'
import { closeServer, lastOne } from './close-server.ts'
import { createConnections } from './connections.ts'
import { createExchanges } from './exchanges.ts'
import { type HttpLimit, type HttpLimits, limitsOf, sweepMsOf } from './limits.ts'
import { paceHandshakes } from './paced-handshakes.ts'
import { sendProblem, tooBusy } from './problem.ts'
import { serveCertificate, type TlsSource } from './tls-source.ts'

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
  handler: Handler
  /** Where they differ from those of every listener. */
  limits?: Partial<HttpLimits>
  /** Told of everything that met a limit. Default: counts it in `metrics`. */
  onLimit?: (limit: HttpLimit) => void
  log: Logger
  metrics?: Metrics
  clock?: Clock
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

/**
 * An HTTP/1.1 server where nothing lasts for ever and nobody gets everything: each phase of a connection has its time, and
 * what is held for peers has sums, which they share. A handler that throws gives 500 and no detail.
 * @throws Error when a limit is none
 */
export function createServer(options: HttpServerOptions): HttpServer {
  const { name, log, clock = systemClock } = options
  const limits = limitsOf(options.limits)
  const onLimit = options.onLimit ?? (limit => options.metrics?.httpLimits.inc({ server: name, limit }))
  const server = makeServer(options, limits)
  const closing = new AbortController()
  const sockets = new Set<Socket>()
  const running = new Set<ServerResponse>()
  const stopSweeping = bound(server, { ...options, clock, limits, onLimit }, response => {
    running.add(response)
    if (closing.signal.aborted) lastOne(response)
    response.on('finish', () => options.metrics?.httpRequests.inc({ server: name, code: String(response.statusCode) }))
    response.on('close', () => {
      running.delete(response)
      // After `close` Node ends connections that are idle then, not those that become idle later.
      if (closing.signal.aborted && !server.listening) setImmediate(() => server.closeIdleConnections())
    })
  })
  server.on('connection', (socket: Socket) => {
    noteArrival()
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  if (options.tls) paceHandshakes(server, { clock, log }, () => onLimit('handshakes'))
  server.on('tlsClientError', error => log.debug({ err: error, server: name }, 'TLS handshake failed'))

  return {
    closing: closing.signal,
    listen: async () => ({ port: await listening(server, options) }),
    async close(drainMs) {
      if (closing.signal.aborted) return
      closing.abort()
      for (const response of running) lastOne(response)
      if (server.listening) await closeServer(server, sockets, drainMs)
      stopSweeping()
    },
  }
}

const retryLater = { 'retry-after': '1', connection: 'close' }

/** Puts the limits between a server and its handler. @param begin called for every request that is let in */
function bound(
  server: http.Server | HttpsServer,
  options: HttpServerOptions & { clock: Clock; limits: HttpLimits; onLimit: (limit: HttpLimit) => void },
  begin: (response: ServerResponse) => void,
) {
  const { name, log, clock, limits, onLimit } = options
  const bounds = { isSecure: options.tls !== undefined, limits, clock, onLimit }
  const connections = createConnections(bounds)
  const exchanges = createExchanges(connections, bounds)
  let isSweeping = false
  let cancel = (): void => {}

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await options.handler(request, response)
    } catch (error) {
      log.error({ err: error, server: name, method: request.method }, 'the handler failed')
      // Half an answer cannot be taken back; a cut connection says that it was one.
      if (response.headersSent) response.destroy()
      else sendProblem(response, { status: 500, code: 'internal_error', title: 'Internal error' })
    }
    exchanges.handled(response)
  }

  /** Only while there are connections: a process at rest is not woken. */
  function sweep(): void {
    exchanges.sweep()
    isSweeping = connections.size() > 0
    if (isSweeping) cancel = clock.after(sweepMsOf(limits), sweep)
  }

  server.on('connection', (socket: Socket) => {
    connections.accept(socket)
    if (!options.tls) cutOffWithoutStacks(socket)
    if (!isSweeping) sweep()
  })
  server.on('secureConnection', (socket: Socket) => {
    connections.secured(socket)
    cutOffWithoutStacks(socket)
  })
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const begun = exchanges.begin(request, response)
    if (begun === 'closed') return
    begin(response)
    if (begun === 'begun') void handle(request, response)
    else sendProblem(response, { ...tooBusy, headers: retryLater })
  })
  return () => cancel()
}

/**
 * Node makes an error for every request that ends with its connection. What sends hundreds behind one another and leaves
 * would cost this process a stack for each, which says nothing and takes longer than all the rest.
 * @param socket carries requests: Node listens to its end already
 */
function cutOffWithoutStacks(socket: Socket): void {
  let limit = Error.stackTraceLimit
  socket.prependListener('close', () => {
    limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
  })
  socket.on('close', () => {
    Error.stackTraceLimit = limit
  })
}

function listening(server: http.Server | HttpsServer, { name, host, port, log }: HttpServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // As many as the kernel lets wait: of 511, Node's own, a crowd leaves the next one none.
    server.listen({ port, ...(host !== undefined && { host }), backlog: 4_096 }, () => {
      server.off('error', reject)
      server.on('error', error => log.error({ err: error, server: name }, 'server error'))
      const { port: chosen } = server.address() as AddressInfo
      log.info({ server: name, port: chosen }, 'listening')
      resolve(chosen)
    })
  })
}

function makeServer(options: HttpServerOptions, limits: HttpLimits): http.Server | HttpsServer {
  const settings = {
    // Ours count from a phase's begin to its end and hold for every phase, see exchanges.ts; Node's know two of them.
    requestTimeout: 0,
    headersTimeout: 0,
    keepAliveTimeout: limits.idleMs,
    maxHeaderSize: limits.headBytes,
  }
  const { tls } = options
  if (!tls) return http.createServer(settings)
  return serveCertificate(tls, certificate => https().createServer({ ...settings, ...certificate }))
}
