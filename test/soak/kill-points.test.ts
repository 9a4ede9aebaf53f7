import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestCluster, type TestCluster } from '../integration/operator/cluster.ts'
import { faults } from '../integration/operator/kill-points/leader.ts'
import { scenarios } from '../integration/operator/kill-points/scenarios.ts'
import { settleRelease, stopLeader } from '../integration/operator/kill-points/stop-leader.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startTestCluster()
  await settleRelease(cluster)
})
afterAll(() => cluster?.stop())

/** More writes than any scenario has. */
const most = 100
const cases = scenarios.flatMap(scenario => faults.map(fault => ({ name: scenario.name, fault, scenario })))

describe('a leader that is stopped at each write of its own, one after the other (F02, F03, F07)', () => {
  it.each(cases)('leaves nothing that another does not finish: $name, $fault', async ({ scenario, fault }) => {
    let stops = 0
    while (stops < most && (await stopLeader(cluster, scenario, { at: stops + 1, fault }))) stops++
    expect(stops).toBeGreaterThan(0)
    expect(stops).toBeLessThan(most)
  })
})
