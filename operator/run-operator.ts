import { createDocumentReader } from '../cluster/openapi/document-reader.ts'
import { createDocuments, type DocumentTimings } from '../cluster/openapi/documents.ts'
import { createReadingThread } from '../cluster/openapi/reading-thread.ts'
import { createResolved } from '../cluster/resolved.ts'
import { type Clock, systemClock } from '../platform/clock.ts'
import type { KubeClient } from '../platform/kube/client.ts'
import { createEventRecorder } from '../platform/kube/event.ts'
import { guardedServices, secrets } from '../platform/kube/resources.ts'
import type { Logger } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { createAccessKeyIo } from './access-key/access-key-io.ts'
import { generateKeyMaterial } from './access-key/key-material.ts'
import { createKeyQueue } from './access-key/key-queue.ts'
import { createSecretSweep } from './access-key/secret-sweep.ts'
import { createVisits } from './access-key/visits.ts'
import { createAdmissionPath } from './certificates/admission-path.ts'
import { createBundleReach } from './certificates/bundle-reach.ts'
import { createCertificates } from './certificates/certificates.ts'
import { createIssuerKeys } from './certificates/issuer-keys.ts'
import { measureCertificates } from './certificates/measure-certificates.ts'
import { createRequestReader } from './certificates/rotation-requests.ts'
import { serversOf } from './certificates/servers.ts'
import type { Config } from './config.ts'
import { createContext } from './context.ts'
import { type Controllers, createControllers } from './controllers.ts'
import { createEnforcement } from './guarded-service/enforcement.ts'
import { measure, measureEnforcement, measureLastUsed } from './measure.ts'
import { createReplicaClient, replicasOf } from './replicas/issuer-replicas.ts'
import { createPublishedKeys } from './replicas/published-keys.ts'
import { createPathQuestion, servingReplicas } from './replicas/webhook-replicas.ts'
import { createSources } from './sources.ts'
import { createStatusWriter } from './status.ts'
import { createLastUsed } from './usage/last-used.ts'

// A watch ends in order within ten minutes. While the API server is away nobody leads, so a source without progress for
// this long is one that died silently.
const stuckMs = 30 * 60_000

/** The work of the leader while it runs. */
export interface RunningOperator {
  /** Why the process should be restarted: a source that nothing was heard of for long. Undefined when all is well. */
  stuck(): string | undefined
  /** Resolves when the passes under way are done. */
  stop(): Promise<void>
}

/**
 * Starts all controllers; resolves once every source is synced and passes run. Two may run at once without harm: each
 * write is conditional on what was read. Only one should, because both would ask for the same work.
 */
export async function runOperator(options: {
  client: KubeClient
  config: Config
  log: Logger
  metrics?: Metrics
  clock?: Clock
  documentTimings?: Partial<DocumentTimings>
}): Promise<RunningOperator> {
  const { client, config, log, metrics, clock = systemClock } = options
  const sources = createSources(client, { ...config, log, clock, ...(metrics && { metrics }) })
  const documents = createDocuments({
    client,
    services: sources.services,
    reader: createDocumentReader(createReadingThread()),
    log,
    clock,
    ...(metrics && { metrics }),
    ...(options.documentTimings && { timings: options.documentTimings }),
  })
  const resolved = createResolved(sources, config, documents, 'decides')
  let controllers: Controllers | undefined
  const request = createRequestReader({
    clock,
    log,
    record: (secret, event) => writer.record(secrets, secret, [event]),
  })
  const certificates = createCertificates({
    client,
    config,
    request,
    log,
    clock,
    onBundle: () => controllers?.bundleChanged(),
    hasReached: certificate => reach.has(certificate),
  })
  const reach = createBundleReach({
    client,
    sources,
    resolved,
    config,
    servers: serversOf(config).map(({ name }) => name),
    bundle: certificates.bundle,
    log,
  })
  const issuerKeys = createIssuerKeys({
    client,
    config,
    request,
    published: createPublishedKeys({
      replicas: () => replicasOf(sources.endpoints.store.values(), 8443, 'https'),
      authorities: certificates.bundle,
      servername: `${config.fullname}-issuer.${config.namespace}.svc`,
      issuerUrl: config.issuerUrl,
    }),
    clock,
    log,
  })
  const replicas = () => replicasOf(sources.endpoints.store.values(), config.snapshotPort)
  const issuers = createReplicaClient({
    authorities: certificates.bundle,
    servername: `${config.fullname}-issuer.${config.namespace}.svc`,
    tokenFile: config.tokenFile,
  })
  const enforcement = createEnforcement({
    sources,
    resolved,
    namespace: config.namespace,
    log,
    clock,
    servicesResource: guardedServices,
    ...(metrics && { onEnforced: measureEnforcement(metrics) }),
    replicas,
    client: issuers,
  })
  const recorder = createEventRecorder(client, {
    reportingController: 'latchkey.dev/operator',
    reportingInstance: config.podName,
    log,
    clock,
    ...(metrics && { metrics }),
  })
  const writer = createStatusWriter(client, recorder)
  const lastUsed = createLastUsed({
    ...{ sources, resolved, replicas, client: issuers, writer, log, clock },
    ...(metrics && { onWritten: measureLastUsed(metrics) }),
  })
  const context = createContext({ sources, resolved, documents, enforcement, writer }, clock)
  const sweep = createSecretSweep({
    client,
    keys: () => [...sources.keys.store].filter(([, key]) => resolved.isOurs(key.metadata.namespace)),
    changed: key => controllers?.accessKeyChanged(key),
    clock,
    log,
  })
  const visits = createVisits(key => controllers?.accessKeyChanged(key))
  const accessKeyIo = createAccessKeyIo({
    client: reach.observing(client),
    writer,
    resolved,
    enforcement,
    sources,
    keys: createKeyQueue({ make: generateKeyMaterial, onMade: key => controllers?.accessKeyChanged(key) }),
    sweep,
    visits,
    clock,
    issuerUrl: config.issuerUrl,
    publishAheadSeconds: Math.ceil(config.publishAheadMs / 1_000),
    authorities: certificates.bundle,
  })
  const admissionPath = createAdmissionPath({
    client,
    namespace: config.namespace,
    fullname: config.fullname,
    replicas: () => servingReplicas(sources.webhookEndpoints.store.values()),
    takes: createPathQuestion({
      authorities: certificates.bundle,
      servername: `${config.fullname}-webhook.${config.namespace}.svc`,
    }),
    log,
  })
  const made = createControllers({
    context,
    accessKeyIo,
    visits,
    certificates,
    issuerKeys,
    admissionPath,
    client,
    log,
    clock,
    ...(metrics && { metrics }),
  })
  controllers = made
  if (metrics) {
    measure(metrics, { sources, enforcement, nowSeconds: context.nowSeconds })
    measureCertificates(metrics, { certificates, issuerKeys, reach })
  }
  sources.start()
  await sources.whenSynced()
  documents.start()
  await Promise.all(made.all.map(controller => controller.start()))
  enforcement.start()
  lastUsed.start()
  sweep.start()
  log.info('controllers run')
  return {
    stuck: () => sources.stuckFor(clock.now(), stuckMs),
    async stop() {
      enforcement.stop()
      sweep.stop()
      made.unsubscribe()
      await Promise.all([lastUsed.stop(), documents.stop(), ...made.all.map(controller => controller.stop())])
      await sources.stop()
    },
  }
}
