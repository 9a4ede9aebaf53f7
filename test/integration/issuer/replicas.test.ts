import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Issuer } from '../../../issuer/issuer.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { connectGuard, type Guard } from './guard.ts'
import { addClient, addGrant, addPod, addRole, addService, tokenOf } from './objects.ts'
import { createPausableClient } from './paused-client.ts'
import { startWorld, type World } from './world.ts'

const slice = 'shop/orders'
const labels = { app: 'orders' }
let world: World
let issuer: Issuer
let lagging: Issuer
let pausable: ReturnType<typeof createPausableClient>
let client: Awaited<ReturnType<typeof addClient>>
const guards: Guard[] = []

beforeAll(async () => {
  world = await startWorld()
  await world.namespace('shop')
  await world.namespace('partners')
  await addService(world, 'shop', 'orders')
  client = await addClient(world, 'partners', 'checkout')
  await addRole(world, 'shop', 'reader', ['orders'])
  await addGrant(world, 'shop', 'reads', 'reader', [client])
  pausable = createPausableClient(world.admin, 'accesskeys')
  issuer = await world.startReplica()
  lagging = await world.startReplica({ client: pausable.client })
})
afterAll(async () => {
  pausable?.resume()
  for (const guard of guards) guard.close()
  await world?.close()
})

async function connect(at: Issuer, name: string, held?: Guard): Promise<Guard> {
  const pod = await world.admin.get<KubeObject>(resources.pods, 'shop', name)
  const token = await tokenOf(world, pod ?? (await addPod(world, { namespace: 'shop', name, labels })))
  const seen = held?.seen()
  const resumed = held && seen && { builder: held.builder, hash: held.builder.hash(), seen }
  const guard = await connectGuard({ port: at.ports.snapshots, ca: world.ca, token, slice, ...resumed })
  guards.push(guard)
  return guard
}
const isRevoked = (guard: Guard) =>
  guard.rows().some(row => row.type === 'client' && row.keys.some(key => key.revoked === true))

describe('F31 a replica that is cut off and has seen less than the guard', () => {
  it('says so after 5 s, sends no older row, and goes on when it has caught up', async () => {
    const first = await connect(issuer, 'orders-1')
    await first.until(frame => 'full' in frame)
    pausable.pause()
    await world.admin.patch(resources.accessKeys, 'partners', 'checkout-key', { spec: { revoked: {} } })
    await expect.poll(() => isRevoked(first)).toBe(true)
    first.close()

    const moved = await connect(lagging, 'orders-1', first)
    expect(moved.status).toBe(200)
    await moved.until(frame => 'behind' in frame, 8_000)
    expect(moved.frames.every(frame => 'behind' in frame)).toBe(true)
    expect(isRevoked(moved)).toBe(true)

    pausable.resume()
    const caughtUp = await moved.until(frame => 'delta' in frame)
    expect(caughtUp).toMatchObject({ delta: { upsert: [], remove: [] } })
    expect(isRevoked(moved)).toBe(true)
  })

  it('does not send the whole slice either when the guard could not use a change', async () => {
    const first = await connect(issuer, 'orders-2')
    await first.until(frame => 'full' in frame)
    pausable.pause()
    await world.admin.delete(resources.accessKeys, 'partners', 'checkout-key')
    await expect.poll(() => isRevoked(first)).toBe(false)
    first.close()
    const seen = first.seen()
    const pod = await world.admin.get<KubeObject>(resources.pods, 'shop', 'orders-2')
    const token = await tokenOf(world, pod as KubeObject)
    const asks = connectGuard({ port: lagging.ports.snapshots, ca: world.ca, token, slice, ...(seen && { seen }) })
    const moved = await asks
    guards.push(moved)
    await new Promise(resolve => setTimeout(resolve, 500))
    expect(moved.frames).toEqual([])
    pausable.resume()
    await moved.until(frame => 'full' in frame)
    expect(JSON.stringify(moved.rows())).not.toContain('revoked')
  })
})

describe('two replicas', () => {
  it('agree on the hash of every slice and send heartbeats that say so', async () => {
    const [a, b] = await Promise.all([connect(issuer, 'orders-3'), connect(lagging, 'orders-4')])
    await Promise.all([a.until(frame => 'full' in frame), b.until(frame => 'full' in frame)])
    const beats = await Promise.all(
      [a, b].map(guard => guard.until(frame => 'heartbeat' in frame && frame.hash === a.builder.hash(), 12_000)),
    )
    const [first, other] = beats.map(beat => ('seen' in beat ? beat.seen.accesskeys : 'none'))
    expect(first).toBe(other)
  })
})

describe('many guards', () => {
  it('200 at one replica all get a change, and hold the same', async () => {
    const pods = await Promise.all(
      Array.from({ length: 200 }, (_, index) => addPod(world, { namespace: 'shop', name: `many-${index}`, labels })),
    )
    const many = await Promise.all(
      pods.map(async pod => {
        const token = await tokenOf(world, pod)
        return await connectGuard({ port: issuer.ports.snapshots, ca: world.ca, token, slice })
      }),
    )
    guards.push(...many)
    await Promise.all(many.map(guard => guard.until(frame => 'full' in frame, 20_000)))
    await addRole(world, 'shop', 'writer', ['orders'])
    await Promise.all(
      many.map(guard => guard.until(frame => 'delta' in frame && JSON.stringify(frame).includes('writer'))),
    )
    expect(new Set(many.map(guard => guard.builder.hash())).size).toBe(1)
  })
})
