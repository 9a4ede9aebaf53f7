import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKubeClient, type KubeClient, type KubeObject, type Resource } from '../../../platform/kube/client.ts'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'
import { createLeaderElection, type LeaderElection } from '../../../platform/kube/lease.ts'
import { leases } from '../../../platform/kube/lease-record.ts'
import { createLog } from '../../../platform/log.ts'
import type { ControlPlane } from '../../cluster/control-plane.ts'
import { workerControlPlane } from '../worker-control-plane.ts'

const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1', namespaced: true }
const roles: Resource = { ...rbac, plural: 'roles', kind: 'Role' }
const bindings: Resource = { ...rbac, plural: 'rolebindings', kind: 'RoleBinding' }
const log = createLog({ process: 'test', level: 'fatal' })
const namespace = 'default'

let cluster: ControlPlane
let admin: KubeClient
let candidateClient: KubeClient

beforeAll(async () => {
  cluster = await workerControlPlane()
  admin = createKubeClient(loadKubeConnection({ kubeconfig: cluster.kubeconfig }))
  const kubeconfig = await cluster.kubeconfigFor('candidate', [])
  candidateClient = createKubeClient(loadKubeConnection({ kubeconfig }), { requestTimeoutMs: 1_000 })
  const rules = [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] }]
  await admin.create(roles, { metadata: { name: 'candidate', namespace }, rules } as KubeObject)
  await allow()
})

afterAll(async () => {
  await candidateClient?.close()
  await admin?.close()
  await cluster?.stop()
})

async function allow(): Promise<void> {
  await admin.create(bindings, {
    metadata: { name: 'candidate', namespace },
    roleRef: { apiGroup: rbac.group, kind: 'Role', name: 'candidate' },
    subjects: [{ kind: 'User', name: 'candidate', apiGroup: rbac.group }],
  } as KubeObject)
}

function candidate(
  name: string,
  identity: string,
  leaseDurationMs = 3_000,
): { election: LeaderElection; history: string[]; leads(): boolean } {
  const history: string[] = []
  const election = createLeaderElection({
    client: candidateClient,
    namespace,
    name,
    identity,
    leaseDurationMs,
    renewDeadlineMs: 2_000,
    retryPeriodMs: 300,
    log,
    onStartedLeading: () => void history.push('started'),
    onStoppedLeading: () => void history.push('stopped'),
  })
  election.start()
  return { election, history, leads: () => history.at(-1) === 'started' }
}

const leads = (one: { leads(): boolean }, yes = true) =>
  expect.poll(() => one.leads(), { timeout: 10_000, interval: 20 }).toBe(yes)

describe('leader election on a real API server', () => {
  test('a release hands the lease over at once', async () => {
    const a = candidate('handover', 'a', 60_000)
    await leads(a)
    const b = candidate('handover', 'b', 60_000)
    await new Promise(resolve => setTimeout(resolve, 1_000))
    expect(b.leads()).toBe(false)
    await a.election.stop()
    // Without the release it would be after the lease's whole duration, which is longer than this waits.
    await leads(b)
    const lease = await admin.get<KubeObject & { spec: object }>(leases, namespace, 'handover')
    expect(lease?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1, leaseDurationSeconds: 60 })
    await b.election.stop()
  })

  test('a lease deleted by hand ends the term; one candidate, never two, leads again (F34)', async () => {
    const a = candidate('deleted', 'a')
    await leads(a)
    const b = candidate('deleted', 'b')
    await new Promise(resolve => setTimeout(resolve, 1_000))
    await admin.delete(leases, namespace, 'deleted')
    let most = 0
    for (const end = Date.now() + 6_000; Date.now() < end; ) {
      most = Math.max(most, [a, b].filter(one => one.leads()).length)
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    expect(most).toBe(1)
    expect(a.history.slice(0, 2)).toEqual(['started', 'stopped'])
    expect([a, b].filter(one => one.leads())).toHaveLength(1)
    await Promise.all([a.election.stop(), b.election.stop()])
  })

  test('rights taken away at run time end the term; given back, it leads again (F34)', async () => {
    const a = candidate('rights', 'a')
    await leads(a)
    await admin.delete(bindings, namespace, 'candidate')
    await leads(a, false)
    expect(a.history).toEqual(['started', 'stopped'])
    await allow()
    await expect.poll(() => a.history).toEqual(['started', 'stopped', 'started'])
    await a.election.stop()
  })
})
