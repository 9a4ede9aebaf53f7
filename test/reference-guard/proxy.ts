import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { DataPath } from '../../guard/proxy.ts'
import { maxHeaderBytes } from '../../platform/wire/read-request.ts'
import { handleBrokenBytes } from './broken-bytes.ts'
import { drainServer } from './drain.ts'
import {
  createRequestHandler,
  type HandlerOptions,
  headOf,
  type RequestHandler,
  type Traffic,
} from './handle-request.ts'
import { responseOn } from './tunnel.ts'

export interface ReferenceOptions extends HandlerOptions {
  host?: string | undefined
  port: number
  /** For a head to arrive. Default 10 s. */
  headersTimeoutMs?: number
  maxConnections?: number
}

/** The reference data path: node:http towards callers, undici towards the app. What it is compared with is the product's. */
export function createReferenceProxy(options: ReferenceOptions): Omit<DataPath, 'inFlight' | 'open'> {
  const { clock, tunnels } = options
  const traffic: Traffic = { running: new Map(), open: new WeakMap(), ending: new WeakSet(), draining: false }
  const server = makeServer(options)
  attach(server, traffic, options)

  function announceStop(): void {
    traffic.draining = true
    for (const exchanges of traffic.running.values()) {
      for (const { response } of exchanges) if (!response.headersSent) response.shouldKeepAlive = false
    }
  }

  return {
    announceStop,
    isDraining: () => traffic.draining,
    listen: () => listening(server, options),
    drain(graceMs, deadlineMs) {
      announceStop()
      return drainServer(server, { clock, graceMs, deadlineMs, busy: () => traffic.running.size + tunnels.size() > 0 })
    },
  }
}

function attach(server: Server, traffic: Traffic, options: ReferenceOptions): void {
  const { running, open, ending } = traffic
  const handleOne = createRequestHandler(traffic, options)
  const handle: RequestHandler = (request, response, firstBytes) => {
    try {
      handleOne(request, response, firstBytes)
    } catch (error) {
      // A bug costs the call that met it, and nobody else's.
      options.log.error({ err: error }, 'a request could not be handled')
      request.socket.destroy()
    }
  }
  server.on('connection', (socket: Socket) => {
    socket.once('close', () => setImmediate(abandon, running, socket))
  })
  server.on('request', (request, response) => handle(request, response))
  // Node would answer these two by itself, before anybody decided.
  server.on('checkContinue', (request, response) => handle(request, response))
  server.on('checkExpectation', (request, response) => handle(request, response))
  server.on('upgrade', (request: IncomingMessage, socket: Socket, firstBytes: Buffer) => {
    // An answer that is still to come would be written into the tunnel.
    if (open.has(socket)) return void socket.destroy()
    handle(request, responseOn(request, socket), firstBytes)
  })
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    if (open.has(socket)) return void socket.destroy()
    handle(request, responseOn(request, socket))
  })
  server.on('clientError', (error: Error, socket: Socket) => {
    if (ending.has(socket)) return
    ending.add(socket)
    handleBrokenBytes(error, socket, { ...options, exchanges: running.get(socket) })
  })
}

/** Node tells the one answer that was being written of the end of its connection; those queued behind it hear nothing. */
function abandon(running: Traffic['running'], socket: Socket): void {
  for (const { response } of running.get(socket) ?? []) if (!response.closed) response.emit('close')
}

function makeServer({ headersTimeoutMs = 10_000, maxConnections = 16_384 }: ReferenceOptions): Server {
  const server = createServer({
    insecureHTTPParser: false,
    maxHeaderSize: maxHeaderBytes,
    // A missing Host is refused by us, with a reason and an audit line.
    requireHostHeader: false,
    headersTimeout: headersTimeoutMs,
    // A long upload is no attack; a silent one is ended by itself.
    requestTimeout: 0,
    keepAliveTimeout: 75_000,
    connectionsCheckingInterval: 1_000,
    noDelay: true,
    shouldUpgradeCallback(request) {
      const head = headOf(request)
      return !('status' in head) && head.webSocket
    },
  })
  // Node drops what is over its limit and goes on; we count and refuse.
  server.maxHeadersCount = 0
  server.maxConnections = maxConnections
  return server
}

function listening(server: Server, { port, host, log }: ReferenceOptions): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, ...(host !== undefined && { host }), backlog: 4_096 }, () => {
      server.off('error', reject)
      server.on('error', error => log.error({ err: error }, 'the listener failed'))
      resolve({ port: (server.address() as AddressInfo).port })
    })
  })
}
