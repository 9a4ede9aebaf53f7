import { setTimeout } from 'node:timers/promises'
import { createHealthServer } from '../platform/http/health.ts'
import { createKubeClient } from '../platform/kube/client.ts'
import { loadKubeConnection } from '../platform/kube/connection.ts'
import { createLog } from '../platform/log.ts'
import { createMetrics } from '../platform/metrics.ts'
import { readOrExit } from '../platform/process-exit.ts'
import { onSignals } from '../platform/shutdown.ts'
import { readIssuerConfig } from './config.ts'
import { startIssuer } from './issuer.ts'

// The time until every balancer knows that this replica gets no new connections.
const announceMs = 5_000
const drainMs = 15_000

const config = readOrExit('issuer', () => readIssuerConfig(process.env))
const log = createLog({ process: 'issuer', level: config.logLevel })
const metrics = createMetrics({ process: 'issuer' })
const connection = readOrExit('issuer', () => loadKubeConnection({ kubeconfig: config.kubeconfig, env: process.env }))
const client = createKubeClient(connection, { userAgent: 'latchkey-issuer', metrics })
const storeClient = createKubeClient(connection, { userAgent: 'latchkey-issuer-store', metrics })
let draining = false
const starting = startIssuer(config, { client, storeClient, log, metrics })
// Whoever is stopped while it starts stops as soon as it has: to process 1 a signal that nobody takes is none.
onSignals(
  [
    async () => {
      draining = true
      await setTimeout(announceMs)
    },
    async () => (await starting).close(drainMs),
    () => health.close(1_000),
    async () => {
      await Promise.all([client.close(), storeClient.close()])
    },
  ],
  { log, deadlineMs: 28_000 },
)
const issuer = await starting
const health = createHealthServer({
  port: config.healthPort,
  live: () => undefined,
  ready: () => (draining ? 'draining' : issuer.notReady()),
  metrics,
  log,
})
await health.listen()
