import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/log.ts'
import { type Authorizer, malformedVerdict, type Verdict } from './authorize.ts'
import { handleBrokenBytes } from './broken-bytes.ts'
import { drainServer } from './drain.ts'
import { type Exchange, forward } from './forward.ts'
import type { Policy } from './policy.ts'
import { type HeadFault, maxHeaderBytes, type RequestHead, readRequest } from './read-request.ts'
import { type Call, peerOf, type Reporter } from './report.ts'
import { denial, malformed } from './respond.ts'
import type { Tunnels } from './upgrade.ts'
import { responseOn } from './upgrade.ts'
import { writeAnswer } from './write-answer.ts'

export interface DataPath {
  listen(): Promise<{ port: number }>
  isDraining(): boolean
  /** Finishes what runs; `graceMs` is how long new requests are still taken, with `Connection: close`. */
  drain(graceMs: number, deadlineMs: number): Promise<void>
}

export interface ProxyOptions {
  host?: string | undefined
  port: number
  policy: Policy
  authorizer: Authorizer
  upstream: Dispatcher
  reporter: Reporter
  tunnels: Tunnels
  clock: Clock
  log: Logger
  /** How long a client may be silent in the middle of a body. Default 60 s. */
  bodyIdleMs?: number
  /** For a head to arrive. Default 10 s. */
  headersTimeoutMs?: number
  maxConnections?: number
}

/** The guard's reference data path: node:http towards callers, undici towards the app. */
export function createProxy(options: ProxyOptions): DataPath {
  const { policy, authorizer, upstream, reporter, tunnels, clock, log, bodyIdleMs = 60_000 } = options
  const running = new Map<Socket, Set<Exchange>>()
  // Connections whose last answer is being given. The parser goes on reading them; what it finds is not looked at, or
  // the rest of a refused request could come in as one of its own.
  const ending = new WeakSet<Socket>()
  let draining = false
  const isDraining = (): boolean => draining
  const server = makeServer(options)

  function admit(head: RequestHead): Verdict {
    try {
      return authorizer.authorize(head)
    } catch (error) {
      // The decision is total: an exception is a bug, and a bug is no reason to let anybody in, or to fall over.
      log.error({ err: error }, 'the decision threw, the call is denied')
      return { ...malformedVerdict(policy), decision: { allow: false, reason: 'policy_unsupported' } }
    }
  }

  function callOf(request: IncomingMessage, verdict: Verdict, requestId: string): Call {
    const { method, url, socket } = request
    return { verdict, method, target: url, requestId, peer: peerOf(socket.remoteAddress), startedMs: clock.now() }
  }

  function refuse(request: IncomingMessage, response: ServerResponse, fault: HeadFault): void {
    const call = callOf(request, malformedVerdict(policy), randomUUID())
    ending.add(request.socket)
    writeAnswer({ request, response }, malformed(fault, call.requestId), true)
    reporter.report(call, fault.status)
  }

  function handle(request: IncomingMessage, response: ServerResponse, firstBytes?: Buffer): void {
    if (ending.has(request.socket)) return
    const head = headOf(request)
    if ('status' in head) return void refuse(request, response, head)
    const verdict = admit(head)
    const call = callOf(request, verdict, head.requestId ?? randomUUID())
    const exchange: Exchange = { call, head, request, response }
    if (!verdict.pass) {
      const answer = denial(verdict, call.requestId)
      reporter.report(call, answer.status)
      if (writeAnswer(exchange, answer, draining) || head.connection.has('close')) ending.add(request.socket)
      return
    }
    track(running, exchange)
    if (head.connection.has('close')) ending.add(request.socket)
    if (head.body !== 'none') watchBody(request, response, bodyIdleMs)
    if (head.expectContinue) response.writeContinue()
    forward(exchange, {
      upstream,
      reporter,
      isDraining,
      onTunnel: (admitted, answer, socket) =>
        tunnels.open({ exchange: admitted, answer, upstream: socket, firstBytes: firstBytes ?? Buffer.alloc(0) }),
    })
  }

  server.on('request', (request, response) => handle(request, response))
  // Node would answer these two by itself, before anybody decided.
  server.on('checkContinue', (request, response) => handle(request, response))
  server.on('checkExpectation', (request, response) => handle(request, response))
  server.on('upgrade', (request: IncomingMessage, socket: Socket, firstBytes: Buffer) => {
    // An answer that is still to come would be written into the tunnel.
    if (running.has(socket)) return void socket.destroy()
    handle(request, responseOn(request, socket), firstBytes)
  })
  server.on('connect', (request: IncomingMessage, socket: Socket) => handle(request, responseOn(request, socket)))
  server.on('clientError', (error: Error, socket: Socket) => {
    if (ending.has(socket)) return
    ending.add(socket)
    handleBrokenBytes(error, socket, { policy, reporter, clock, exchanges: running.get(socket) })
  })

  return {
    isDraining,
    listen: () => listening(server, options),
    drain(graceMs, deadlineMs) {
      draining = true
      for (const exchanges of running.values()) {
        for (const { response } of exchanges) if (!response.headersSent) response.shouldKeepAlive = false
      }
      return drainServer(server, { clock, graceMs, deadlineMs, busy: () => running.size + tunnels.size() > 0 })
    },
  }
}

function headOf(request: IncomingMessage): RequestHead | HeadFault {
  const { method = '', url = '', httpVersion, rawHeaders } = request
  return readRequest({ method, target: url, version: httpVersion, raw: rawHeaders })
}

function makeServer({ headersTimeoutMs = 10_000, maxConnections = 16_384 }: ProxyOptions): Server {
  const server = createServer({
    insecureHTTPParser: false,
    maxHeaderSize: maxHeaderBytes,
    // A missing Host is refused by us, with a reason and an audit line.
    requireHostHeader: false,
    headersTimeout: headersTimeoutMs,
    // A long upload is no attack; a silent one is ended by watchBody.
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

function listening(server: Server, { port, host, log }: ProxyOptions): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, ...(host !== undefined && { host }), backlog: 4_096 }, () => {
      server.off('error', reject)
      server.on('error', error => log.error({ err: error }, 'the listener failed'))
      resolve({ port: (server.address() as AddressInfo).port })
    })
  })
}

function track(running: Map<Socket, Set<Exchange>>, exchange: Exchange): void {
  const { socket } = exchange.request
  const exchanges = running.get(socket) ?? new Set()
  running.set(socket, exchanges.add(exchange))
  exchange.response.once('close', () => {
    exchanges.delete(exchange)
    if (exchanges.size === 0) running.delete(socket)
  })
}

/** Ends a request whose body stopped coming: it would hold a connection to the app for ever. */
function watchBody(request: IncomingMessage, response: ServerResponse, idleMs: number): void {
  request.setTimeout(idleMs, () => response.destroy())
  request.once('end', () => request.socket.setTimeout(0))
}
