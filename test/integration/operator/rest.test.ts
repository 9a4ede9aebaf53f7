import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunningOperator } from '../../../operator/run-operator.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import {
  accessGrants,
  accessKeys,
  apiClients,
  guardedServices,
  roles,
  services,
} from '../../../platform/kube/resources.ts'
import { condition, startTestCluster, type TestCluster, until, type WithStatus } from './cluster.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startTestCluster()
})
afterAll(() => cluster?.stop())

const ours = [apiClients, accessKeys, roles, accessGrants, guardedServices]
async function versions(): Promise<string[]> {
  const lists = await Promise.all(ours.map(resource => cluster.client.list(resource)))
  return lists.flatMap(({ items }) =>
    items.map(({ kind, metadata }) => `${kind}/${metadata.name}@${metadata.resourceVersion}`),
  )
}

/** Objects of every kind, good and bad ones. */
async function createAll(namespace: string): Promise<void> {
  const create = (resource: typeof roles, name: string, spec: object) =>
    cluster.client.create(resource, { metadata: { name, namespace }, spec } as KubeObject)
  await create(services, 'api', { selector: { app: 'api' }, ports: [{ port: 80, targetPort: 8080 }] })
  await create(guardedServices, 'api', { targetRef: { name: 'api', port: 80 } })
  await create(guardedServices, 'lost', { targetRef: { name: 'lost', port: 80 } })
  await create(apiClients, 'web', {})
  await create(apiClients, 'outside', { clientId: 'elsewhere.web' })
  await create(accessKeys, 'web', { clientRef: { name: 'web' } })
  await create(accessKeys, 'lost', { clientRef: { name: 'lost' } })
  await create(roles, 'reader', { rules: [{ services: ['api'], methods: ['GET'], paths: ['/**'] }] })
  await create(accessGrants, 'g', { roleRef: { name: 'reader' }, clients: [{ namespace, name: 'web' }] })
}

test('an idle cluster causes no writes, and a restarted operator changes nothing (F23)', async () => {
  const namespace = await cluster.namespace()
  await createAll(namespace)
  let operator: RunningOperator = await cluster.start()
  const web = { metadata: { name: 'web', namespace } }
  await condition(cluster.client, accessKeys, web, { type: 'Ready', reason: 'Ready' })
  await new Promise(resolve => setTimeout(resolve, 2_000))
  const before = await versions()
  await new Promise(resolve => setTimeout(resolve, 20_000))
  expect(await versions()).toEqual(before)
  await operator.stop()
  operator = await cluster.start()
  await new Promise(resolve => setTimeout(resolve, 3_000))
  expect(await versions()).toEqual(before)
  await operator.stop()
}, 60_000)

test('1,000 AccessKeys: how fast they become Ready, and what the operator needs at rest', async () => {
  const namespace = await cluster.namespace()
  await cluster.client.create(apiClients, { metadata: { name: 'web', namespace }, spec: {} } as KubeObject)
  const script = fileURLToPath(new URL('operator-process.ts', import.meta.url))
  const child = fork(script, [cluster.plane.kubeconfig], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const answer = () => new Promise<{ rss: number }>(resolve => child.once('message', resolve as never))
  const rss = async (): Promise<number> => {
    child.send('rss')
    return Math.round((await answer()).rss / 1_048_576)
  }
  await answer()
  await new Promise(resolve => setTimeout(resolve, 3_000))
  const empty = await rss()
  const began = Date.now()
  const names = Array.from({ length: 1_000 }, (_, index) => `key-${index}`)
  for (let at = 0; at < names.length; at += 20) {
    await Promise.all(
      names.slice(at, at + 20).map(name =>
        cluster.client.create(accessKeys, {
          metadata: { name, namespace },
          spec: { clientRef: { name: 'web' } },
        } as KubeObject),
      ),
    )
  }
  const created = Date.now()
  await until(
    async () => {
      const { items } = await cluster.client.list<WithStatus>(accessKeys, { namespace })
      const ready = items.filter(key =>
        key.status?.conditions?.some(one => one.type === 'Ready' && one.status === 'True'),
      )
      return ready.length === names.length
    },
    'all ready',
    240_000,
  )
  const seconds = (Date.now() - began) / 1_000
  await new Promise(resolve => setTimeout(resolve, 5_000))
  const full = await rss()
  child.kill('SIGKILL')
  process.stderr.write(
    `created in ${(created - began) / 1_000} s, ready after ${seconds} s: ${Math.round(1_000 / seconds)} a second; ` +
      `resident ${empty} MiB with none, ${full} MiB with 1,000\n`,
  )
  expect(full).toBeLessThan(400)
}, 360_000)
