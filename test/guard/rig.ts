import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { AuditEntry } from '../../core/audit/audit-entry.ts'
import { auditSchema } from '../../core/audit/audit-schema.ts'
import { sliceHash } from '../../core/rows/hash.ts'
import type { Row } from '../../core/rows/rows.ts'
import { createPolicy, type Policy } from '../../enforce/policy/policy.ts'
import { createSlice, type HeldSlice } from '../../enforce/policy/slice.ts'
import { type Audit, createAudit } from '../../enforce/report/audit.ts'
import { createGuardMetrics } from '../../enforce/report/metrics.ts'
import { createGuard, type Guard, type GuardOptions } from '../../guard/guard.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'
import { createReferenceGuard } from '../reference-guard/guard.ts'
import { createQuietLog } from '../unit/platform/quiet-log.ts'
import { rowsOf, service } from './policy-rows.ts'

/** A request as the app saw it. */
export interface Seen {
  readonly method: string
  readonly url: string
  /** Flat, as on the wire. */
  readonly raw: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
  header(name: string): string | undefined
  names(): string[]
}

export interface App {
  readonly port: number
  readonly server: Server
  /** Every request whose body has ended, in order. */
  readonly seen: Seen[]
  close(): Promise<void>
}

export type Answering = (request: IncomingMessage, response: ServerResponse, body: string) => void

/** A real HTTP server that records what reached it. */
export async function startApp(
  answering: Answering = (_request, response) => void response.end('from the app'),
): Promise<App> {
  const seen: Seen[] = []
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => {})
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('latin1')
      seen.push(seenOf(request, body))
      answering(request, response, body)
    })
  })
  return { ...(await listen(server)), seen }
}

export async function listen(server: Server): Promise<Omit<App, 'seen'>> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    server,
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function seenOf(request: IncomingMessage, body: string): Seen {
  const { method = '', url = '', rawHeaders, rawTrailers } = request
  const names = (): string[] => rawHeaders.filter((_, at) => at % 2 === 0)
  return {
    method,
    url,
    raw: rawHeaders,
    body,
    trailers: rawTrailers,
    names,
    header(name) {
      const at = names().findIndex(candidate => candidate.toLowerCase() === name.toLowerCase())
      return at === -1 ? undefined : rawHeaders[at * 2 + 1]
    },
  }
}

export interface Rig {
  readonly port: number
  readonly adminPort: number
  readonly guard: Guard
  readonly policy: Policy
  readonly slice: HeldSlice
  readonly clock: SteppedClock
  readonly log: Record<string, unknown>[]
  /** Swaps the policy, as a frame from the issuer would. */
  apply(rows: readonly Row[]): void
  /** The audit lines, once there are at least so many. */
  audit(atLeast?: number): Promise<AuditEntry[]>
  metrics(): Promise<string>
  wouldDenyCount(): number
  close(): Promise<void>
}

export interface SteppedClock extends Clock {
  /** Both clocks move on; timers stay the machine's. */
  step(ms: number): void
  /** Only the time of day moves. */
  setWall(ms: number): void
}

export function createSteppedClock(): SteppedClock {
  let both = 0
  let wall = 0
  return {
    ...systemClock,
    now: () => systemClock.now() + both,
    wallMs: () => Date.now() + both + wall,
    step(ms) {
      both += ms
    },
    setWall(ms) {
      wall += ms
    },
  }
}

/** A running guard in this process, before an app at `upstream`. `rows: undefined` leaves it without a policy. */
export async function startGuard(
  upstream: number,
  options: Partial<GuardOptions> & { rows?: readonly Row[] | undefined; form?: 'reference' } = {},
): Promise<Rig> {
  const rows = 'rows' in options ? options.rows : rowsOf()
  const folder = await mkdtemp(join(tmpdir(), 'guard-'))
  const file = join(folder, 'audit.log')
  const { log, lines } = createQuietLog()
  const clock = createSteppedClock()
  const policy = createPolicy(clock)
  const slice = createSlice(policy)
  const metrics = createGuardMetrics(policy)
  const sink = await createAudit({ sink: file, onDropped: metrics.auditDropped, log })
  const audit = counted(sink)
  let version = 0
  const apply = (next: readonly Row[]): void => {
    slice.take({ full: { rows: next }, seen: { apiclients: String(++version) }, hash: sliceHash(next) })
  }
  if (rows) apply(rows)
  const guard = (options.form === 'reference' ? createReferenceGuard : createGuard)({
    service,
    upstream: `http://127.0.0.1:${upstream}`,
    upstreamProtocol: 'http1',
    upstreamTimeoutMs: 5_000,
    listen: { host: '127.0.0.1', port: 0 },
    adminListen: { host: '127.0.0.1', port: 0 },
    probes: [],
    policy,
    audit,
    metrics,
    exposed: async () => [],
    clock,
    log,
    ...options,
  })
  const { port, adminPort = 0 } = await guard.start()
  return {
    port,
    adminPort,
    guard,
    policy,
    slice,
    clock,
    log: lines,
    apply,
    metrics: async () => (await metrics.exposition()).body,
    wouldDenyCount: metrics.wouldDenyCount,
    // Lines are written in batches: what was recorded by now is waited for too.
    audit: (atLeast = 1) => auditLines(file, Math.max(atLeast, audit.recorded())),
    async close() {
      await guard.drain(0, 100)
      await guard.close()
      await audit.flush(500)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function counted(audit: Audit): Audit & { recorded(): number } {
  let recorded = 0
  return {
    ...audit,
    recorded: () => recorded,
    record(entry) {
      recorded++
      audit.record(entry)
    },
  }
}

export async function auditLines(file: string, atLeast: number): Promise<AuditEntry[]> {
  for (let tries = 0; ; tries++) {
    const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n').slice(0, -1)
    if (lines.length >= atLeast || tries > 200) return lines.map(readAuditLine)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

const checkLine = new Ajv2020({ allErrors: true, validateFormats: false }).compile({
  ...auditSchema(),
  additionalProperties: false,
})

/** Every line that any test reads is held against the published schema, and has no member that it does not name. */
function readAuditLine(line: string): AuditEntry {
  const entry: unknown = JSON.parse(line)
  if (!checkLine(entry)) throw new Error(`an audit line is not as documented: ${JSON.stringify(checkLine.errors)}`)
  return entry as AuditEntry
}
