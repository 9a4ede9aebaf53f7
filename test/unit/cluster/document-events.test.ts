import { afterEach, beforeEach, expect, it } from 'vitest'
import { createDocuments, type Documents } from '../../../cluster/openapi/documents.ts'
import { createView, type View } from '../../../cluster/view.ts'
import { createWatches, type Watches } from '../../../cluster/watches.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { guardedServices } from '../../../platform/kube/resources.ts'
import { service } from '../core/registry/objects.ts'
import { createManualClock, type ManualClock } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'
import { createFakeApi, createGate, type FakeApi, relistMs } from './fake-api.ts'
import { createConfigMaps, documentOf, readerAtOnce } from './openapi-fake.ts'

let api: FakeApi
let configMaps: ReturnType<typeof createConfigMaps>
let clock: ManualClock
let watches: Watches
let view: View
let documents: Documents
let told: string[]

beforeEach(async () => {
  api = createFakeApi()
  configMaps = createConfigMaps()
  clock = createManualClock()
  told = []
  const { log } = createQuietLog()
  watches = createWatches(api.client, { log, clock })
  view = createView(watches)
  documents = createDocuments({
    client: configMaps.client,
    services: view.services,
    reader: readerAtOnce,
    log,
    clock,
    random: () => 0,
  })
  documents.onChange(key => void told.push(key))
  configMaps.put('shop/api', documentOf(1))
  put('orders')
})
afterEach(async () => {
  await documents.stop()
  await watches.stop()
})

function put(name: string, configMap = 'api'): void {
  api.put(guardedServices, service('shop', name, { openapi: { configMapRef: { name: configMap } } }) as KubeObject)
}
async function begin(): Promise<void> {
  watches.start()
  await clock.advance(0)
  documents.start()
  await clock.advance(0)
}
const pathsOf = (name: string) => {
  const found = view.services.store.get(`shop/${name}`)
  return found && documents.get(found)?.routes?.map(({ path }) => path)
}

it('nothing is asked before the start, and then what came before it', async () => {
  watches.start()
  await clock.advance(60_000)
  expect(configMaps.asked).toEqual([])
  documents.start()
  await clock.advance(0)
  expect(pathsOf('orders')).toEqual(['/a-0'])
})

it('services that come with a list that failed at first are read when it is there', async () => {
  let asked = 0
  api.beforeList(guardedServices, () => {
    if (asked++ < 2) throw new Error('503')
  })
  await begin()
  expect(configMaps.asked).toEqual([])
  await clock.advance(60_000)
  expect(pathsOf('orders')).toEqual(['/a-0'])
})

it('a service that went while the watch was away is forgotten, and one made anew begins with nothing', async () => {
  put('carts')
  await begin()
  expect([pathsOf('orders'), pathsOf('carts')]).toEqual([['/a-0'], ['/a-0']])
  api.lose(guardedServices)
  api.remove(guardedServices, 'shop/carts')
  api.remove(guardedServices, 'shop/orders')
  put('orders', 'missing')
  await clock.advance(10_000)
  // Nothing was heard: what was good is in force.
  expect([pathsOf('orders'), pathsOf('carts')]).toEqual([['/a-0'], ['/a-0']])
  configMaps.asked.length = 0
  api.restart(guardedServices)
  await clock.advance(relistMs)
  expect(pathsOf('orders')).toBeUndefined()
  await clock.advance(120_000)
  expect(new Set(configMaps.asked)).toEqual(new Set(['shop/missing', 'shop/missing?']))
})

it('a service that goes while its document is fetched leaves nothing behind, and its successor is read', async () => {
  const { wait, open } = createGate()
  configMaps.beforeAnswer(wait)
  await begin()
  api.remove(guardedServices, 'shop/orders')
  await clock.advance(0)
  configMaps.beforeAnswer(() => {})
  open()
  await clock.advance(0)
  expect(told).toEqual([])
  expect(configMaps.asked).toEqual(['shop/api'])
  put('orders')
  await clock.advance(0)
  expect(told).toEqual(['shop/orders'])
  expect(pathsOf('orders')).toEqual(['/a-0'])
})

it('what was fetched for a service is not taken for the one that has its name by now', async () => {
  const { wait, open } = createGate()
  configMaps.beforeAnswer(wait)
  await begin()
  api.remove(guardedServices, 'shop/orders')
  put('orders')
  await clock.advance(0)
  open()
  await clock.advance(0)
  expect(told).toEqual(['shop/orders'])
  expect(configMaps.asked).toEqual(['shop/api', 'shop/api'])
  expect(pathsOf('orders')).toEqual(['/a-0'])
})

it('a stop waits for what is under way, and nobody is told of what comes of it', async () => {
  const { wait, open } = createGate()
  configMaps.beforeAnswer(wait)
  await begin()
  let stopped = false
  void documents.stop().then(() => (stopped = true))
  await clock.advance(100_000)
  expect(stopped).toBe(false)
  open()
  await clock.advance(0)
  expect([stopped, told]).toEqual([true, []])
  put('later')
  await clock.advance(100_000)
  expect(configMaps.asked).toEqual(['shop/api'])
})

it('who has ended it is told no more', async () => {
  const others: string[] = []
  documents.onChange(key => void others.push(key))()
  await begin()
  expect([told, others]).toEqual([['shop/orders'], []])
})
