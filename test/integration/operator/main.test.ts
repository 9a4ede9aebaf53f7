import type { ChildProcess } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { accessKeys, apiClients } from '../../../platform/kube/resources.ts'
import { condition, startTestCluster, type TestCluster, until } from './cluster.ts'
import { holderOf, leases, startOperatorProcess } from './start-main.ts'

let cluster: TestCluster
const alive = new Set<ChildProcess>()
beforeAll(async () => {
  cluster = await startTestCluster()
})
afterAll(async () => {
  for (const child of alive) child.kill('SIGKILL')
  await cluster?.stop()
})

async function startProcess(podName: string, env: Record<string, string> = {}) {
  const one = await startOperatorProcess({ kubeconfig: cluster.plane.kubeconfig, podName, env })
  alive.add(one.child)
  void one.exited.then(() => alive.delete(one.child))
  return one
}

const holder = () => holderOf(cluster.client)

test('one of two operators leads, both are ready, and the other takes over when the first is stopped', async () => {
  const first = await startProcess('operator-0')
  await until(async () => (await holder())?.startsWith('operator-0_'), 'the first leads')
  const second = await startProcess('operator-1')
  for (const one of [first, second]) {
    await until(async () => (await one.get('/readyz')) === 200, 'ready')
    expect(await one.get('/livez')).toBe(200)
    expect(await one.get('/metrics')).toBe(200)
  }
  const namespace = await cluster.namespace()
  await cluster.client.create(apiClients, { metadata: { name: 'web', namespace }, spec: {} } as KubeObject)
  const create = (name: string) =>
    cluster.client.create(accessKeys, {
      metadata: { name, namespace },
      spec: { clientRef: { name: 'web' } },
    } as KubeObject)
  await condition(cluster.client, accessKeys, await create('one'), { type: 'Ready', reason: 'Ready' }, 30_000)
  first.child.kill('SIGTERM')
  expect(await first.exited).toBe(0)
  await until(async () => (await holder())?.startsWith('operator-1_'), 'the second leads', 20_000)
  await condition(cluster.client, accessKeys, await create('two'), { type: 'Ready', reason: 'Ready' }, 30_000)
  // Its lease taken away, it stops at once: another may lead from now on.
  await cluster.client.patch(leases, 'latchkey-system', 'latchkey-operator', { spec: { holderIdentity: 'somebody' } })
  expect(await second.exited).toBe(1)
  for (const one of [first, second]) expect(one.output()).not.toMatch(/PRIVATE KEY|"d":/)
}, 120_000)

test('mistakes in the settings are told together, and the process ends', async () => {
  const one = await startProcess('operator-2', {
    LATCHKEY_CLIENT_IDS: 'no json',
    LATCHKEY_ISSUER_URL: '',
    LATCHKEY_TYPO: '1',
  })
  expect(await one.exited).toBe(2)
  for (const name of ['LATCHKEY_CLIENT_IDS', 'LATCHKEY_ISSUER_URL', 'LATCHKEY_TYPO'])
    expect(one.output()).toContain(name)
})
