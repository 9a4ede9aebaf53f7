import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createResolved, type Resolved } from '../../../cluster/resolved.ts'
import { createView, type View } from '../../../cluster/view.ts'
import { createWatches, type Watches } from '../../../cluster/watches.ts'
import type { OpenApiSource } from '../../../core/registry/openapi-document.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { apiClients, guardedServices, namespaces, services } from '../../../platform/kube/resources.ts'
import { client, namespace, service, target } from '../core/registry/objects.ts'
import { createManualClock, type ManualClock } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'
import { createFakeApi, createGate, type FakeApi, relistMs, rules } from './fake-api.ts'

let api: FakeApi
let clock: ManualClock
let watches: Watches
let view: View
let resolved: Resolved
let told: string[]
let stale: number
let documents: Map<string, OpenApiSource>
let documentChanged: (key: string) => void

function start(stance: 'decides' | 'follows' = 'decides'): Promise<void> {
  watches = createWatches(api.client, { ...createQuietLog(), clock })
  view = createView(watches)
  const read = {
    get: (one: { metadata: { namespace?: string; name: string } }) =>
      documents.get(`${one.metadata.namespace}/${one.metadata.name}`),
    onChange(handler: (key: string) => void) {
      documentChanged = handler
      return () => {}
    },
  }
  resolved = createResolved(view, rules, read, stance)
  resolved.onStale(() => void stale++)
  resolved.onClient((key, { before, now }) => void told.push(`${key}: ${before?.reason} → ${now?.reason}`))
  resolved.onService((key, { before, now }) => void told.push(`${key}: ${before?.reason} → ${now?.reason}`))
  watches.start()
  return clock.advance(0)
}

/** What is told after all that was done since this was asked last. */
async function news(): Promise<string[]> {
  await clock.advance(0)
  resolved.settle()
  return told.splice(0)
}

beforeEach(() => {
  api = createFakeApi()
  clock = createManualClock()
  told = []
  stale = 0
  documents = new Map()
})
afterEach(() => watches.stop())

const shop = () => api.put(namespaces, namespace('shop') as KubeObject)
const putClient = (...given: Parameters<typeof client>) => api.put(apiClients, client(...given) as KubeObject)
const putService = (...given: Parameters<typeof service>) => api.put(guardedServices, service(...given) as KubeObject)
const putTarget = (name: string) => api.put(services, target('shop', name)[1] as KubeObject)

describe('what is decided about clients', () => {
  it('waits for the namespace of one that came before it, and is told then', async () => {
    await start()
    putClient('shop', 'web')
    expect(await news()).toEqual([])
    expect(resolved.clients().size).toBe(0)
    expect(resolved.isOurs('shop')).toBe(false)
    shop()
    expect(await news()).toEqual(['shop/web: undefined → Accepted'])
    expect(resolved.isOurs('shop')).toBe(true)
  })

  it('waits for a first list that fails or is slow: no client is taken for another installation’s', async () => {
    shop()
    putClient('shop', 'web')
    const { wait, open } = createGate()
    let asked = 0
    api.beforeList(namespaces, async () => {
      if (asked++ === 0) throw new Error('503')
      await wait()
    })
    await start()
    let synced = false
    void watches.whenSynced().then(() => (synced = true))
    expect(await news()).toEqual([])
    await clock.advance(60_000)
    expect([asked, synced]).toEqual([2, false])
    expect(await news()).toEqual([])
    open()
    expect(await news()).toEqual(['shop/web: undefined → Accepted'])
    expect(synced).toBe(true)
  })

  it('is told once for what came together, and not at all for a status or a label that says nothing', async () => {
    shop()
    const web = putClient('shop', 'web')
    await start()
    expect(await news()).toEqual(['shop/web: undefined → Accepted'])
    api.put(apiClients, { ...web, ...{ status: { state: 'Active' } } })
    expect(await news()).toEqual([])
    expect(resolved.clients().get('shop/web')?.client.status).toEqual({ state: 'Active' })
    const before = stale
    api.put(namespaces, namespace('shop', { team: 'a' }) as KubeObject)
    expect(await news()).toEqual([])
    expect(stale).toBe(before)
    api.put(apiClients, { ...web, metadata: { ...web.metadata, generation: 2 } })
    expect(await news()).toEqual(['shop/web: Accepted → Accepted'])
  })

  it('follows a namespace that goes to another installation and comes back, and there and back is no news', async () => {
    shop()
    putClient('shop', 'web')
    await start()
    await news()
    const away = namespace('shop', { 'latchkey.dev/installation': 'other' }) as KubeObject
    api.put(namespaces, away)
    expect(await news()).toEqual(['shop/web: Accepted → undefined'])
    shop()
    expect(await news()).toEqual(['shop/web: undefined → Accepted'])
    api.put(namespaces, away)
    await clock.advance(0)
    expect(resolved.clients().size).toBe(0)
    shop()
    expect(await news()).toEqual([])
  })

  it('passes a chosen id on when its holder goes', async () => {
    shop()
    putClient('shop', 'old', { clientId: 'shop.web' })
    putClient('shop', 'young', { clientId: 'shop.web' }, { creationTimestamp: '2026-11-23T10:00:00Z' })
    await start()
    expect((await news()).toSorted()).toEqual([
      'shop/old: undefined → Accepted',
      'shop/young: undefined → ClientIdTaken',
    ])
    api.remove(apiClients, 'shop/old')
    expect((await news()).toSorted()).toEqual([
      'shop/old: Accepted → undefined',
      'shop/young: ClientIdTaken → Accepted',
    ])
  })

  it('tells of one that was deleted and made anew while the watch was away, and of one that went', async () => {
    shop()
    putClient('shop', 'web')
    putClient('shop', 'gone')
    await start()
    await news()
    const uid = resolved.clients().get('shop/web')?.client.metadata.uid
    api.lose(apiClients)
    api.remove(apiClients, 'shop/web')
    api.remove(apiClients, 'shop/gone')
    putClient('shop', 'web')
    expect(await news()).toEqual([])
    api.restart(apiClients)
    await clock.advance(relistMs)
    expect((await news()).toSorted()).toEqual(['shop/gone: Accepted → undefined', 'shop/web: Accepted → Accepted'])
    expect(resolved.clients().get('shop/web')?.client.metadata.uid).not.toBe(uid)
  })

  it('costs an event of one namespace nothing of the others', async () => {
    shop()
    api.put(namespaces, namespace('desk') as KubeObject)
    putClient('shop', 'web')
    // Refused, so that it is made anew each time.
    putClient('desk', 'app', { clientId: 'shop.web' })
    await start()
    await news()
    const { clients } = resolved
    const [app, web] = [clients().get('desk/app'), clients().get('shop/web')]
    putClient('shop', 'other')
    await clock.advance(0)
    expect(clients().get('desk/app')).toBe(app)
    expect(clients().get('shop/web')).toBe(web)
    expect(clients().size).toBe(3)
  })

  it('is told to nobody who has ended it', async () => {
    await start()
    const calls: string[] = []
    const ends = [
      resolved.onStale(() => void calls.push('stale')),
      resolved.onClient(key => void calls.push(key)),
      resolved.onService(key => void calls.push(key)),
    ]
    for (const end of ends) end()
    shop()
    putClient('shop', 'web')
    putService('shop', 'orders')
    expect((await news()).length).toBe(2)
    expect(calls).toEqual([])
  })
})

describe('what is decided about services', () => {
  it('is told when the Service comes after them, changes its ports, or goes', async () => {
    shop()
    putService('shop', 'orders')
    await start()
    expect(await news()).toEqual(['shop/orders: undefined → TargetNotFound'])
    const orders = putTarget('orders')
    expect(await news()).toEqual(['shop/orders: TargetNotFound → Accepted'])
    api.put(services, { ...orders, ...{ status: { loadBalancer: {} } } })
    expect(await news()).toEqual([])
    api.put(services, { ...orders, ...{ spec: { selector: { app: 'a' }, ports: [{ port: 80 }] } } })
    expect(await news()).toEqual(['shop/orders: Accepted → Accepted'])
    api.remove(services, 'shop/orders')
    expect(await news()).toEqual(['shop/orders: Accepted → TargetNotFound'])
  })

  it('is not asked for again because of a Service that none is put before', async () => {
    shop()
    putService('shop', 'orders')
    await start()
    await news()
    const before = stale
    putTarget('other')
    await clock.advance(0)
    expect(stale).toBe(before)
  })

  it('tells of one that was lost, and gives what it held to the next', async () => {
    shop()
    putTarget('orders')
    putService('shop', 'orders')
    putService(
      'shop',
      'twin',
      { targetRef: { name: 'orders', port: 80 } },
      { creationTimestamp: '2026-11-23T10:00:00Z' },
    )
    await start()
    await news()
    api.lose(guardedServices)
    api.remove(guardedServices, 'shop/orders')
    api.restart(guardedServices)
    await clock.advance(relistMs)
    expect((await news()).toSorted()).toEqual([
      'shop/orders: Accepted → undefined',
      'shop/twin: TargetConflict → Accepted',
    ])
  })

  it('changes with the document that one names, when that is told', async () => {
    shop()
    putTarget('orders')
    putService('shop', 'orders', { openapi: { configMapRef: { name: 'api' } } })
    await start()
    expect(await news()).toEqual(['shop/orders: undefined → OpenApiUnread'])
    const routes = [{ path: '/a', methods: ['GET' as const] }]
    documents.set('shop/orders', { routes } as unknown as OpenApiSource)
    expect(await news()).toEqual([])
    documentChanged('shop/orders')
    expect(await news()).toEqual(['shop/orders: OpenApiUnread → Accepted'])
    documents.set('shop/orders', { routes: [...routes] } as unknown as OpenApiSource)
    documentChanged('shop/orders')
    expect(await news()).toEqual([])
    documents.set('shop/orders', { routes: [{ ...routes[0] }] } as unknown as OpenApiSource)
    documentChanged('shop/orders')
    expect(await news()).toEqual(['shop/orders: Accepted → Accepted'])
  })
})

describe('who follows what the operator decides', () => {
  const audience = 'https://orders.example.org'

  it('takes a chosen audience for nobody’s before the operator gave it; the operator gives it', async () => {
    shop()
    putTarget('orders')
    const orders = putService('shop', 'orders', { audience })
    await start()
    expect(await news()).toEqual(['shop/orders: undefined → Accepted'])
    await watches.stop()
    await start('follows')
    expect(await news()).toEqual(['shop/orders: undefined → AudienceConflict'])
    api.put(guardedServices, { ...orders, ...{ status: { audience } } })
    expect(await news()).toEqual(['shop/orders: AudienceConflict → Accepted'])
  })

  it('keeps a service as it was while nothing can be said of it, and not one that was made anew; the operator says so', async () => {
    shop()
    putTarget('orders')
    const orders = putService('shop', 'orders', { routes: [{ name: 'a', path: '/a', methods: ['GET'] }] })
    const unread = {
      ...orders,
      ...{ spec: { targetRef: { name: 'orders', port: 80 }, openapi: { configMapRef: { name: 'api' } } } },
    }
    await start('follows')
    await news()
    api.put(guardedServices, { ...unread, metadata: { ...orders.metadata, generation: 2 } })
    expect(await news()).toEqual([])
    expect(resolved.services().get('shop/orders')?.routes.length).toBe(1)
    api.put(guardedServices, { ...unread, metadata: { ...orders.metadata, uid: 'another' } })
    expect((await news()).length).toBe(1)
    expect(resolved.services().get('shop/orders')?.withheld).toBe(true)
    await watches.stop()
    api.put(guardedServices, orders)
    await start()
    await news()
    api.put(guardedServices, { ...unread, metadata: { ...orders.metadata, generation: 2 } })
    expect(await news()).toEqual(['shop/orders: Accepted → OpenApiUnread'])
  })
})
