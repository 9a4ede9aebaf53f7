import type { DecisionPoint } from '../enforce/authorize.ts'
import type { Policy } from '../enforce/policy/policy.ts'
import type { Reporter } from '../enforce/report/report.ts'
import type { Tracing } from '../enforce/report/trace.ts'
import { type Clock, sleep } from '../platform/clock.ts'
import { type Budget, createBudget } from '../platform/fair/budget.ts'
import { createTurns, type Turns } from '../platform/fair/turns.ts'
import type { TlsSource } from '../platform/http/tls-source.ts'
import type { Logger } from '../platform/log.ts'
import { createAdmission } from '../platform/wire/accepted.ts'
import { createListener } from '../platform/wire/connection/listener.ts'
import { createOutbox } from '../platform/wire/connection/outbox.ts'
import { tickMs, ticksOf } from '../platform/wire/connection/ticks.ts'
import { serveCaller } from './http1/caller.ts'
import type { ListenerContext } from './http1/caller-state.ts'
import { sweepCallers } from './http1/sweep.ts'
import { openExchanges } from './http1/withdraw.ts'
import { endConnection } from './http1/write.ts'
import type { Http2Sessions } from './http2/sessions.ts'
import type { OpenCalls } from './open-calls/review.ts'
import type { Tunnels } from './open-calls/tunnels.ts'
import type { UpstreamPool } from './upstream/pool.ts'

export interface DataPath {
  listen(): Promise<{ port: number }>
  isDraining(): boolean
  /** Requests of HTTP/1.1 that were let in. */
  readonly open: OpenCalls
  /** Calls let in and not yet answered. */
  inFlight(): number
  /** Goes on serving, but tells every caller to take its next request elsewhere. */
  announceStop(): void
  /** Finishes what runs; `graceMs` is how long new requests are still taken, with `Connection: close`. */
  drain(graceMs: number, deadlineMs: number): Promise<void>
}

export interface ProxyOptions {
  policy: Policy
  decisions: DecisionPoint
  reporter: Reporter
  tunnels: Tunnels
  /** Memory of all that is under way. */
  memory: Budget
  /** Where tokens that were not seen before wait to be proved. */
  proofs: Turns
  tracing?: Tracing | undefined
  upstreams: UpstreamPool
  /** What `type` of a problem body begins with. */
  problemBase?: string | undefined
  clock: Clock
  log: Logger
  host?: string | undefined
  port: number
  /** Certificate and key towards callers; without it: plain. */
  tls?: TlsSource | undefined
  /** For a head to arrive. Default 10 s. */
  headersTimeoutMs?: number | undefined
  /** How long a connection may be idle between requests. Default 75 s, longer than common balancers keep theirs. */
  keepAliveMs?: number | undefined
  /** In how much time 4 KiB of a body have to come. Default 60 s. */
  bodyIdleMs?: number | undefined
  /** How long a client may leave its answer unread: it holds a connection to the app. Default 60 s. */
  unreadMs?: number | undefined
  /** Default 16,384. */
  maxConnections?: number | undefined
  /** Default 1,024. */
  maxConnectionsPerPeer?: number | undefined
  /** Serves the connections that begin with the preface of HTTP/2. */
  http2: Http2Sessions
}

/** The guard's data path: HTTP/1.1 over node:net both ways. */
export function createProxy(options: ProxyOptions): DataPath {
  const { clock, http2, headersTimeoutMs = 10_000, maxConnections = 16_384, maxConnectionsPerPeer = 1_024 } = options
  const { limitHit } = options.reporter
  const context = createContext(options, headersTimeoutMs)
  const listener = createListener(
    {
      ...options,
      handshakeTimeoutMs: headersTimeoutMs,
      onTurnRefused: () => limitHit('connections'),
      onHttp2(accepted, firstBytes) {
        sweeper.wake()
        return http2.take(accepted, firstBytes)
      },
    },
    createAdmission({
      isSecure: options.tls !== undefined,
      connections: { sum: maxConnections, perPeer: maxConnectionsPerPeer },
      memory: options.memory,
      onRefused: limitHit,
    }),
    (accepted, open) => {
      sweeper.wake()
      serveCaller(context, accepted, open)
    },
  )
  const sweeper = createSweeper(() => {
    context.tick++
    sweepCallers(context)
    context.upstreams.sweep()
    http2.sweep()
    return context.callers.size + http2.size() + context.upstreams.size() > 0
  })

  function announceStop(): void {
    context.draining = true
    http2.announceStop()
  }

  return {
    isDraining: () => context.draining,
    open: openExchanges(context.callers),
    inFlight: () => inFlight(context) + http2.busy(),
    listen: listener.listen,
    announceStop,
    async drain(graceMs, deadlineMs) {
      const startedMs = clock.now()
      announceStop()
      await sleep(clock, Math.min(graceMs, deadlineMs))
      await listener.stop()
      const sessions = http2.drain(Math.max(0, deadlineMs - graceMs))
      while (context.callers.size > 0 && clock.now() - startedMs < deadlineMs) {
        endIdle(context)
        await sleep(clock, 20)
      }
      for (const { socket } of context.callers) socket.destroy()
      await sessions
      sweeper.stop()
      context.upstreams.closeAll()
    },
  }
}

/** Connections that are ended and still read: of all callers, and of one peer. */
const lingering = { sum: 512, perPeer: 64 }

/** One for each connection; more connections than these have no requests behind one another. */
const requestTurns = { sliceMs: 2, perPeer: 4_096, sum: 16_384, givesWay: true } as const

/** Looks at what there is every tick, and at nothing while there is nothing. @param look @returns whether to go on */
function createSweeper(look: () => boolean): { wake(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined
  const stop = (): void => {
    clearInterval(timer)
    timer = undefined
  }
  return {
    stop,
    wake() {
      timer ??= setInterval(() => look() || stop(), tickMs).unref()
    },
  }
}

function createContext(options: ProxyOptions, headersTimeoutMs: number): ListenerContext {
  const { keepAliveMs = 75_000, bodyIdleMs = 60_000, unreadMs = 60_000, http2, log } = options
  const context: ListenerContext = {
    ...options,
    // Behind TLS the handshake says which protocol it is.
    onHttp2: options.tls ? undefined : http2.take,
    limits: {
      head: ticksOf(headersTimeoutMs),
      idle: ticksOf(keepAliveMs),
      bodyIdle: ticksOf(bodyIdleMs),
      unread: ticksOf(unreadMs),
    },
    callers: new Set(),
    lingering: createBudget(lingering, 'shed'),
    turns: createTurns(requestTurns, options),
    outbox: createOutbox(log),
    tick: 0,
    draining: false,
  }
  return context
}

/** How long a connection that never carried a request may still bring its first one. */
const freshTicks = ticksOf(1_000)

function endIdle(context: ListenerContext): void {
  for (const caller of context.callers) {
    const isFresh = caller.served === 0 && context.tick - caller.since <= freshTicks
    if (caller.phase === 'head' && !caller.pending && !isFresh) endConnection(caller)
  }
}

function inFlight({ callers }: ListenerContext): number {
  let running = 0
  for (const { exchange } of callers) if (exchange) running++
  return running
}
