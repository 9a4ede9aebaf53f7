import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Issuer } from '../../../issuer/issuer.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { connectGuard, type Guard } from './guard.ts'
import { addClient, addGrant, addPod, addRole, addService, tokenOf } from './objects.ts'
import { startWorld, type World } from './world.ts'

const count = 100
const changes = 40
let world: World
let issuer: Issuer
let guards: Guard[] = []

beforeAll(async () => {
  world = await startWorld('issuer-latency')
  await world.namespace('shop')
  await world.namespace('partners')
  await addService(world, 'shop', 'orders')
  const client = await addClient(world, 'partners', 'checkout')
  await addRole(world, 'shop', 'reader', ['orders'])
  await addGrant(world, 'shop', 'reads', 'reader', [client])
  issuer = await world.startReplica()
  const pods = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      addPod(world, { namespace: 'shop', name: `orders-${index}`, labels: { app: 'orders' } }),
    ),
  )
  guards = await Promise.all(
    pods.map(async pod => {
      const token = await tokenOf(world, pod)
      return await connectGuard({ port: issuer.ports.snapshots, ca: world.ca, token, slice: 'shop/orders' })
    }),
  )
  await Promise.all(guards.map(guard => guard.until(frame => 'full' in frame, 20_000)))
})
afterAll(async () => {
  for (const guard of guards) guard.close()
  await world?.close()
})

/** Milliseconds from the API server's answer to a write until each guard has the frame, sorted. */
async function measured(write: (index: number) => Promise<unknown>): Promise<number[]> {
  const found: number[] = []
  for (let index = 0; index < changes; index++) {
    const from = guards.map(guard => guard.frames.length)
    await write(index)
    const acknowledged = performance.now()
    await Promise.all(
      guards.map((guard, at) =>
        guard.until(frame => guard.frames.indexOf(frame) >= (from[at] ?? 0) && 'delta' in frame),
      ),
    )
    guards.forEach((guard, at) => {
      const index = guard.frames.findIndex((frame, place) => place >= (from[at] ?? 0) && 'delta' in frame)
      found.push(Math.max(0, (guard.arrivals[index] ?? 0) - acknowledged))
    })
  }
  return found.sort((a, b) => a - b)
}

function summary(times: readonly number[]): { p50: number; p99: number } {
  const at = (share: number) => Math.round((times[Math.floor(times.length * share)] ?? 0) * 10) / 10
  return { p50: at(0.5), p99: at(0.99) }
}

it('tells 100 guards of a change, and of one that takes access away, within 300 ms for 99 in 100', async () => {
  const added = summary(
    await measured(index =>
      world.create(resources.roles, {
        metadata: { namespace: 'shop', name: `added-${index}` },
        spec: { rules: [{ services: ['orders'], methods: ['GET'], paths: [`/${index}`] }] },
      } as KubeObject),
    ),
  )
  const removed = summary(await measured(index => world.admin.delete(resources.roles, 'shop', `added-${index}`)))
  console.info(JSON.stringify({ guards: count, changes, addedMs: added, removedMs: removed }))
  expect(added.p99).toBeLessThan(300)
  expect(removed.p99).toBeLessThan(300)
})
