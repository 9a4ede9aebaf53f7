import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { createManifests } from '../enforce/policy/manifests.ts'
import { createPolicy } from '../enforce/policy/policy.ts'
import { createAudit } from '../enforce/report/audit.ts'
import type { OnBlock } from '../enforce/report/while-recorded.ts'
import type { ListenAddress } from '../enforce/settings.ts'
import type { Clock } from '../platform/clock.ts'
import type { Logger } from '../platform/log.ts'
import { SettingsError } from '../platform/process-exit.ts'
import { readYaml } from '../platform/read-yaml.ts'
import { createAuthorizer, type RunningAuthorizer } from './authorizer.ts'
import { createAuthorizerMetrics } from './metrics.ts'
import { followSecrets, followTls, type TlsFiles } from './peers/peer-files.ts'
import { type Peer, readPeers, servicesOf } from './peers/peers.ts'
import { createPeerBook } from './peers/prove-peer.ts'
import { createServedService } from './served-service.ts'

export interface StandaloneOptions {
  readonly manifests: string
  /** YAML file with the list of peers. */
  readonly peers: string
  readonly listen: ListenAddress | undefined
  readonly grpcListen: ListenAddress | undefined
  readonly health: ListenAddress | undefined
  /** Without it: in the clear. */
  readonly tls: TlsFiles | undefined
  readonly audit: string
  readonly auditOnBlock: OnBlock
  readonly problemBase: string
  readonly issuer: string
  readonly installation: string
}

/**
 * Starts an authorizer without a cluster: its policies are compiled from manifests, whose changes it follows.
 * @throws SettingsError that lists every mistake of the peers or the manifests
 */
export async function startStandalone(
  options: StandaloneOptions,
  context: { clock: Clock; log: Logger; drainGraceMs?: number; intervalMs?: number },
): Promise<RunningAuthorizer> {
  const { clock, log, drainGraceMs = 500 } = context
  const listed = await loadPeers(options.peers)
  const metrics = createAuthorizerMetrics()
  const audit = await createAudit({
    sink: options.audit,
    onBlock: options.auditOnBlock,
    onDropped: metrics.auditDropped,
    log,
  })
  const followed = options.tls && (await followTls(options.tls, context))
  const peers = createPeerBook(listed, () => clock.wallMs())
  const stopSecrets = followSecrets(listed, peers, context)
  const compiled = await Promise.all(
    servicesOf(listed).map(async service => {
      const policy = createPolicy(clock)
      const source = createManifests({ ...options, ...context, path: options.manifests, service, policy })
      await source.load()
      metrics.watch(service, policy)
      const counts = metrics.ofService(service)
      return { source, served: createServedService({ ...options, name: service, policy, audit, counts, clock }) }
    }),
  )
  const services = new Map(compiled.map(({ served }) => [served.name, served]))
  const { listen, grpcListen, health: healthListen, problemBase } = options
  const addresses = { listen, grpcListen, healthListen, problemBase }
  const authorizer = createAuthorizer({ ...addresses, tls: followed?.tls, services, peers, audit, metrics, clock, log })
  const ports = await authorizer.start()
  for (const { source } of compiled) source.follow()
  return {
    ...ports,
    async stop() {
      await authorizer.drain(drainGraceMs, 10_000)
      followed?.stop()
      stopSecrets()
      for (const { source } of compiled) source.stop()
      await audit.flush(2_000)
    },
  }
}

/** @throws SettingsError that lists every mistake */
async function loadPeers(file: string): Promise<Peer[]> {
  const found = readYaml(await readFile(file, 'utf8'))
  if ('fault' in found) throw new SettingsError(`${file}: ${found.fault}`)
  const read = readPeers((found.value as { peers?: unknown } | null)?.peers)
  if ('mistakes' in read) throw new SettingsError(`${file}:\n  ${read.mistakes.join('\n  ')}`)
  // As in a compose file: beside the file that names them.
  return read.peers.map(peer =>
    peer.secretFile === undefined ? peer : { ...peer, secretFile: resolve(dirname(file), peer.secretFile) },
  )
}
