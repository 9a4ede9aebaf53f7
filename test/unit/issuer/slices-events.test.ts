import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Row } from '../../../core/rows/rows.ts'
import { apiClients, guardedServices, namespaces } from '../../../platform/kube/resources.ts'
import { createGate, relistMs } from '../cluster/fake-api.ts'
import { documentOf } from '../cluster/openapi-fake.ts'
import { namespace, service } from '../core/registry/objects.ts'
import { createSlicesRig, type SlicesRig } from './slices-rig.ts'
import { textOf } from './text-of.ts'

/** How long a change that takes nothing away waits for others, milliseconds. */
const coalesceMs = 20

let rig: SlicesRig
let removed: string[]
let api: SlicesRig['api']
let configMaps: SlicesRig['configMaps']
let clock: SlicesRig['clock']
let slices: SlicesRig['slices']
let put: SlicesRig['put']
let shop: SlicesRig['shop']
let start: SlicesRig['start']
let web: SlicesRig['web']

beforeEach(() => {
  rig = createSlicesRig()
  ;({ api, configMaps, clock, slices, put, shop, start, web } = rig)
  removed = []
  slices.onRemoved(key => void removed.push(key))
})
afterEach(() => rig.stop())

const sentRows = (name = 'orders'): Row[] | undefined => {
  const slice = slices.get(`shop/${name}`)
  return slice && (JSON.parse(textOf(slice.frameFor({}))) as { full: { rows: Row[] } }).full.rows
}
const rowsOf = (name = 'orders') =>
  sentRows(name)
    ?.map(row => row.type)
    .toSorted()
const all = ['client', 'grant', 'role', 'service']

describe('slices', () => {
  it('are not there before the last list is, however long that fails or takes', async () => {
    shop()
    const { wait, open } = createGate()
    let asked = 0
    api.beforeList(apiClients, async () => {
      if (asked++ === 0) throw new Error('503')
      await wait()
    })
    await start()
    await clock.advance(60_000)
    expect([...slices.all()]).toEqual([])
    open()
    await clock.advance(0)
    expect(rowsOf()).toEqual(all)
  })

  it('of objects that came before their namespace are made when that comes', async () => {
    shop('namespace')
    await start()
    expect([...slices.all()]).toEqual([])
    put(namespaces, namespace('shop'))
    await clock.advance(coalesceMs)
    expect(rowsOf()).toEqual(all)
  })

  it('lose at once the client that is gone, and have it again when it comes back', async () => {
    shop()
    await start()
    api.remove(apiClients, 'shop/web')
    await clock.advance(0)
    expect(rowsOf()).toEqual(['role', 'service'])
    put(apiClients, web())
    await clock.advance(coalesceMs - 1)
    expect(rowsOf()).toEqual(['role', 'service'])
    await clock.advance(1)
    expect(rowsOf()).toEqual(all)
  })

  it('say at once that a client is suspended, and in a while that it is not', async () => {
    shop()
    await start()
    const suspended = () =>
      JSON.stringify(slices.get('shop/orders')?.row('client/shop.web')).includes('"suspended":true')
    put(apiClients, web({ suspended: true }))
    await clock.advance(0)
    expect(suspended()).toBe(true)
    put(apiClients, web())
    await clock.advance(coalesceMs - 1)
    expect(suspended()).toBe(true)
    await clock.advance(1)
    expect(suspended()).toBe(false)
  })

  it('lose what was deleted while the watch was away, when it is heard of, and keep it until then', async () => {
    shop()
    await start()
    api.lose(apiClients)
    api.lose(guardedServices)
    api.remove(apiClients, 'shop/web')
    await clock.advance(60_000)
    expect(rowsOf()).toEqual(all)
    api.restart(apiClients)
    await clock.advance(relistMs)
    expect(rowsOf()).toEqual(['role', 'service'])
    api.remove(guardedServices, 'shop/orders')
    api.restart(guardedServices)
    await clock.advance(relistMs)
    expect([rowsOf(), removed]).toEqual([undefined, ['shop/orders']])
  })

  it('hold nobody to a client of the same id from a namespace that was made anew', async () => {
    shop()
    await start()
    put(namespaces, { metadata: { name: 'shop', uid: 'another' } })
    await clock.advance(coalesceMs)
    expect(rowsOf()).toEqual(['role', 'service'])
  })

  it('keep the routes that were good while another document is fetched, and take it when it is there', async () => {
    shop()
    configMaps.put('shop/api', documentOf(1))
    put(
      guardedServices,
      service('shop', 'orders', { openapi: { configMapRef: { name: 'api' } } }, { uid: 'orders', generation: 2 }),
    )
    await start()
    const routes = () => JSON.stringify(sentRows()?.find(({ type }) => type === 'service'))
    await clock.advance(coalesceMs)
    expect(routes()).toContain('/a-0')
    const { wait, open } = createGate()
    configMaps.beforeAnswer(wait)
    configMaps.put('shop/next', documentOf(1, 'b'))
    put(
      guardedServices,
      service('shop', 'orders', { openapi: { configMapRef: { name: 'next' } } }, { uid: 'orders', generation: 3 }),
    )
    await clock.advance(60_000)
    expect(routes()).toContain('/a-0')
    open()
    await clock.advance(coalesceMs)
    expect(routes()).toContain('/b-0')
  })

  it('are as new as the objects for who asks for that, without a wait', async () => {
    shop()
    await start()
    put(namespaces, namespace('shop', { 'latchkey.dev/organization': 'acme' }))
    await clock.advance(0)
    const organization = () => JSON.stringify(slices.get('shop/orders')?.row('client/shop.web'))
    expect(organization()).not.toContain('acme')
    // The clock stands still: nothing but the asking makes it new. When the event is there the machine decides.
    const asked = () => {
      slices.flush()
      return organization()
    }
    await expect.poll(asked).toContain('acme')
  })
})
