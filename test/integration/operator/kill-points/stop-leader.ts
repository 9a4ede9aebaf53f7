import { issuerKeysFile, readIssuerKeys } from '../../../../core/keys/issuer-keys.ts'
import { type SecretOf, textsOf } from '../../../../operator/owned-objects.ts'
import { accessKeys, apiClients, secrets } from '../../../../platform/kube/resources.ts'
import type { TestCluster } from '../cluster.ts'
import { until } from '../cluster.ts'
import { expectInvariants, type History, startHistory } from './history.ts'
import { type Leader, type Stop, startLeader } from './leader.ts'
import type { Scenario, Scene } from './scene.ts'

const restMs = 400

/** Lets a leader make what the release itself needs. */
export async function settleRelease(cluster: TestCluster): Promise<void> {
  const leader = await startLeader(cluster, { aheadMs: 0 })
  await until(async () => {
    const made = await Promise.all(
      ['ca', 'issuer-tls', 'webhook-tls', 'issuer-keys'].map(name =>
        cluster.client.get<SecretOf>(secrets, 'latchkey-system', `latchkey-${name}`),
      ),
    )
    return readIssuerKeys(textsOf(made[3])[issuerKeysFile]).length === 2 && made.every(one => one !== undefined)
  }, "the release's Secrets")
  await leader.stop()
}

/**
 * Plays a scenario with a leader that meets the fault after so many writes, and another that takes over from it.
 * @returns false when there were fewer writes: nothing was stopped
 * @throws Error when something does not come about or does not hold
 */
export async function stopLeader(cluster: TestCluster, scenario: Scenario, stop: Stop): Promise<boolean> {
  const scene: Scene = { client: cluster.client, namespace: await cluster.namespace(), clock: { aheadMs: 0 } }
  const leaders: Leader[] = []
  const lead = async (met?: Stop): Promise<Leader> => {
    const leader = await startLeader(cluster, scene.clock, met)
    leaders.push(leader)
    return leader
  }
  const early = scenario.begins === 'before it leads'
  const history = await startHistory(cluster.client, early ? 'latchkey-system' : scene.namespace)
  try {
    let first: Leader | undefined
    if (!early) first = await lead()
    await scenario.prepare?.(scene)
    if (early) await scenario.act(scene)
    if (first) {
      first.arm(stop)
      await scenario.act(scene)
    } else first = await lead(stop)
    const met = await meets(first, scenario, scene)
    if (met && stop.fault !== 'unanswered') {
      if (stop.fault === 'killed') await first.stop()
      await lead()
    }
    await until(() => scenario.isDone(scene), `${scenario.name}, ${stop.fault} after write ${stop.at}`)
    await rests(history)
    if ((stop.fault === 'paused' || stop.fault === 'late') && met) {
      first.resume()
      // What it was about to do it does now, and finds that it is not what is there any more.
      await rests(history)
      await until(() => scenario.isDone(scene), 'the same after the one that was paused went on')
    }
    await scenario.check(scene, history)
    expectInvariants(history, { skipsWaiting: scenario.skipsWaiting ?? false })
    return met
  } finally {
    history.stop()
    await Promise.all(leaders.map(leader => leader.stop()))
    // The next leader is not to look at what is left of this one.
    for (const kind of [accessKeys, apiClients]) await cluster.client.delete(kind, scene.namespace, 'web')
  }
}

/** Until nobody has written anything for a while: what is made once too often is made in that. */
async function rests(history: History): Promise<void> {
  let seen = -1
  await until(async () => {
    const before = seen
    seen = history.versions.length
    if (seen !== before) await new Promise(resolve => setTimeout(resolve, restMs))
    return seen === before
  }, 'that nothing is written any more')
}

/** Until the leader was stopped, or all is done without that. */
async function meets(leader: Leader, scenario: Scenario, scene: Scene): Promise<boolean> {
  await until(async () => leader.reached() || (await scenario.isDone(scene)), `${scenario.name}, up to the stop`)
  // What is written after the last thing that counts, such as a condition, is a place to stop at too.
  const end = Date.now() + 300
  while (!leader.reached() && Date.now() < end) await new Promise(resolve => setTimeout(resolve, 20))
  return leader.reached()
}
