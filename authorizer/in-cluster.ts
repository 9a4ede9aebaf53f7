import { join } from 'node:path'
import { createPolicy } from '../enforce/policy/policy.ts'
import { createSlice } from '../enforce/policy/slice.ts'
import { createSnapshotClient } from '../enforce/policy/snapshot-client.ts'
import { createSnapshotFile } from '../enforce/policy/snapshot-file.ts'
import { type Audit, createAudit } from '../enforce/report/audit.ts'
import { createUsageCounter } from '../enforce/report/usage.ts'
import type { Clock } from '../platform/clock.ts'
import { memoryLimit } from '../platform/fair/memory.ts'
import type { Logger } from '../platform/log.ts'
import { createAuthorizer, type RunningAuthorizer } from './authorizer.ts'
import type { AuthorizerConfig } from './config.ts'
import { type AuthorizerMetrics, createAuthorizerMetrics } from './metrics.ts'
import { followSecrets, followTls } from './peers/peer-files.ts'
import { servicesOf } from './peers/peers.ts'
import { createPeerBook } from './peers/prove-peer.ts'
import { createServedService, type ServedService } from './served-service.ts'

interface Context {
  readonly clock: Clock
  readonly log: Logger
  readonly version: string
}

/** A service whose policy is streamed by the issuer and kept on disk. */
interface StreamedService {
  readonly served: ServedService
  start(): void
  stop(): Promise<void>
}

/** Starts an authorizer in a cluster: one stream from the issuer for each service that a peer is listed for. */
export async function startInCluster(config: AuthorizerConfig, context: Context): Promise<RunningAuthorizer> {
  const { clock, log } = context
  const metrics = createAuthorizerMetrics()
  const audit = await createAudit({
    sink: config.audit,
    onBlock: config.auditOnBlock,
    onDropped: metrics.auditDropped,
    log,
  })
  const { tls, stop: stopTls } = await followTls(
    { cert: config.certificateFile, key: config.keyFile, ca: config.peerCaFile },
    context,
  )
  const peers = createPeerBook(config.peers, () => clock.wallMs())
  const stopSecrets = followSecrets(config.peers, peers, context)
  const streamed = await Promise.all(
    servicesOf(config.peers).map(name => streamService(name, config, { ...context, audit, metrics })),
  )
  const services = new Map(streamed.map(({ served }) => [served.name, served]))
  const authorizer = createAuthorizer({ ...config, tls, services, peers, audit, metrics, clock, log })
  const ports = await authorizer.start()
  for (const service of streamed) service.start()
  return {
    ...ports,
    async stop() {
      await authorizer.drain(config.drainGraceMs, config.drainDeadlineMs)
      stopTls()
      stopSecrets()
      await Promise.all(streamed.map(service => service.stop()))
      await audit.flush(2_000)
    },
  }
}

async function streamService(
  name: string,
  config: AuthorizerConfig,
  context: Context & { audit: Audit; metrics: AuthorizerMetrics },
): Promise<StreamedService> {
  const { clock, audit, metrics } = context
  const log = context.log.child({ service: name })
  const policy = createPolicy(clock)
  const slice = createSlice(policy)
  // No name has an underscore, so no two services share a file.
  const path = join(config.snapshotFolder, `${name.replace('/', '_')}.json`)
  const file = createSnapshotFile({ path, service: name, slice, policy, clock, log })
  await file.load()
  const counts = metrics.ofService(name)
  metrics.watch(name, policy)
  const usage = createUsageCounter()
  const sharedBy = servicesOf(config.peers).length
  const limit = memoryLimit()
  const client = createSnapshotClient({
    ...config,
    ...context,
    url: config.snapshotUrl,
    service: name,
    slice,
    findings: () => ({ wouldDeny: counts.wouldDenyCount() }),
    used: when => usage.told(clock.now(), when),
    onTaken: taken => (taken === 'applied' ? file.save() : file.confirm()),
    onConnected: counts.connected,
    memoryBytes: limit ?? 0,
    sharedBy,
    log,
  })
  return {
    served: createServedService({
      ...{ ...config, name, policy, audit, counts, usage, clock },
      memoryBytes: limit && limit / sharedBy,
    }),
    start: client.start,
    async stop() {
      await client.tellUsed()
      client.stop()
      await file.settled()
    },
  }
}
