import { type Clock, sleep } from '../../clock.ts'
import { createBudget } from '../../fair/budget.ts'
import { createConnections } from '../../http/connections.ts'
import { type HttpLimit, type HttpLimits, limitsOf, sweepMsOf } from '../../http/limits.ts'
import type { TlsSource } from '../../http/tls-source.ts'
import type { Logger } from '../../log.ts'
import { createListener } from '../connection/listener.ts'
import { createOutbox } from '../connection/outbox.ts'
import { serveClient } from './connection.ts'
import { endConnection, type HeadHandler, type ServerContext } from './state.ts'
import { sweepClients } from './sweep.ts'

export interface HeadServerOptions {
  /** In logs. */
  readonly name: string
  readonly host?: string | undefined
  /** 0 lets the system choose. */
  readonly port: number
  /** Without it: plain. */
  readonly tls?: TlsSource | undefined
  /** Asks for a certificate, which the handler has to look at: a connection without one is taken too. */
  readonly clientCertificates?: boolean | undefined
  readonly handler: HeadHandler
  /** Where they differ from those of every listener. */
  readonly limits?: Partial<HttpLimits> | undefined
  readonly onLimit: (limit: HttpLimit) => void
  readonly clock: Clock
  readonly log: Logger
}

export interface HeadServer {
  listen(): Promise<{ port: number }>
  /**
   * Finishes running requests, ends idle connections, and after `drainMs` all others. Requests that still arrive on open
   * connections in the first moment are answered, with `Connection: close`.
   */
  close(drainMs: number): Promise<void>
}

/** A request may be on its way on a connection that looks idle from here: those get this long to show. */
const idleGraceMs = 500
const lookEveryMs = 20

/**
 * A server of HTTP/1.1 for requests that are answered from their heads, over the wire reader. Its limits are those of every
 * listener; of a body nothing is held, so no sum bounds it.
 * @throws Error when a limit is none
 */
export function createHeadServer(options: HeadServerOptions): HeadServer {
  const { name, tls, handler, onLimit, clock, log } = options
  const limits = limitsOf(options.limits)
  const connections = createConnections({ isSecure: tls !== undefined, limits, clock, onLimit })
  const context: ServerContext = {
    ...{ handler, limits, clock, log, draining: false },
    answers: createBudget(limits.answers),
    outbox: createOutbox(log),
    clients: new Set(),
  }
  let isSweeping = false
  let cancel = (): void => {}

  /** Only while there are connections: a process at rest is not woken. */
  function sweep(): void {
    const now = clock.now()
    for (const connection of connections.all()) {
      const isLate = connection.phase === 'handshake' && now - connection.since > limits.handshakeMs
      if (isLate) connection.closeFor('handshake_timeout')
    }
    sweepClients(context)
    isSweeping = connections.size() > 0
    if (isSweeping) cancel = clock.after(sweepMsOf(limits), sweep)
  }

  const listener = createListener(
    { ...options, onTurnRefused: () => onLimit('handshakes') },
    {
      ...connections,
      enter(socket) {
        const connection = connections.enter(socket)
        if (connection && !isSweeping) sweep()
        return connection
      },
    },
    (connection, open) => serveClient(context, connection, open),
  )

  function endIdle(): void {
    for (const client of context.clients) if (client.phase === 'head' && !client.pending) endConnection(client)
  }

  async function closed(untilMs: number, look: () => void): Promise<void> {
    for (look(); connections.size() > 0 && clock.now() < untilMs; look()) await sleep(clock, lookEveryMs)
  }

  return {
    async listen() {
      const listening = await listener.listen()
      log.info({ server: name, ...listening }, 'listening')
      return listening
    },
    async close(drainMs) {
      if (context.draining) return
      context.draining = true
      const startedMs = clock.now()
      await closed(startedMs + Math.min(idleGraceMs, drainMs), () => {})
      await listener.stop()
      await closed(startedMs + drainMs, endIdle)
      for (const { socket } of connections.all()) socket.destroy()
      cancel()
    },
  }
}
