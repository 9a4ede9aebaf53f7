import { admissionPathFile, admissionRandomPart } from '../core/api/admission-path.ts'
import { systemClock } from '../platform/clock.ts'
import { readConfig } from '../platform/config.ts'
import { createHealthServer } from '../platform/http/health.ts'
import { createServingCertificate, observeExpiry } from '../platform/http/serving-certificate.ts'
import { createTlsSource } from '../platform/http/tls-source.ts'
import { createKubeClient } from '../platform/kube/client.ts'
import { loadKubeConnection } from '../platform/kube/connection.ts'
import { createLog } from '../platform/log.ts'
import { createMetrics } from '../platform/metrics.ts'
import { readOrExit } from '../platform/process-exit.ts'
import { onSignals } from '../platform/shutdown.ts'
import { createKnownPaths } from './admission/known-paths.ts'
import { configTable, guardEnvOf } from './config.ts'
import { createWebhookServer } from './server.ts'

const config = readOrExit('webhook', () => readConfig(configTable, process.env))
const log = createLog({ process: 'webhook', level: config.logLevel })
const metrics = createMetrics({ process: 'webhook' })
const connection = readOrExit('webhook', () => loadKubeConnection({ kubeconfig: config.kubeconfig, env: process.env }))
const client = createKubeClient(connection, { userAgent: 'latchkey-webhook', requestTimeoutMs: 10_000, metrics })
const tls = createTlsSource()
observeExpiry(metrics.registry, tls)

const paths = createKnownPaths({ client, fullname: config.fullname, clock: systemClock, log })
const certificate = createServingCertificate({
  client,
  namespace: config.namespace,
  name: `${config.fullname}-webhook-tls`,
  tls,
  clock: systemClock,
  log,
  onTaken: entries => paths.setRandomPart(admissionRandomPart(entries.get(admissionPathFile)?.toString('utf8'))),
})
const server = createWebhookServer({
  port: config.port,
  tls,
  settings: {
    image: config.guardImage,
    pullPolicy: config.guardPullPolicy,
    snapshotUrl: config.snapshotUrl,
    issuerUrl: config.issuerUrl,
    resources: config.guardResources,
    guardEnv: { ...config.guardEnv, ...guardEnvOf(config) },
  },
  installation: config.installation,
  paths,
  client,
  clock: systemClock,
  log,
  metrics,
})
let stopping = false
const health = createHealthServer({
  port: config.healthPort,
  live: () => undefined,
  ready: () => (stopping ? 'stopping' : (certificate.fault() ?? paths.fault())),
  metrics,
  log,
})

onSignals(
  [
    async () => {
      stopping = true
      // The Service takes a moment to send nothing more; reviews that still come are answered.
      await new Promise(resolve => systemClock.after(5_000, () => resolve(undefined)))
    },
    () => server.close(5_000),
    async () => {
      certificate.stop()
      paths.stop()
    },
    () => client.close(),
    () => health.close(1_000),
  ],
  { log, deadlineMs: 30_000 },
)
await health.listen()
await server.listen()
certificate.start()
void paths.start()
