import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { usualIssuerAlgorithms } from '../../../core/keys/issuer-keys.ts'
import type { Condition } from '../../../core/status/report.ts'
import type { Config } from '../../../operator/config.ts'
import { type RunningOperator, runOperator } from '../../../operator/run-operator.ts'
import type { Clock } from '../../../platform/clock.ts'
import { createKubeClient, type KubeClient, type KubeObject, type Resource } from '../../../platform/kube/client.ts'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'
import { namespaces } from '../../../platform/kube/resources.ts'
import { createLog } from '../../../platform/log.ts'
import type { Metrics } from '../../../platform/metrics.ts'
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts'
import { installCrds } from '../install-crds.ts'
import { workerControlPlane } from '../worker-control-plane.ts'

export const issuerUrl = 'https://latchkey-issuer.latchkey-system.svc/default'

export interface TestCluster {
  plane: ControlPlane
  client: KubeClient
  /** A namespace of its own for a test. */
  namespace(labels?: Record<string, string>): Promise<string>
  start(change?: Partial<Config>, metrics?: Metrics, clock?: Clock): Promise<RunningOperator>
  stop(): Promise<void>
}

export type WithStatus = KubeObject & {
  spec?: unknown
  status?: { conditions?: Condition[]; [field: string]: unknown }
}

/** Our kinds and the release's namespace in the worker's control plane, or in one of its own with a controller manager. */
export async function startTestCluster({ controllerManager = false } = {}): Promise<TestCluster> {
  const plane = await (controllerManager
    ? startControlPlane({ name: 'operator', controllerManager })
    : workerControlPlane())
  const client = createKubeClient(loadKubeConnection({ kubeconfig: plane.kubeconfig }))
  if (controllerManager) await installCrds(client)
  await client.create(namespaces, { metadata: { name: 'latchkey-system' } })
  let count = 0
  return {
    plane,
    client,
    async namespace(labels) {
      const name = `test-${++count}`
      await client.create(namespaces, { metadata: { name, ...(labels && { labels }) } })
      return name
    },
    start: (change, metrics, clock) =>
      runOperator({
        ...{ client, config: configOf(change), log: testLog() },
        ...(metrics && { metrics }),
        ...(clock && { clock }),
      }),
    async stop() {
      await client.close()
      await plane.stop()
    },
  }
}

export const leases: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
}

type Lease = KubeObject & { spec?: { holderIdentity?: string; renewTime?: string; leaseTransitions?: number } }

/** What stands in the operator's lease. */
export const leaseOf = async (client: KubeClient): Promise<Lease['spec']> =>
  (await client.get<Lease>(leases, 'latchkey-system', 'latchkey-operator'))?.spec

export function testLog(level = process.env.TEST_LOG ?? 'error') {
  return createLog({ process: 'operator', level })
}

export function configOf(change: Partial<Config> = {}): Config {
  return {
    logLevel: 'error',
    namespace: 'latchkey-system',
    fullname: 'latchkey',
    installation: 'default',
    issuerUrl,
    podName: 'operator-0',
    kubeconfig: undefined,
    healthPort: 0,
    snapshotPort: 8444,
    publishAheadMs: 20 * 60_000,
    clientIds: new Map(),
    tlsHosts: [],
    authorizer: false,
    authorizerTlsHosts: [],
    issuerKeyEveryMs: 720 * 3_600_000,
    issuerAlgorithms: usualIssuerAlgorithms,
    reservedAudiences: ['https://kubernetes.default.svc'],
    tokenFile: tokenFile(),
    ...change,
  }
}

function tokenFile(): string {
  const file = join(mkdtempSync(join(tmpdir(), 'latchkey-token-')), 'token')
  writeFileSync(file, 'token\n')
  return file
}

/** Waits until `look` gives something; fails with what was looked for. */
export async function until<T>(
  look: () => Promise<T | undefined | false | null>,
  what: string,
  timeoutMs = 15_000,
): Promise<T> {
  const end = Date.now() + timeoutMs
  let last: unknown
  while (Date.now() < end) {
    try {
      const found = await look()
      if (found !== undefined && found !== false && found !== null) return found
      last = undefined
    } catch (error) {
      last = error
    }
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`not within ${timeoutMs} ms: ${what}${last ? ` (${last})` : ''}`)
}

/** Waits for a condition with that reason, of the object's generation. */
export async function condition(
  client: KubeClient,
  resource: Resource,
  object: { metadata: { namespace?: string; name: string } },
  wanted: { type: string; reason: string; status?: string },
  timeoutMs?: number,
): Promise<WithStatus & { found: Condition }> {
  const { namespace, name } = object.metadata
  let seen = ''
  return until(
    async () => {
      const current = await client.get<WithStatus>(resource, namespace, name)
      seen = JSON.stringify(current?.status?.conditions)
      const found = current?.status?.conditions?.find(
        one => one.type === wanted.type && one.reason === wanted.reason && one.status === (wanted.status ?? one.status),
      )
      const fresh = found && found.observedGeneration === current?.metadata.generation
      return current && fresh && { ...current, found }
    },
    `${resource.plural} ${namespace}/${name}: ${wanted.type}=${wanted.reason}`,
    timeoutMs,
  ).catch(error => {
    throw new Error(`${error.message}; there is ${seen}`)
  })
}
