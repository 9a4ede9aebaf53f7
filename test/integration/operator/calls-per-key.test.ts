import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AccessKeyStatus } from '../../../core/api/access-key.ts'
import { type RunningOperator, runOperator } from '../../../operator/run-operator.ts'
import type { KubeClient, KubeObject, Resource } from '../../../platform/kube/client.ts'
import { accessKeys, apiClients } from '../../../platform/kube/resources.ts'
import { configOf, startTestCluster, type TestCluster, testLog, until } from './cluster.ts'
import { settleRelease } from './kill-points/stop-leader.ts'

let cluster: TestCluster
let operator: RunningOperator | undefined
beforeAll(async () => {
  cluster = await startTestCluster()
  await settleRelease(cluster)
})
afterAll(async () => {
  await operator?.stop()
  await cluster?.stop()
})

const count = 12

/** What is asked about objects of a namespace, and about events anywhere: `apply accesskeys`, by how often. */
function counting(client: KubeClient, namespace: string) {
  const calls: Record<string, number> = {}
  const note = (verb: string, { plural }: Resource, of: string | undefined): void => {
    if (of === namespace || plural === 'events') calls[`${verb} ${plural}`] = (calls[`${verb} ${plural}`] ?? 0) + 1
  }
  const named = ['get', 'patch', 'delete'] as const
  const whole = ['create', 'update', 'apply'] as const
  const counted: KubeClient = { ...client }
  for (const verb of named) {
    const call = client[verb] as (...args: [Resource, string | undefined, string]) => Promise<never>
    counted[verb] = (async (...args: Parameters<typeof call>) => {
      note(verb, args[0], args[1])
      return call(...args)
    }) as never
  }
  for (const verb of whole) {
    const call = client[verb] as (...args: [Resource, KubeObject]) => Promise<never>
    counted[verb] = (async (...args: Parameters<typeof call>) => {
      note(verb, args[0], args[1].metadata.namespace)
      return call(...args)
    }) as never
  }
  return { calls, client: counted }
}

test('a key and its client take three writes, and the key is read once', async () => {
  const namespace = await cluster.namespace()
  const names = Array.from({ length: count }, (_, at) => `web-${at}`)
  for (const name of names) {
    await cluster.client.create(apiClients, { metadata: { name, namespace }, spec: {} } as KubeObject)
    const spec = { clientRef: { name } }
    await cluster.client.create(accessKeys, { metadata: { name, namespace }, spec } as KubeObject)
  }
  const { calls, client } = counting(cluster.client, namespace)
  operator = await runOperator({ client, config: configOf(), log: testLog() })
  await until(async () => {
    const { items } = await cluster.client.list<KubeObject & { status?: { keys?: number } }>(apiClients, { namespace })
    return items.every(({ status }) => status?.keys === 1)
  }, 'every client has its key')
  const { items } = await cluster.client.list<KubeObject & { status?: AccessKeyStatus }>(accessKeys, { namespace })
  expect(items.map(({ status }) => status?.state)).toEqual(names.map(() => 'Active'))
  // What the watches tell of all these writes comes behind them.
  await new Promise(resolve => setTimeout(resolve, 1_000))
  expect(calls).toEqual({
    'get accesskeys': count,
    'get secrets': count,
    'create secrets': count,
    'apply accesskeys': count,
    'apply apiclients': count,
  })
})
