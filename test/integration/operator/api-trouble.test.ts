import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AccessKeyStatus } from '../../../core/api/access-key.ts'
import { type SecretObject, secretFile } from '../../../core/keys/secret-data.ts'
import { type RunningOperator, runOperator } from '../../../operator/run-operator.ts'
import { type Clock, systemClock } from '../../../platform/clock.ts'
import { createKubeClient, type KubeClient, type KubeObject } from '../../../platform/kube/client.ts'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'
import { accessKeys, apiClients, secrets } from '../../../platform/kube/resources.ts'
import { startFaultProxy } from '../platform/fault-proxy.ts'
import { configOf, startTestCluster, type TestCluster, testLog, until } from './cluster.ts'
import { delayed } from './delayed-client.ts'
import { type History, startHistory } from './kill-points/history.ts'

type Key = KubeObject & { status?: AccessKeyStatus }

let cluster: TestCluster
let leaders: RunningOperator[] = []
beforeAll(async () => {
  cluster = await startTestCluster()
})
afterAll(() => cluster?.stop())

const lead = async (client: KubeClient, clock: Clock = systemClock) => {
  leaders.push(await runOperator({ client, config: configOf(), log: testLog('silent'), clock }))
}
async function stopAll(): Promise<void> {
  const stopping = leaders
  leaders = []
  await Promise.all(stopping.map(leader => leader.stop()))
}

/** Keys of one client, until all are published: each with the one key that its Secret ever had. */
async function mintOnce(count: number, timeoutMs?: number): Promise<void> {
  const namespace = await cluster.namespace()
  const history = await startHistory(cluster.client, namespace)
  try {
    await mintAll(namespace, history, { count, ...(timeoutMs !== undefined && { timeoutMs }) })
  } finally {
    history.stop()
  }
}

async function mintAll(
  namespace: string,
  history: History,
  { count, timeoutMs }: { count: number; timeoutMs?: number },
): Promise<void> {
  const { client } = cluster
  await client.create(apiClients, { metadata: { name: 'web', namespace }, spec: {} } as KubeObject)
  const names = Array.from({ length: count }, (_, at) => `key-${at}`)
  for (const name of names) {
    const spec = { clientRef: { name: 'web' } }
    await client.create(accessKeys, { metadata: { name, namespace }, spec } as KubeObject)
  }
  const keys = await until(
    async () => {
      const { items } = await client.list<Key>(accessKeys, { namespace })
      const ready = items.every(({ status }) =>
        status?.conditions?.some(one => one.type === 'Ready' && one.status === 'True'),
      )
      return ready && items
    },
    'every key is published',
    timeoutMs,
  )
  const held = await Promise.all(names.map(name => client.get<SecretObject & KubeObject>(secrets, namespace, name)))
  const kids = held.map(secret => secret && secretFile(secret, 'key-id'))
  expect(keys.map(({ status }) => status?.keyId).sort()).toEqual(kids.sort())
  expect(history.minted().sort()).toEqual(kids)
}

describe('two leaders at once mint each key once', () => {
  it('while the API server turns every tenth request away with 429 (F02)', async () => {
    const upstream = loadKubeConnection({ kubeconfig: cluster.plane.kubeconfig })
    const proxy = await startFaultProxy(upstream)
    const client = createKubeClient(proxy.connection)
    await lead(client)
    await lead(client)
    proxy.suffer('too many requests', 0.1)
    await mintOnce(10, 45_000)
    expect(proxy.suffered()).toBeGreaterThan(2)
    proxy.calm()
    await stopAll()
    await client.close()
    await proxy.close()
  })

  it('while each answer takes half a second (F02)', async () => {
    await lead(delayed(cluster.client, 500))
    await lead(delayed(cluster.client, 500))
    await mintOnce(5, 60_000)
    await stopAll()
  })

  it('while the clock of one is five minutes ahead and that of the other five minutes behind (F09)', async () => {
    const skewed = (ms: number): Clock => ({ ...systemClock, wallMs: () => Date.now() + ms })
    await lead(cluster.client, skewed(300_000))
    await lead(cluster.client, skewed(-300_000))
    await mintOnce(20)
    await stopAll()
  })
})
