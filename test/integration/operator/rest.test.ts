import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunningOperator } from '../../../operator/run-operator.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import {
  accessGrants,
  accessKeys,
  apiClients,
  guardedServices,
  networkPolicies,
  roles,
  services,
} from '../../../platform/kube/resources.ts'
import { condition, startTestCluster, type TestCluster } from './cluster.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startTestCluster()
})
afterAll(() => cluster?.stop())

const ours = [apiClients, accessKeys, roles, accessGrants, guardedServices, networkPolicies]
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
  await create(services, 'closed', { selector: { app: 'closed' }, ports: [{ port: 80, targetPort: 'guard' }] })
  await create(guardedServices, 'closed', { targetRef: { name: 'closed', port: 80 }, networkPolicy: 'Generate' })
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
