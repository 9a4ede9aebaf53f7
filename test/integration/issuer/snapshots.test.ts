import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Issuer } from '../../../issuer/issuer.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { connectGuard, type Guard, type GuardOptions } from './guard.ts'
import {
  addClient,
  addGrant,
  addKey,
  addPod,
  addRole,
  addService,
  makeKeyPair,
  publishedKey,
  tokenOf,
} from './objects.ts'
import { startWorld, type World } from './world.ts'

let world: World
let issuer: Issuer
let second: Issuer
let pod: KubeObject
let token: string
let witnessToken: string
let checkout: Awaited<ReturnType<typeof addClient>>
let stranger: Awaited<ReturnType<typeof addClient>>
const guards: Guard[] = []

async function connect(options: Partial<GuardOptions> = {}, at = issuer): Promise<Guard> {
  const guard = await connectGuard({ port: at.ports.snapshots, ca: world.ca, token, slice: 'shop/orders', ...options })
  guards.push(guard)
  return guard
}

const opened = (guard: Guard) => guard.until(frame => 'full' in frame || 'delta' in frame)
const keysOf = (guard: Guard, clientId: string) =>
  guard.rows().flatMap(row => (row.type === 'client' && row.clientId === clientId ? row.keys : []))

beforeAll(async () => {
  world = await startWorld()
  await world.namespace('shop')
  await world.namespace('partners', { 'latchkey.dev/organization': 'acme' })
  await addService(world, 'shop', 'orders')
  await addService(world, 'shop', 'billing')
  checkout = await addClient(world, 'partners', 'checkout', { serviceAccounts: [{ name: 'worker' }] })
  stranger = await addClient(world, 'partners', 'stranger')
  await addRole(world, 'shop', 'reader', ['orders'])
  await addRole(world, 'shop', 'billing-reader', ['billing'])
  await addGrant(world, 'shop', 'checkout-reads', 'reader', [checkout])
  await addGrant(world, 'shop', 'stranger-bills', 'billing-reader', [stranger])
  pod = await addPod(world, { namespace: 'shop', name: 'orders-1', labels: { app: 'orders' } })
  token = await tokenOf(world, pod)
  witnessToken = await tokenOf(
    world,
    await addPod(world, { namespace: 'shop', name: 'witness', labels: { app: 'orders' } }),
  )
  issuer = await world.startReplica()
  second = await world.startReplica()
})
afterAll(async () => {
  for (const guard of guards) guard.close()
  await world?.close()
})

describe('a guard that holds nothing', () => {
  it('gets the whole slice, which holds its service and nobody it does not concern', async () => {
    const guard = await connect()
    const frame = await opened(guard)
    expect(frame).toMatchObject({ full: {} })
    const kinds = guard.rows().map(row => ('name' in row ? `${row.type} ${row.name}` : row.type))
    expect(kinds.sort()).toEqual([
      'client checkout',
      'cluster',
      'grant checkout-reads',
      'role reader',
      'service orders',
    ])
    expect(JSON.stringify(frame)).not.toContain(stranger.clientId)
    expect(guard.rows()).toContainEqual(
      expect.objectContaining({ type: 'client', clientId: checkout.clientId, organization: 'acme', suspended: false }),
    )
    expect(keysOf(guard, checkout.clientId)).toEqual([
      expect.objectContaining({ kid: checkout.pair.kid, accessKey: 'checkout-key', algorithm: 'Ed25519' }),
    ])
  })

  it('learns of the pods that run as a service account it knows', async () => {
    const guard = await connect()
    await opened(guard)
    const worker = await addPod(world, {
      namespace: 'partners',
      name: 'worker-1',
      labels: {},
      serviceAccount: 'worker',
    })
    await guard.until(frame => 'delta' in frame && JSON.stringify(frame.delta).includes(worker.metadata.uid ?? '?'))
    await world.admin.delete(resources.pods, 'partners', 'worker-1', {
      preconditions: { uid: worker.metadata.uid ?? '' },
    })
    await expect
      .poll(() => JSON.stringify(guard.rows()).includes(worker.metadata.uid ?? '?'), { timeout: 5_000 })
      .toBe(false)
  })
})

describe('a change', () => {
  it('reaches the guard as its rows only, with the hash after it', async () => {
    const guard = await connect()
    await opened(guard)
    const pair = makeKeyPair()
    const key = { namespace: 'partners', name: 'checkout-new', client: 'checkout', clientId: checkout.clientId, pair }
    await addKey(world, key)
    const frame = await guard.until(frame => 'delta' in frame && JSON.stringify(frame).includes(pair.kid))
    expect('delta' in frame && frame.delta.upsert.map(row => row.type)).toEqual(['client'])
    expect('hash' in frame && frame.hash).toBe(guard.builder.hash())
  })

  it('that revokes arrives, marked, and the key goes with its AccessKey (F12, J25)', async () => {
    const guard = await connect()
    await opened(guard)
    const pair = makeKeyPair()
    const key = {
      namespace: 'partners',
      name: 'checkout-leaked',
      client: 'checkout',
      clientId: checkout.clientId,
      pair,
    }
    await addKey(world, key)
    await guard.until(frame => 'delta' in frame && JSON.stringify(frame).includes(pair.kid))
    await world.admin.patch(resources.accessKeys, 'partners', 'checkout-leaked', { spec: { revoked: {} } })
    await guard.until(
      frame =>
        'delta' in frame && frame.delta.upsert.some(row => row.type === 'client' && row.keys.some(k => k.revoked)),
    )
    await world.admin.delete(resources.accessKeys, 'partners', 'checkout-leaked')
    await expect.poll(() => keysOf(guard, checkout.clientId).some(found => found.kid === pair.kid)).toBe(false)
  })

  it('of a status without the spec behind it counts for nothing (K23)', async () => {
    const guard = await connect()
    await opened(guard)
    const forged = makeKeyPair()
    await world.setStatus(resources.accessKeys, 'partners', 'stranger-key', {
      clientId: checkout.clientId,
      keys: [publishedKey(forged)],
    })
    const other = makeKeyPair()
    await world.setStatus(resources.accessKeys, 'partners', 'checkout-key', {
      keys: [publishedKey(checkout.pair), { ...publishedKey(other), kid: forged.kid }],
    })
    const marker = makeKeyPair()
    const key = { namespace: 'partners', name: 'marker', client: 'checkout', clientId: checkout.clientId, pair: marker }
    await addKey(world, key)
    await guard.until(frame => 'delta' in frame && JSON.stringify(frame).includes(marker.kid))
    expect(keysOf(guard, checkout.clientId).map(({ kid }) => kid)).not.toContain(forged.kid)
  })

  it('of the client behind a granted name takes the access away until the grant is written again (K06)', async () => {
    const client = await addClient(world, 'partners', 'passing', { clientId: 'partners.passing' })
    await addGrant(world, 'shop', 'passing-reads', 'reader', [client])
    const guard = await connect()
    await opened(guard)
    await expect.poll(() => JSON.stringify(guard.rows()).includes('grant","name":"passing-reads"')).toBe(true)
    await world.admin.delete(resources.apiClients, 'partners', 'passing')
    await expect.poll(() => JSON.stringify(guard.rows()).includes('partners.passing')).toBe(false)
    await world.create(resources.apiClients, {
      metadata: { namespace: 'partners', name: 'passing' },
      spec: { clientId: 'partners.another' },
    } as KubeObject)
    await addRole(world, 'shop', 'marker', ['orders'])
    await guard.until(frame => 'delta' in frame && JSON.stringify(frame).includes('"marker"'))
    expect(JSON.stringify(guard.rows())).not.toContain('partners.another')
  })
})

describe('a guard that comes back', () => {
  it('gets what changed since and nothing else, from any replica', async () => {
    const first = await connect()
    await opened(first)
    first.close()
    const client = await addClient(world, 'partners', 'late')
    await addGrant(world, 'shop', 'late-reads', 'reader', [client])
    // The other replica has the change, too, when this one's guard does.
    for (const at of [issuer, second]) {
      const fresh = await connect({}, at)
      await expect.poll(() => JSON.stringify(fresh.rows())).toContain(client.pair.kid)
      fresh.close()
    }
    const known = first.builder.hash()
    const back = await connect({ builder: first.builder, hash: known, ...{ seen: first.seen() ?? {} } }, second)
    const frame = await opened(back)
    const names = 'delta' in frame && frame.delta.upsert.map(row => ('name' in row ? row.name : row.type)).sort()
    expect(names).toEqual(['late', 'late-reads'])
    const rebuilt = await connect()
    await opened(rebuilt)
    expect(back.builder.hash()).toBe(rebuilt.builder.hash())
  })

  it('gets no row when nothing changed', async () => {
    const first = await connect()
    await opened(first)
    first.close()
    const back = await connect({ builder: first.builder, hash: first.builder.hash(), seen: first.seen() ?? {} }, second)
    expect(await opened(back)).toMatchObject({ delta: { upsert: [], remove: [] } })
  })

  it('is told of rows that went', async () => {
    const [first, witness] = await Promise.all([connect(), connect({ token: witnessToken }, second)])
    await Promise.all([opened(first), opened(witness)])
    await addRole(world, 'shop', 'short-lived', ['orders'])
    for (const guard of [first, witness]) await expect.poll(() => JSON.stringify(guard.rows())).toContain('short-lived')
    first.close()
    await world.admin.delete(resources.roles, 'shop', 'short-lived')
    await expect.poll(() => JSON.stringify(witness.rows())).not.toContain('short-lived')
    const back = await connect({ builder: first.builder, hash: first.builder.hash(), seen: first.seen() ?? {} }, second)
    expect(await opened(back)).toMatchObject({ delta: { upsert: [], remove: ['role/short-lived'] } })
    expect(back.builder.hash()).toBe(witness.builder.hash())
  })

  it('with a state that this replica never had gets the whole slice', async () => {
    const first = await connect()
    await opened(first)
    first.close()
    const back = await connect({ hash: 'f'.repeat(64), seen: first.seen() ?? {} }, second)
    expect(await opened(back)).toMatchObject({ full: {} })
    expect(back.builder.hash()).toBe(first.builder.hash())
  })
})

describe('a service', () => {
  it('that is refused has an empty slice, and the rows come with its acceptance', async () => {
    await world.create(resources.guardedServices, {
      metadata: { namespace: 'shop', name: 'orders-open' },
      spec: { targetRef: { name: 'orders', port: 80 }, public: [{ path: '/**' }] },
    } as KubeObject)
    const thief = await connect({ slice: 'shop/orders-open' })
    expect(await opened(thief)).toMatchObject({ full: { rows: [] }, hash: '0'.repeat(64) })
    const guard = await connect()
    await opened(guard)
    expect(guard.rows().find(row => row.type === 'service')).toMatchObject({ name: 'orders', public: [] })
    await world.admin.patch(resources.guardedServices, 'shop', 'orders-open', {
      spec: { targetRef: { name: 'orders', port: 'http' } },
    })
    await world.admin.delete(resources.guardedServices, 'shop', 'orders-open')
    await thief.until(frame => 'end' in frame && frame.end.code === 'service_not_found')
  })

  it('that is deleted takes nothing from its guards, which are told that it is gone; so does a port that is not there', async () => {
    await world.create(resources.services, {
      metadata: { namespace: 'shop', name: 'orders-admin' },
      spec: { selector: { app: 'orders' }, ports: [{ name: 'admin', port: 81 }] },
    } as KubeObject)
    await world.create(resources.guardedServices, {
      metadata: { namespace: 'shop', name: 'orders-admin' },
      spec: { targetRef: { name: 'orders-admin', port: 'admin' }, public: [{ path: '/healthz' }] },
    } as KubeObject)
    await expect.poll(async () => (await connect({ slice: 'shop/orders-admin' })).status).toBe(200)
    const guard = await connect({ slice: 'shop/orders-admin' })
    await opened(guard)
    const rows = guard.rows()
    expect(rows.find(row => row.type === 'service')).toMatchObject({ public: [{ path: '/healthz' }] })
    const target = (port: string) => ({ spec: { targetRef: { name: 'orders-admin', port }, maxStaleness: '2h' } })
    await world.admin.patch(resources.guardedServices, 'shop', 'orders-admin', target('amdin'))
    const staleness = () => guard.rows().find(row => row.type === 'service')
    await expect.poll(staleness).toMatchObject({ maxStalenessSeconds: 7_200, public: [{ path: '/healthz' }] })
    await world.admin.delete(resources.guardedServices, 'shop', 'orders-admin')
    await guard.until(frame => 'end' in frame && frame.end.code === 'service_not_found')
    expect(staleness()).toMatchObject({ public: [{ path: '/healthz' }] })
  })

  it('takes its routes from an OpenAPI document', async () => {
    const document = {
      openapi: '3.1.0',
      components: { securitySchemes: { o: { type: 'oauth2' } } },
      paths: { '/orders/{id}': { get: { security: [{ o: ['orders:read'] }] } } },
    }
    await world.create(resources.configMaps, {
      metadata: { namespace: 'shop', name: 'api' },
      data: { 'openapi.yaml': JSON.stringify(document) },
    } as KubeObject)
    await world.create(resources.services, {
      metadata: { namespace: 'shop', name: 'catalog' },
      spec: { selector: { app: 'orders' }, ports: [{ port: 80 }] },
    } as KubeObject)
    await world.create(resources.guardedServices, {
      metadata: { namespace: 'shop', name: 'catalog' },
      spec: { targetRef: { name: 'catalog', port: 80 }, openapi: { configMapRef: { name: 'api' } } },
    } as KubeObject)
    await expect.poll(async () => (await connect({ slice: 'shop/catalog' })).status).toBe(200)
    const guard = await connect({ slice: 'shop/catalog' })
    await expect
      .poll(() => guard.rows().find(row => row.type === 'service'))
      .toMatchObject({
        routes: [
          {
            name: 'get-orders-id',
            path: '/orders/{id}',
            methods: ['GET'],
            permission: { action: 'read', resource: 'orders' },
          },
        ],
      })
    expect(Object.keys(guard.seen() ?? {})).toContain('configmaps/shop/api')
  })
})

describe('a slice that is larger than its guard takes', () => {
  it('comes without what makes it too large, and what is taken away comes all the same; whole when it fits again', async () => {
    await addService(world, 'shop', 'ledger')
    await addRole(world, 'shop', 'ledger-reader', ['ledger'])
    const pod = await addPod(world, { namespace: 'shop', name: 'l-1', labels: { app: 'ledger' } })
    const [small, large] = [await addClient(world, 'partners', 'small'), await addClient(world, 'partners', 'large')]
    await addGrant(world, 'shop', 'ledger-reads', 'ledger-reader', [small, large])
    const guard = await connect({ slice: 'shop/ledger', token: await tokenOf(world, pod), maxBytes: 8_192 })
    await opened(guard)
    const clients = () =>
      guard
        .rows()
        .flatMap(row => (row.type === 'client' ? [row] : []))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
    await expect.poll(() => clients().map(({ name }) => name), { timeout: 15_000 }).toEqual(['large', 'small'])
    const more = Array.from({ length: 40 }, (_, at) => `large-${at}`)
    for (const name of more) await addKey(world, { ...large, name, client: 'large', pair: makeKeyPair() })
    await expect.poll(() => clients().map(({ name }) => name), { timeout: 15_000 }).toEqual(['small'])
    await world.admin.patch(resources.accessKeys, 'partners', 'small-key', { spec: { revoked: {} } })
    await expect.poll(() => clients()[0]?.keys[0]?.revoked, { timeout: 15_000 }).toBe(true)
    for (const name of more) await world.admin.delete(resources.accessKeys, 'partners', name)
    await expect
      .poll(() => clients().map(({ name, keys }) => [name, keys.length]), { timeout: 15_000 })
      .toEqual([
        ['large', 1],
        ['small', 1],
      ])
  })
})
