import { afterAll, beforeAll, expect, it } from 'vitest'
import { runOperator } from '../../operator/run-operator.ts'
import { configOf, startTestCluster, type TestCluster, testLog } from '../integration/operator/cluster.ts'
import { delayed } from '../integration/operator/delayed-client.ts'
import { mintOnce } from '../integration/operator/mint-once.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startTestCluster()
})
afterAll(() => cluster?.stop())

it('two leaders at once mint each key once while every answer takes five seconds (F02)', async () => {
  const lead = () => runOperator({ client: delayed(cluster.client, 5_000), config: configOf(), log: testLog('silent') })
  const leaders = await Promise.all([lead(), lead()])
  await mintOnce(cluster, 5, 240_000)
  expect(leaders.map(leader => leader.stuck())).toEqual([undefined, undefined])
  await Promise.all(leaders.map(leader => leader.stop()))
})
