import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunningOperator } from '../../../operator/run-operator.ts'
import type { KubeClient, Resource } from '../../../platform/kube/client.ts'
import { accessKeys, secrets } from '../../../platform/kube/resources.ts'
import { startTestCluster, type TestCluster, until } from './cluster.ts'
import { rotationRig, states } from './rotation-rig.ts'

let cluster: TestCluster
let operator: RunningOperator
const { createKey, expectWhole, lead, look, request, rotated, secretOf, touch } = rotationRig(() => cluster)
beforeAll(async () => {
  cluster = await startTestCluster()
  operator = await lead(cluster.client)
})
afterAll(async () => {
  await operator?.stop()
  await cluster?.stop()
})

/** A client whose writes to one namespace's Secrets and keys are let through up to a number; the next one stands still. */
function stopping(client: KubeClient, namespace: string, after: number) {
  let writes = 0
  let thaw = () => {}
  const thawed = new Promise<void>(resolve => (thaw = resolve))
  let stopped = () => {}
  const whenStopped = new Promise<void>(resolve => (stopped = resolve))
  async function gate(resource: Resource, where: string | undefined): Promise<void> {
    if (where !== namespace || (resource !== secrets && resource !== accessKeys)) return
    if (writes >= after) {
      stopped()
      await thawed
    }
    writes++
  }
  const frozen: KubeClient = {
    ...client,
    async create(resource, object, options) {
      await gate(resource, object.metadata.namespace)
      return client.create(resource, object, options)
    },
    async update(resource, object) {
      await gate(resource, object.metadata.namespace)
      return client.update(resource, object)
    },
    async apply(resource, object, options) {
      await gate(resource, object.metadata.namespace)
      return client.apply(resource, object, options)
    },
    async delete(resource, where, name, options) {
      await gate(resource, where)
      return client.delete(resource, where, name, options)
    },
  }
  return { client: frozen, whenStopped, thaw }
}

test.each([0, 1, 2, 3, 4])(
  'a leader that stands still after %i writes of a rotation, and comes back after another has finished it, harms nothing (F03, F07)',
  async after => {
    const key = await createKey()
    await operator.stop()
    const frozen = stopping(cluster.client, key.metadata.namespace ?? '', after)
    const paused = await lead(frozen.client)
    await request(key)
    await Promise.race([
      frozen.whenStopped,
      new Promise((_, reject) => setTimeout(() => reject(new Error('it never came so far')), 15_000)),
    ])
    operator = await lead(cluster.client)
    const done = await rotated(key)
    await expectWhole(done)
    frozen.thaw()
    await paused.stop()
    // Secrets are looked at when something else changes, or every ten minutes.
    await touch(key)
    await until(async () => !(await secretOf(key, 'web-next')), 'what the late one left is gone')
    const last = await look(key)
    await expectWhole(last)
    expect(last.status?.keyId).toBe(done.status?.keyId)
    expect(states(last)).toEqual(['Active', 'Retiring'])
  },
)
