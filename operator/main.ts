import { randomUUID } from 'node:crypto'
import { readConfig } from '../platform/config.ts'
import { createHealthServer } from '../platform/http/health.ts'
import { createKubeClient } from '../platform/kube/client.ts'
import { loadKubeConnection } from '../platform/kube/connection.ts'
import { createLeaderElection } from '../platform/kube/lease.ts'
import { createServerClock } from '../platform/kube/server-clock.ts'
import { createLog } from '../platform/log.ts'
import { createMetrics } from '../platform/metrics.ts'
import { readOrExit } from '../platform/process-exit.ts'
import { onSignals } from '../platform/shutdown.ts'
import { configTable } from './config.ts'
import { readOwner } from './owned-objects.ts'
import { type RunningOperator, runOperator } from './run-operator.ts'

const config = readOrExit('operator', () => readConfig(configTable, process.env))
const log = createLog({ process: 'operator', level: config.logLevel })
const metrics = createMetrics({ process: 'operator' })
const connection = readOrExit('operator', () => loadKubeConnection({ kubeconfig: config.kubeconfig, env: process.env }))
// What it writes says when: by the API server's clock, so that it does not matter on which node the leader runs.
const clock = createServerClock()
const client = createKubeClient(connection, { userAgent: 'latchkey-operator', metrics, clock })
// Renewing the lease must not wait behind anything, and must fail sooner than the lease ends.
const leaseClient = createKubeClient(connection, { userAgent: 'latchkey-operator-lease', requestTimeoutMs: 5_000 })
let running: RunningOperator | undefined
let stopping = false

const ownerReferences = await readOwner(leaseClient, config.fullname).catch(() => [])
const election = createLeaderElection({
  client: leaseClient,
  namespace: config.namespace,
  name: `${config.fullname}-operator`,
  identity: `${config.podName}_${randomUUID()}`,
  ownerReferences,
  log,
  metrics,
  async onStartedLeading() {
    running = await runOperator({ client, config, log, metrics, clock })
  },
  onStoppedLeading() {
    if (stopping) return
    // A pass may hang in a request that the next leader must not meet later. Nothing here is lost by a restart.
    log.fatal('no longer the leader, exiting')
    process.exit(1)
  },
})
// A standby is ready too: it takes over as it is.
const health = createHealthServer({
  port: config.healthPort,
  live: () => running?.stuck(),
  ready: () => undefined,
  metrics,
  log,
})

onSignals(
  [
    async () => {
      stopping = true
      await running?.stop()
    },
    () => election.stop(),
    () => health.close(1_000),
  ],
  { log, deadlineMs: 20_000 },
)
await health.listen()
election.start()
