import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthorizer } from '../../../authorizer/authorizer.ts'
import { createAuthorizerMetrics } from '../../../authorizer/metrics.ts'
import { type Peer, servicesOf } from '../../../authorizer/peers/peers.ts'
import { createPeerBook, type PeerBook } from '../../../authorizer/peers/prove-peer.ts'
import { createServedService } from '../../../authorizer/served-service.ts'
import type { AuditEntry } from '../../../core/audit/audit-entry.ts'
import { sliceHash } from '../../../core/rows/hash.ts'
import type { Row } from '../../../core/rows/rows.ts'
import { createPolicy, type Policy } from '../../../enforce/policy/policy.ts'
import { createSlice } from '../../../enforce/policy/slice.ts'
import { createAudit } from '../../../enforce/report/audit.ts'
import type { UsageCounter } from '../../../enforce/report/usage.ts'
import type { OnBlock } from '../../../enforce/report/while-recorded.ts'
import { systemClock } from '../../../platform/clock.ts'
import type { TlsSource } from '../../../platform/http/tls-source.ts'
import { rowsOf, service } from '../../guard/policy-rows.ts'
import { auditLines } from '../../guard/rig.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

/** A listed proxy of each kind, each with a secret of its own. */
export const peers: readonly Peer[] = (['Envoy', 'Nginx', 'HAProxy', 'Traefik'] as const).map(proxy => ({
  name: proxy.toLowerCase(),
  proxy,
  services: [service],
  certificateNames: [`${proxy.toLowerCase()}.edge.svc`],
  secretFile: 'unused',
}))
export const secretOf = (name: string): string => name.padEnd(40, '.')

export interface Rig {
  readonly http: number
  readonly grpc: number
  readonly health: number
  readonly book: PeerBook
  policy(of: string): Policy
  /** Swaps the policy of shop/orders. */
  apply(rows: readonly Row[]): void
  audit(atLeast?: number): Promise<AuditEntry[]>
  metrics(): Promise<string>
  close(): Promise<void>
}

/** A running authorizer in this process. */
export async function startAuthorizer(
  options: {
    peers?: readonly Peer[]
    tls?: TlsSource
    rows?: readonly Row[] | undefined
    now?: () => number
    auditOnBlock?: OnBlock
    isBlocked?: () => boolean
    problemBase?: string
    usage?: UsageCounter
  } = {},
): Promise<Rig> {
  const { peers: listed = peers, tls, now = Date.now, auditOnBlock, problemBase } = options
  const folder = await mkdtemp(join(tmpdir(), 'authorizer-'))
  const file = join(folder, 'audit.log')
  const { log } = createQuietLog()
  const clock = systemClock
  const metrics = createAuthorizerMetrics()
  const sink = await createAudit({ sink: file, onDropped: metrics.auditDropped, log })
  const audit = { ...sink, isBlocked: options.isBlocked ?? sink.isBlocked }
  const book = createPeerBook(listed, now)
  for (const { name, secretFile } of listed) if (secretFile !== undefined) book.setSecrets(name, [secretOf(name)])
  const policies = new Map(servicesOf(listed).map(name => [name, createPolicy(clock)]))
  const served = [...policies].map(([name, policy]) => {
    metrics.watch(name, policy)
    const counts = metrics.ofService(name)
    return createServedService({ name, policy, audit, auditOnBlock, counts, usage: options.usage, clock })
  })
  const policy = policies.get(service)
  const slice = policy && createSlice(policy)
  let version = 0
  const apply = (rows: readonly Row[]): void => {
    slice?.take({ full: { rows }, seen: { apiclients: String(++version) }, hash: sliceHash(rows) })
  }
  const rows = 'rows' in options ? options.rows : rowsOf()
  if (rows) apply(rows)
  const local = { host: '127.0.0.1', port: 0 }
  const authorizer = createAuthorizer({
    ...{ listen: local, grpcListen: local, healthListen: local },
    services: new Map(served.map(one => [one.name, one])),
    ...{ tls, peers: book, audit, problemBase, metrics, clock, log },
  })
  const { http = 0, grpc = 0, health = 0 } = await authorizer.start()
  return {
    ...{ http, grpc, health, book, apply },
    policy: of => policies.get(of) as Policy,
    audit: (atLeast = 1) => auditLines(file, atLeast),
    metrics: async () => (await metrics.exposition()).body,
    async close() {
      await authorizer.drain(0, 100)
      await audit.flush(500)
      await rm(folder, { recursive: true, force: true })
    },
  }
}
