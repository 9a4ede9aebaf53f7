import { expect } from 'vitest'
import { connectGuard, type Guard } from '../issuer/guard.ts'
import { addPod, tokenOf } from '../issuer/objects.ts'
import { startWorld } from '../issuer/world.ts'
import { startAsInChart, watchProbes } from './chart-process.ts'
import { addCrowd, addGuarded, keepChanging } from './crowd.ts'

/**
 * One tenant's long documents, changed all the while: the issuer answers its probes and sends another tenant's slices,
 * the crowd's own too, within the memory that the chart gives it.
 */
export async function issuerBearsCrowd(count: number, changingMs: number): Promise<void> {
  const world = await startWorld()
  const ending = new AbortController()
  const guards: Guard[] = []
  const issuer = await startAsInChart('issuer', { ...world.environment, LATCHKEY_KUBECONFIG: world.plane.kubeconfig })
  try {
    const tokens = new Map<string, string>()
    for (const namespace of ['greedy', 'other']) {
      await world.namespace(namespace)
      const pod = await addPod(world, { namespace, name: 'pod', labels: { app: 'app' } })
      tokens.set(namespace, await tokenOf(world, pod))
    }
    const connect = async (namespace: string, name: string): Promise<Guard> => {
      const token = tokens.get(namespace) ?? ''
      const guard = await connectGuard({
        port: issuer.port('snapshots'),
        ca: world.ca,
        token,
        slice: `${namespace}/${name}`,
      })
      guards.push(guard)
      return guard
    }
    const routesOf = (guard: Guard) => guard.rows().find(row => row.type === 'service')?.routes.length
    const served = async (namespace: string, name: string): Promise<Guard> => {
      await expect.poll(async () => (await connect(namespace, name)).status, { timeout: 180_000 }).toBe(200)
      return connect(namespace, name)
    }
    const probes = watchProbes(issuer, ending.signal)
    await addCrowd(world.admin, 'greedy', count)
    const changes = keepChanging(world.admin, 'greedy', count, ending.signal)
    const end = Date.now() + changingMs
    for (let at = 0; at === 0 || Date.now() < end; at++) {
      await addGuarded(world.admin, 'other', `other-${at}`)
      const guard = await served('other', `other-${at}`)
      await expect.poll(() => routesOf(guard)).toBe(0)
    }
    const first = await served('greedy', 'greedy-0')
    await expect.poll(() => routesOf(first)).toBe(300)
    ending.abort()
    expect(await changes).toBeGreaterThan(0)
    expect((await probes).missed).toBe(0)
    expect(issuer.ended()).toBeUndefined()
  } finally {
    ending.abort()
    for (const guard of guards) guard.close()
    await issuer.stop()
    await world.close()
  }
}
