import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestCluster, type TestCluster } from './cluster.ts'
import { faults } from './kill-points/leader.ts'
import { scenarios } from './kill-points/scenarios.ts'
import { settleRelease, stopLeader } from './kill-points/stop-leader.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startTestCluster()
  await settleRelease(cluster)
})
afterAll(() => cluster?.stop())

/** Of each part of a life one place and one fault; `make soak` stops at every write, with every fault. */
const cases = scenarios.map((scenario, place) => ({
  ...{ name: scenario.name, scenario },
  stop: { at: scenario.tells ?? (scenario.begins ? 1 : 2), fault: faults[place % faults.length] ?? 'killed' },
}))

describe('a leader that is stopped after a write of its own (F02, F03, F07)', () => {
  it.each([{ ...cases[0], stop: { at: 1, fault: 'late' } }, ...cases] as typeof cases)(
    'leaves nothing that another does not finish, and makes nothing twice: $name, $stop.fault',
    async ({ scenario, stop }) => {
      expect(await stopLeader(cluster, scenario, stop)).toBe(true)
    },
  )
})
