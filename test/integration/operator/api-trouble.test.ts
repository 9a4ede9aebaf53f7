import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AccessKeyStatus, PublishedKey } from '../../../core/api/access-key.ts'
import { type RunningOperator, runOperator } from '../../../operator/run-operator.ts'
import { type Clock, systemClock } from '../../../platform/clock.ts'
import { createKubeClient, type KubeClient, type KubeObject } from '../../../platform/kube/client.ts'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'
import { events } from '../../../platform/kube/event.ts'
import { accessKeys, apiClients } from '../../../platform/kube/resources.ts'
import { startFaultProxy } from '../platform/fault-proxy.ts'
import { condition, configOf, startTestCluster, type TestCluster, testLog, until } from './cluster.ts'
import { delayed } from './delayed-client.ts'
import { mintOnce } from './mint-once.ts'

let cluster: TestCluster
let leaders: RunningOperator[] = []
beforeAll(async () => {
  cluster = await startTestCluster()
})
afterAll(() => cluster?.stop())

const lead = async (client: KubeClient, clock: Clock = systemClock) => {
  leaders.push(await runOperator({ client, config: configOf(), log: testLog('silent'), clock }))
}
const skewed = (ms: number): Clock => ({ ...systemClock, wallMs: () => Date.now() + ms })
type Key = KubeObject & { status?: AccessKeyStatus }

async function stopAll(): Promise<void> {
  const stopping = leaders
  leaders = []
  await Promise.all(stopping.map(leader => leader.stop()))
}

// Passes that were turned away come back after seconds, and a busy machine makes more of them.
const patienceMs = 120_000

describe('two leaders at once mint each key once', { timeout: 180_000 }, () => {
  it('while the API server turns every tenth request away with 429 (F02)', async () => {
    const upstream = loadKubeConnection({ kubeconfig: cluster.plane.kubeconfig })
    const proxy = await startFaultProxy(upstream)
    const client = createKubeClient(proxy.connection)
    await lead(client)
    await lead(client)
    proxy.suffer('too many requests', 0.1)
    await mintOnce(cluster, 5, patienceMs)
    expect(proxy.suffered()).toBeGreaterThan(2)
    proxy.calm()
    await stopAll()
    await client.close()
    await proxy.close()
  })

  it('while each answer takes half a second (F02)', async () => {
    await lead(delayed(cluster.client, 500))
    await lead(delayed(cluster.client, 500))
    await mintOnce(cluster, 3, patienceMs)
    await stopAll()
  })

  it('while the clock of one is five minutes ahead and that of the other five minutes behind (F09)', async () => {
    await lead(cluster.client, skewed(300_000))
    await lead(cluster.client, skewed(-300_000))
    await mintOnce(cluster, 10, patienceMs)
    await stopAll()
  })
})

it('what a leader whose clock was ahead minted counts from now once another leads, and is the same key (F09)', async () => {
  const { client } = cluster
  const namespace = await cluster.namespace()
  await client.create(apiClients, { metadata: { name: 'web', namespace }, spec: {} } as KubeObject)
  const key = { metadata: { name: 'web', namespace }, spec: { clientRef: { name: 'web' } } }
  await lead(client, skewed(3_600_000))
  await client.create(accessKeys, key as KubeObject)
  await condition(client, accessKeys, key, { type: 'Ready', reason: 'Ready' })
  await stopAll()
  const keys = async () => (await client.get<Key>(accessKeys, namespace, 'web'))?.status?.keys ?? []
  const ahead = ({ notBefore }: PublishedKey) => Date.parse(notBefore) - Date.now()
  const [minted] = await keys()
  expect(minted && ahead(minted)).toBeGreaterThan(1_800_000)
  await lead(client)
  const mended = await until(async () => (await keys()).every(one => ahead(one) < 60_000) && (await keys()), 'mended')
  expect(mended).toMatchObject([{ kid: minted?.kid, state: 'Active' }])
  await until(async () => {
    const { items } = await client.list<KubeObject & { reason: string }>(events, { namespace })
    return items.some(({ reason }) => reason === 'ClockAhead')
  }, 'an event that says so')
  await stopAll()
})
