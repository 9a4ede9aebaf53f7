import { createDocumentReader } from '../cluster/openapi/document-reader.ts'
import { createDocuments, type DocumentTimings } from '../cluster/openapi/documents.ts'
import { createReadingThread } from '../cluster/openapi/reading-thread.ts'
import { createResolved } from '../cluster/resolved.ts'
import { clientKeys } from '../core/registry/client-row.ts'
import type { Feature } from '../core/rows/features.ts'
import { systemClock } from '../platform/clock.ts'
import type { KubeClient } from '../platform/kube/client.ts'
import type { ReflectorTimings } from '../platform/kube/list-watch.ts'
import type { Logger } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { createStreamAuthorizer } from './authenticate/authorize.ts'
import { createFairReviewer } from './authenticate/review-fairly.ts'
import { createServiceCallers } from './authenticate/service-callers.ts'
import { createReviewer } from './authenticate/token-review.ts'
import { checkUrl, createCheckHandler } from './check/check-handler.ts'
import { createClusterKeys } from './cluster-keys.ts'
import type { IssuerConfig } from './config.ts'
import { measure } from './measure.ts'
import { createObjects } from './objects.ts'
import { createClientsById } from './publish/clients-by-id.ts'
import { writtenByIssuer } from './publish/discovery.ts'
import { createRoutes } from './publish/routes.ts'
import { followSigningKeys } from './publish/signing-keys.ts'
import { followTokens } from './revocations/follow-tokens.ts'
import { startServers } from './servers.ts'
import { createSlices } from './slices/slices.ts'
import { createSnapshotServer } from './snapshots/snapshot-server.ts'
import { measureStore } from './store/measure-store.ts'
import { openStore } from './store/open-store.ts'
import { mostOfClient } from './tokens/assertion-places.ts'
import { createTokens } from './tokens/tokens.ts'
import { createUsage } from './usage/usage.ts'

/** One running replica. */
export interface Issuer {
  readonly ports: { readonly public: number; readonly snapshots: number; readonly tokens: number }
  /** Why it should get no traffic, or undefined. */
  notReady(): string | undefined
  /** Resolves when every list is there and every slice is made. */
  readonly loaded: Promise<void>
  /** Readiness off, streams ended, running answers finished. */
  close(drainMs: number): Promise<void>
}

export interface IssuerParts {
  readonly client: KubeClient
  /** For what tokens and checks ask, with connections of its own; default: the same. */
  readonly storeClient?: KubeClient
  readonly log: Logger
  readonly metrics?: Metrics
  /** Address to listen on; default all. */
  readonly host?: string
  readonly timings?: Partial<ReflectorTimings>
  readonly documentTimings?: Partial<DocumentTimings>
  /** How often the keys of service account tokens are read. */
  readonly clusterKeysMs?: number
  /** What rows may say that guards of earlier releases do not know; default: of this release. */
  readonly features?: readonly Feature[]
}

/** Starts one replica: copies of the objects, slices for guards, documents for everybody. */
export async function startIssuer(config: IssuerConfig, parts: IssuerParts): Promise<Issuer> {
  const { client, log, metrics, timings } = parts
  const stopping = new AbortController()
  const signing = followSigningKeys(
    client,
    { namespace: config.namespace, name: `${config.fullname}-issuer-keys` },
    { algorithm: config.tokenAlgorithm, ed25519Alg: config.ed25519Alg },
    log,
  )
  const opened = await openStore(config, { client: parts.storeClient ?? client, clock: systemClock, log })
  const store = metrics ? measureStore(opened, metrics) : opened
  const { issuerUrl } = config
  const followed = followTokens({ issuerUrl, store, signing, clock: systemClock, log })
  const { feed, revocations } = followed
  const objects = createObjects(client, { log, feed, ...(metrics && { metrics }), ...(timings && { timings }) })
  const documents = createDocuments({
    client,
    services: objects.services,
    reader: createDocumentReader(createReadingThread()),
    log,
    ...(metrics && { metrics }),
    ...(parts.documentTimings && { timings: parts.documentTimings }),
  })
  const resolved = createResolved(objects, config, documents, 'follows')
  const clientById = createClientsById(resolved)
  const cluster = createClusterKeys(client, { log, rereadMs: parts.clusterKeysMs })
  const slices = createSlices({
    objects,
    resolved,
    documents,
    cluster: cluster.current,
    accessTokens: { row: followed.row, revoked: revocations.of },
    log,
    ...(parts.features && { features: parts.features }),
  })
  const audience = `${config.issuerUrl}/v1/snapshots`
  const reviewer = createReviewer(client, audience)
  const fair = createFairReviewer(reviewer, { audience, clock: systemClock })
  const authorizer = createStreamAuthorizer({ objects, reviewer: fair })
  const usage = createUsage({ objects, clock: systemClock })
  const snapshots = createSnapshotServer({ slices, objects, documents, authorizer, reviewer: fair, usage, log })
  cluster.onChange(slices.clusterChanged)
  followed.onChange(slices.accessTokensChanged)
  revocations.onChange((clientId, what) => {
    const found = clientById(clientId)
    if (found) slices.clientChanged(found.key, what === 'more' ? 'urgent' : 'relaxed')
  })
  if (metrics) measure(metrics, { slices, snapshots, usage })
  let isLoaded = false

  function freshClient(clientId: string) {
    // So that a new one is known without waiting for others.
    slices.flush()
    return clientById(clientId)
  }
  const ofIssuer = createFairReviewer(createReviewer(parts.storeClient ?? client, issuerUrl), {
    audience: issuerUrl,
    clock: systemClock,
  })
  const callers = createServiceCallers(ofIssuer, systemClock)
  const assertionsOfClient = mostOfClient[config.redis ? 'Redis' : 'Kubernetes']
  const tokens = createTokens(
    { ...config, assertionsOfClient },
    {
      objects,
      resolved,
      cluster: cluster.current,
      callers,
      clientById: freshClient,
      signing,
      store,
      revocations,
      ready: () => isLoaded,
      clock: systemClock,
      log,
    },
  )
  const check = createCheckHandler({
    callers,
    slices,
    services: resolved.services,
    ready: () => isLoaded,
    clock: systemClock,
    log,
  })
  const find = createRoutes({
    issuerUrl: config.issuerUrl,
    tokenUrl: config.tokenUrl,
    algs: writtenByIssuer(config.ed25519Alg),
    checkUrl: checkUrl(config.tokenUrl),
    signingKeys: signing.current,
    client: freshClient,
    server: tokens.servers.get,
    clientKeys: one => clientKeys(one, objects.by.keysOfClient.get(one.key)).map(({ key }) => key),
    now: () => Math.floor(Date.now() / 1000),
  })
  const servers = await startServers(config, {
    ...parts,
    find,
    objects,
    slices,
    snapshots,
    usage,
    tokens,
    check,
    reviewer: fair,
    ready: () => isLoaded,
  })

  async function load(): Promise<void> {
    store.start()
    await objects.start(stopping.signal)
    documents.start()
    // Without the cluster's keys a slice would take access from every service account: better none for a while.
    await cluster.start(stopping.signal)
    await followed.whenKnown(objects.services.store.values(), stopping.signal)
    await slices.start()
    isLoaded = true
    log.info({ services: [...slices.all()].length }, 'loaded')
  }
  const loaded = load()
  // Waited for by whoever wants to know; a stop before the end is no error of the process.
  loaded.catch(error => log.debug({ err: error }, 'stopped before everything was loaded'))

  return {
    ports: servers.ports,
    loaded,
    notReady() {
      if (stopping.signal.aborted) return 'draining'
      if (!isLoaded) return cluster.fault() ?? 'not everything is loaded'
      return servers.notReady() ?? store.fault()
    },
    async close(drainMs) {
      stopping.abort()
      snapshots.drain()
      await servers.close(drainMs)
      for (const part of [slices, cluster, signing, followed, tokens]) part.stop()
      // Not waited for: what is under way may hang in a request, and writes nothing.
      void documents.stop()
      await Promise.all([objects.stop(), store.stop()])
    },
  }
}
