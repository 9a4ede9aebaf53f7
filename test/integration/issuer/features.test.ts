import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { featureNames } from '../../../core/rows/features.ts'
import { sliceHash } from '../../../core/rows/hash.ts'
import type { Issuer } from '../../../issuer/issuer.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { connectGuard, type Guard } from './guard.ts'
import { addClient, addGrant, addPod, addRole, addService, tokenOf } from './objects.ts'
import { startWorld, type World } from './world.ts'

let world: World
let issuer: Issuer
let pods = 0
const guards: Guard[] = []
const tags = { kind: 'orders', tenant: '{tenant}' }
const route = { name: 'order', path: '/orders/{tenant}', methods: ['GET'] }
const setRoute = (change: object) =>
  world.admin.patch(resources.guardedServices, 'shop', 'orders', { spec: { routes: [{ ...route, ...change }] } })

beforeAll(async () => {
  world = await startWorld()
  await world.namespace('shop')
  await world.namespace('partners')
  await addService(world, 'shop', 'orders')
  await setRoute({ tags })
  const client = await addClient(world, 'partners', 'checkout')
  await addRole(world, 'shop', 'reader', ['orders'])
  await addGrant(world, 'shop', 'reads', 'reader', [client])
  issuer = await world.startReplica()
})
afterAll(async () => {
  for (const guard of guards) guard.close()
  await world?.close()
})

async function connect(features?: unknown): Promise<Guard> {
  const pod = await addPod(world, { namespace: 'shop', name: `orders-${pods++}`, labels: { app: 'orders' } })
  const token = await tokenOf(world, pod)
  const guard = await connectGuard({
    port: issuer.ports.snapshots,
    ca: world.ca,
    token,
    slice: 'shop/orders',
    features,
  })
  guards.push(guard)
  return guard
}
const routeOf = (guard: Guard) => guard.rows().flatMap(row => (row.type === 'service' ? row.routes : []))[0]
/** Heartbeats that came after now. */
const beatOf = (guard: Guard) => {
  const had = guard.frames.length
  return guard.until(frame => 'heartbeat' in frame && guard.frames.indexOf(frame) >= had, 8_000)
}

describe('two guards of one service, one of this release and one of the release before', () => {
  it('are each sent rows, deltas and heartbeats as they understand them', async () => {
    const [whole, older] = [await connect(featureNames), await connect()]
    for (const guard of [whole, older]) await guard.until(frame => 'full' in frame)
    expect(routeOf(whole)).toMatchObject({ tags })
    expect(routeOf(older)).toEqual({ ...route, variants: 'Refuse' })
    expect(older.builder.hash()).not.toBe(whole.builder.hash())
    await setRoute({ path: '/v2/{tenant}', tags: { tenant: '{tenant}' } })
    for (const guard of [whole, older]) await expect.poll(() => routeOf(guard)?.path).toBe('/v2/{tenant}')
    expect(routeOf(whole)).toMatchObject({ tags: { tenant: '{tenant}' } })
    expect(routeOf(older)).not.toHaveProperty('tags')
    for (const guard of [whole, older]) {
      expect(await beatOf(guard)).toMatchObject({ hash: sliceHash(guard.rows()) })
    }
  })

  it('know nothing of each other: what only one of them knows changes at that one only', async () => {
    const [whole, older] = [await connect(featureNames), await connect([])]
    for (const guard of [whole, older]) await guard.until(frame => 'full' in frame)
    const held = older.builder.hash()
    await setRoute({ path: '/v2/{tenant}', tags: { kind: 'refunds' } })
    await expect.poll(() => routeOf(whole)).toMatchObject({ tags: { kind: 'refunds' } })
    expect(await beatOf(older)).toMatchObject({ hash: held })
    expect(older.frames.filter(frame => 'delta' in frame)).toEqual([])
  })
})

describe('a hello', () => {
  it('with features of later releases is one of a guard that knows all there is', async () => {
    const guard = await connect([...featureNames, 'sun-is-up'])
    await guard.until(frame => 'full' in frame)
    expect(routeOf(guard)).toHaveProperty('tags')
  })

  it.each<[string, unknown]>([
    ['no list', 'route-tags-map'],
    ['a number among them', [7]],
    ['257 names', Array.from({ length: 257 }, (_, at) => `feature-${at}`)],
  ])('with features that are %s is refused', async (_, features) => {
    expect((await connect(features)).status).toBe(400)
  })

  it('with 10,000 features is too long to be read on, and nobody else feels it', async () => {
    const features = Array.from({ length: 10_000 }, (_, at) => `feature-${at}`)
    const outcome = connect(features).then(({ status }) => status)
    expect([400, 'cut']).toContain(await outcome.catch(() => 'cut'))
    expect((await connect(featureNames)).status).toBe(200)
  })
})
