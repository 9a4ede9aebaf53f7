import { afterEach, beforeEach, expect, it } from 'vitest'
import { createView, type View } from '../../../cluster/view.ts'
import { createWatches, type Watches } from '../../../cluster/watches.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { accessGrants, apiClients, namespaces, pods, roles, services } from '../../../platform/kube/resources.ts'
import { client, grant, role } from '../core/registry/objects.ts'
import { createManualClock, type ManualClock } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'
import { createFakeApi, createGate, type FakeApi, relistMs } from './fake-api.ts'

let api: FakeApi
let clock: ManualClock
let watches: Watches
let view: View

beforeEach(() => {
  api = createFakeApi()
  clock = createManualClock()
  watches = createWatches(api.client, { ...createQuietLog(), clock })
  view = createView(watches)
})
afterEach(() => watches.stop())

const named = (objects: readonly { metadata: { name: string } }[]) => objects.map(({ metadata }) => metadata.name)
const giving = (name: string, roleName: string, ...clients: string[]) =>
  grant('shop', name, {
    roleRef: { name: roleName },
    clients: clients.map(one => ({ namespace: 'shop', name: one })),
  }) as KubeObject
const opening = (name: string, ...names: string[]) =>
  role('shop', name, [{ services: names, methods: ['GET'], paths: ['/'] }]) as KubeObject

it('follows what points where, in whatever order it comes, and forgets what went', async () => {
  watches.start()
  await clock.advance(0)
  api.put(accessGrants, giving('give', 'reader', 'web', 'app'))
  await clock.advance(0)
  expect(named(view.by.grantsOfClient.get('shop/web'))).toEqual(['give'])
  // The role comes after the grant that names it.
  expect(view.by.servicesOfClient('shop/web')).toEqual(new Set())
  api.put(roles, opening('reader', 'orders', 'carts'))
  await clock.advance(0)
  expect(view.by.servicesOfClient('shop/web')).toEqual(new Set(['shop/orders', 'shop/carts']))
  expect(named(view.by.rolesOfService.get('shop/carts'))).toEqual(['reader'])
  api.put(accessGrants, giving('give', 'writer', 'app'))
  api.put(roles, opening('reader', 'orders'))
  await clock.advance(0)
  expect(view.by.grantsOfClient.get('shop/web')).toEqual([])
  expect(view.by.grantsOfRole.get('shop/reader')).toEqual([])
  expect(named(view.by.grantsOfRole.get('shop/writer'))).toEqual(['give'])
  expect(view.by.rolesOfService.get('shop/carts')).toEqual([])
  api.remove(accessGrants, 'shop/give')
  await clock.advance(0)
  expect(view.by.grantsOfClient.get('shop/app')).toEqual([])
})

it('forgets what went while the watch was away, and what came under the same name points as it says', async () => {
  api.put(accessGrants, giving('give', 'reader', 'web'))
  api.put(accessGrants, giving('gone', 'reader', 'web'))
  watches.start()
  await clock.advance(0)
  api.lose(accessGrants)
  api.remove(accessGrants, 'shop/gone')
  api.remove(accessGrants, 'shop/give')
  api.put(accessGrants, giving('give', 'reader', 'app'))
  api.restart(accessGrants)
  await clock.advance(relistMs)
  expect(view.by.grantsOfClient.get('shop/web')).toEqual([])
  expect(named(view.by.grantsOfRole.get('shop/reader'))).toEqual(['give'])
})

it('knows of a change before those who listen to it', async () => {
  const seen: string[][] = []
  view.clients.onChange(({ object }) => {
    seen.push(named(view.by.clientsOfNamespace.get(object.metadata.namespace ?? '')))
  })
  watches.start()
  await clock.advance(0)
  api.put(apiClients, client('shop', 'web') as KubeObject)
  await clock.advance(0)
  api.remove(apiClients, 'shop/web')
  await clock.advance(0)
  expect(seen).toEqual([['web'], []])
})

const identity = { namespace: 'shop', name: 'web-1', uid: 'u1' }
const annotations = { 'latchkey.dev/enforces': 'shop/web', 'prometheus.io/scrape': 'true' }

it('keeps of a pod what is read, and nothing else', async () => {
  const container = { name: 'app', image: 'app:1', env: [{ name: 'SECRET', value: 'x' }] }
  const running = { name: 'latchkey-guard', state: { running: { startedAt: '2026-11-22T10:00:00Z' } }, imageID: 'x' }
  api.put(pods, {
    metadata: { ...identity, labels: { app: 'web' }, annotations, finalizers: ['f'] },
    ...{
      spec: {
        serviceAccountName: 'web',
        containers: [container],
        initContainers: [{ ...container, name: 'latchkey-guard' }],
      },
    },
    ...{
      status: { phase: 'Running', podIP: '10.0.0.1', initContainerStatuses: [running], containerStatuses: [container] },
    },
  } as KubeObject)
  api.put(pods, {
    metadata: { ...identity, name: 'plain', annotations: { 'prometheus.io/scrape': 'true' } },
    ...{
      spec: { containers: [container], initContainers: [container] },
      status: { initContainerStatuses: [container] },
    },
  } as KubeObject)
  watches.start()
  await clock.advance(0)
  const { resourceVersion, ...metadata } = view.pods.store.get('shop/web-1')?.metadata ?? {}
  expect(resourceVersion).toBeDefined()
  expect(metadata).toEqual({
    ...identity,
    labels: { app: 'web' },
    annotations: { 'latchkey.dev/enforces': 'shop/web' },
  })
  expect(view.pods.store.get('shop/web-1')).toMatchObject({
    spec: { serviceAccountName: 'web', initContainers: [{ name: 'latchkey-guard' }] },
    status: { phase: 'Running', containerStatuses: [{ name: 'latchkey-guard', state: { running: {} } }] },
  })
  expect(JSON.stringify([...view.pods.store.values()])).not.toMatch(/SECRET|image|podIP|finalizers|prometheus/)
  expect(view.pods.store.get('shop/plain')).toMatchObject({ spec: {}, status: {} })
})

it('tells a guard that stands still from one that runs', async () => {
  const waiting = { name: 'latchkey-guard', state: { waiting: { reason: 'PodInitializing' } } }
  api.put(pods, { metadata: identity, ...{ status: { initContainerStatuses: [waiting] } } } as KubeObject)
  watches.start()
  await clock.advance(0)
  expect(view.pods.store.get('shop/web-1')?.status).toEqual({ containerStatuses: [{ name: 'latchkey-guard' }] })
})

it('keeps selector and ports of a Service and the labels of a namespace', async () => {
  const ports = [{ name: 'http', port: 80, targetPort: 'guard', nodePort: 30_080, protocol: 'TCP' }, { port: 81 }]
  api.put(services, {
    metadata: { ...identity, labels: { app: 'web' } },
    ...{ spec: { selector: { app: 'web' }, ports, clusterIP: '10.0.0.1' } },
  } as KubeObject)
  api.put(services, { metadata: { ...identity, name: 'external' }, ...{ spec: { externalName: 'x' } } } as KubeObject)
  api.put(namespaces, { metadata: { name: 'shop', labels: { a: 'b' }, annotations } })
  watches.start()
  await clock.advance(0)
  expect(view.targets.store.get('shop/web-1')).toEqual({
    metadata: { ...identity, resourceVersion: '101' },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'guard' }, { port: 81 }] },
  })
  expect(view.targets.store.get('shop/external')?.spec).toEqual({ ports: [] })
  expect(view.namespaces.store.get('shop')).toEqual({
    metadata: { name: 'shop', labels: { a: 'b' }, resourceVersion: '103' },
  })
})

it('is synced when the slowest list is there, and a wait for it ends with its signal or with the watches', async () => {
  const { wait, open } = createGate()
  api.beforeList(pods, wait)
  watches.start()
  await clock.advance(60_000)
  const stopping = new AbortController()
  const left = expect(watches.whenSynced(stopping.signal)).rejects.toThrow('enough')
  stopping.abort(new Error('enough'))
  await left
  let synced = false
  void watches.whenSynced().then(() => (synced = true))
  await clock.advance(0)
  expect(synced).toBe(false)
  open()
  await clock.advance(0)
  expect(synced).toBe(true)
  const stuck = createWatches(api.client, { ...createQuietLog(), clock })
  stuck.add(pods)
  const never = expect(stuck.whenSynced()).rejects.toThrow('stopped')
  await stuck.stop()
  await never
})

it('says that a watch has made no progress when one of them has not, however well the others do', async () => {
  const two = createWatches(api.client, { ...createQuietLog(), clock })
  two.add(pods)
  two.add(roles)
  api.beforeList(pods, () => Promise.reject(new Error('503')))
  two.start()
  await clock.advance(100_000)
  api.put(roles, opening('reader', 'orders'))
  await clock.advance(0)
  expect(two.stuckFor(clock.now(), 100_000)).toBeUndefined()
  expect(two.stuckFor(clock.now(), 99_999)).toBe('a watch has made no progress')
  api.beforeList(pods, () => {})
  await clock.advance(60_000)
  expect(two.stuckFor(clock.now(), 60_000)).toBeUndefined()
  await two.stop()
})
