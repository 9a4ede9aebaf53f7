import { createDecisionPoint } from '../enforce/authorize.ts'
import { boundsFor, createIdentityCache } from '../enforce/identity-cache.ts'
import { countsWithin, createLimitCounts } from '../enforce/limit-counts.ts'
import type { Policy } from '../enforce/policy/policy.ts'
import { type KeptBack, keptBackText, standingText } from '../enforce/policy/standing.ts'
import type { Audit } from '../enforce/report/audit.ts'
import type { GuardMetrics } from '../enforce/report/metrics.ts'
import { createReporter } from '../enforce/report/report.ts'
import type { Tracing } from '../enforce/report/trace.ts'
import type { UsageCounter } from '../enforce/report/usage.ts'
import { type OnBlock, whileRecorded } from '../enforce/report/while-recorded.ts'
import type { ListenAddress } from '../enforce/settings.ts'
import type { Clock } from '../platform/clock.ts'
import { createBudget } from '../platform/fair/budget.ts'
import { memoryBounds } from '../platform/fair/memory.ts'
import { createTurns } from '../platform/fair/turns.ts'
import type { Logger } from '../platform/log.ts'
import { createAdmin } from './admin.ts'
import { createDebug } from './debug.ts'
import { createHttp2, type UpstreamProtocol } from './http2/sessions.ts'
import { createReview } from './open-calls/review.ts'
import { createTunnels } from './open-calls/tunnels.ts'
import type { Probe } from './probes/probes.ts'
import { createProxy, type DataPath, type ProxyOptions } from './proxy.ts'
import { createUpstreamPool } from './upstream/pool.ts'
import { createReachLog } from './upstream/reach-log.ts'

/** One guard: the data path and its admin port. Where the policy comes from is not its business. */
export interface Guard {
  start(): Promise<{ port: number; adminPort: number | undefined }>
  /** Not ready at once; goes on serving, but tells every caller to take its next request elsewhere. */
  announceStop(): void
  /** Not ready at once, then finishes what runs. */
  drain(graceMs: number, deadlineMs: number): Promise<void>
  /** Gives up the admin port, after all else. */
  close(): Promise<void>
}

export interface GuardOptions {
  service: string
  /** `http:` or `https:`, host and port; or `unix:` and the path of a socket. */
  upstream: string
  /** How callers that speak HTTP/2 reach the app; those of HTTP/1 always reach it by HTTP/1. */
  upstreamProtocol: UpstreamProtocol
  upstreamTimeoutMs: number
  listen: ListenAddress
  adminListen: ListenAddress | undefined
  probes: readonly Probe[]
  policy: Policy
  audit: Audit
  /** What happens to calls while the audit sink takes no lines. Default: Count. */
  auditOnBlock?: OnBlock | undefined
  metrics: GuardMetrics
  tracing?: Tracing | undefined
  /** Where an issuer is told what was used. */
  usage?: UsageCounter | undefined
  /** Answers below /debug on the admin port, to callers on loopback. */
  debug?: 'on' | 'off'
  /** Looks where the app listens now. @returns addresses beyond loopback */
  exposed(): Promise<readonly string[]>
  /** The policy that this guard is not sent because it is too large for it. */
  keptBack?(): KeptBack | undefined
  clock: Clock
  log: Logger
  /** PEM of the CA that vouches for an https app. */
  upstreamCa?: string | undefined
  /** Towards callers; without it: plain. */
  tls?: ProxyOptions['tls']
  /** What `type` of a problem body begins with. */
  problemBase?: string
  bodyIdleMs?: number
  unreadMs?: number
  headersTimeoutMs?: number
  keepAliveMs?: number
  maxConnections?: number
  maxConnectionsPerPeer?: number
  /** Connections to the app. Default 1,024. */
  maxUpstreamConnections?: number
  /** What the process may take, bytes; undefined: it has no limit. */
  memoryLimitBytes?: number | undefined
}

/** A guard that serves. */
export interface RunningGuard {
  readonly port: number
  readonly adminPort: number | undefined
  /** The pod is ending: not ready, and callers are told to take their next request elsewhere. */
  announceStop(): void
  /** Not ready at once; finishes running requests; then gives everything back. */
  stop(): Promise<void>
}

/** Checking a signature takes a tenth of a millisecond or two; a peer that waits longest waits half a second. */
const proofTurns = { sliceMs: 4, perPeer: 512, sum: 4_096, givesWay: true } as const

export function createGuard(options: GuardOptions): Guard {
  const { policy, audit, auditOnBlock = 'Count', metrics, clock, log, adminListen } = options
  const cache = createIdentityCache(() => boundsFor(policy.snapshot()?.clients.size ?? 0, options.memoryLimitBytes))
  const deciding = {
    cache,
    now: () => Math.floor(clock.wallMs() / 1_000),
  }
  const limits = createLimitCounts(clock.now, countsWithin(options.memoryLimitBytes))
  const decisions = createDecisionPoint({ ...deciding, limits, policy: whileRecorded(policy, audit, auditOnBlock) })
  const reporter = createReporter({ ...options })
  // What is open was recorded when it opened: a full sink closes none of it.
  const reviewer = createDecisionPoint({ ...deciding, policy })
  const tunnels = createTunnels({ reporter, metrics })
  const onNoConnection = createReachLog(options.upstream, log)
  const upstreams = createUpstreamPool({
    origin: options.upstream,
    headersTimeoutMs: options.upstreamTimeoutMs,
    ca: options.upstreamCa,
    maxConnections: options.maxUpstreamConnections,
    onNoConnection,
    log,
  })
  const shared = {
    memory: createBudget(memoryBounds(options.memoryLimitBytes), 'shed'),
    proofs: createTurns(proofTurns, { clock, log }),
  }
  const http2 = createHttp2({ ...options, ...shared, onNoConnection, decisions, reporter, upstreams })
  const proxy = createProxy({
    ...options,
    ...options.listen,
    upstreams,
    decisions,
    reporter,
    tunnels,
    ...shared,
    http2,
  })
  // A handshake that becomes a tunnel meanwhile is looked at there: tunnels come behind what they are made of.
  const open = [proxy.open, tunnels, http2.open]
  const review = createReview({ policy, decisions: reviewer, clock, log, open })
  const gauges = {
    inFlight: proxy.inFlight,
    isDraining: proxy.isDraining,
    identities: cache.lookups,
    limitCounts: limits.size,
  }
  metrics.observe(gauges)
  let started = false
  const admin =
    adminListen &&
    createAdmin({
      ...options,
      ...adminListen,
      debug: options.debug === 'on' ? createDebug({ ...options, gauges }) : undefined,
      started: () => started,
      ready: async () => unready(options, proxy) ?? (await bypassed(options)),
      bypassed: () => bypassed(options),
      standing: () => standingText(policy, options.keptBack?.()),
    })
  return {
    async start() {
      const { port } = await proxy.listen()
      started = true
      review.start()
      const adminPort = (await admin?.listen())?.port
      log.info({ service: options.service, port, adminPort }, 'guarding')
      return { port, adminPort }
    },
    announceStop: proxy.announceStop,
    async drain(graceMs, deadlineMs) {
      await proxy.drain(graceMs, deadlineMs)
      tunnels.closeAll()
      review.stop()
      await options.tracing?.flush(1_000)
    },
    close: async () => admin?.close(0),
  }
}

/** Why callers should not come here. A stale policy is none: they would lose the answer that says what is wrong. */
function unready({ policy, keptBack }: GuardOptions, proxy: DataPath): string | undefined {
  if (proxy.isDraining()) return 'the guard is stopping'
  if (policy.snapshot()) return undefined
  const slice = keptBack?.()
  return `policy_missing: ${slice ? keptBackText(slice) : 'no snapshot came yet'}`
}

async function bypassed({ policy, exposed }: GuardOptions): Promise<string | undefined> {
  if (policy.snapshot()?.service?.directAccess === 'Report') return undefined
  const addresses = await exposed()
  return addresses.length === 0
    ? undefined
    : `the app listens beyond loopback (${addresses.join(', ')}), where callers can go around the guard: bind 127.0.0.1, or name the port in the pod annotation latchkey.dev/open-ports`
}
