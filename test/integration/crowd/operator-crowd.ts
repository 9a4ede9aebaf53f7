import { expect } from 'vitest'
import { guardedServices } from '../../../platform/kube/resources.ts'
import { condition, issuerUrl, leaseOf, startTestCluster, until } from '../operator/cluster.ts'
import { startAsInChart, watchProbes } from './chart-process.ts'
import { addCrowd, addGuarded, keepChanging } from './crowd.ts'

/**
 * One tenant's long documents, changed all the while: the operator keeps its lease, answers its probes and decides about
 * another tenant's service meanwhile, within the memory that the chart gives it.
 */
export async function operatorBearsCrowd(count: number, changingMs: number): Promise<void> {
  const cluster = await startTestCluster()
  const lease = () => leaseOf(cluster.client)
  const operator = await startAsInChart('operator', {
    LATCHKEY_NAMESPACE: 'latchkey-system',
    LATCHKEY_FULLNAME: 'latchkey',
    LATCHKEY_ISSUER_URL: issuerUrl,
    LATCHKEY_POD_NAME: 'operator-0',
    LATCHKEY_KUBECONFIG: cluster.plane.kubeconfig,
  })
  const ending = new AbortController()
  try {
    const greedy = await cluster.namespace()
    const other = await cluster.namespace()
    const before = await until(lease, 'a lease')
    const probes = watchProbes(operator, ending.signal)
    await addCrowd(cluster.client, greedy, count)
    const changes = keepChanging(cluster.client, greedy, count, ending.signal)
    const end = Date.now() + changingMs
    for (let at = 0; at === 0 || Date.now() < end; at++) {
      const one = await addGuarded(cluster.client, other, `other-${at}`)
      await condition(cluster.client, guardedServices, one, { type: 'Accepted', reason: 'Accepted' })
    }
    const first = { metadata: { namespace: greedy, name: 'greedy-0' } }
    await condition(cluster.client, guardedServices, first, { type: 'Accepted', reason: 'Accepted' }, 180_000)
    ending.abort()
    expect(await changes).toBeGreaterThan(0)
    expect((await probes).missed).toBe(0)
    const after = await lease()
    expect(after?.holderIdentity).toBe(before.holderIdentity)
    expect(after?.leaseTransitions).toBe(before.leaseTransitions)
    expect(after?.renewTime).not.toBe(before.renewTime)
    expect(operator.ended()).toBeUndefined()
  } finally {
    ending.abort()
    await operator.stop()
    await cluster.stop()
  }
}
