import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { timeOf } from '../../../core/base/time.ts'
import { mostOfClient } from '../../../core/registry/client-share.ts'
import type { KubeObject, Resource } from '../../../platform/kube/client.ts'
import {
  accessGrants,
  accessKeys,
  apiClients,
  configMaps as configMapResource,
  guardedServices,
  namespaces,
  networkPolicies,
  pods,
  roles,
  services,
  validatingWebhooks,
} from '../../../platform/kube/resources.ts'
import { createGate, relistMs } from '../cluster/fake-api.ts'
import { documentOf } from '../cluster/openapi-fake.ts'
import {
  accessKey,
  bornSeconds,
  client,
  grant,
  keyPair,
  namespace,
  published,
  role,
  service,
  target,
} from '../core/registry/objects.ts'
import { createControllersRig, type Rig } from './controllers-rig.ts'

let rig: Rig
let api: Rig['api']
let clock: Rig['clock']
let news: Rig['news']
let statusOf: Rig['statusOf']
let reasonOf: Rig['reasonOf']

beforeEach(() => {
  rig = createControllersRig()
  ;({ api, clock, news, statusOf, reasonOf } = rig)
})
afterEach(() => rig.stop())

const put = (resource: Resource, object: object) => api.put(resource, object as KubeObject)
const shop = (labels = {}) => put(namespaces, namespace('shop', labels))
const opening = (...names: string[]) => role('shop', 'reader', [{ services: names, methods: ['GET'], paths: ['/'] }])
const giving = () =>
  grant('shop', 'give', { roleRef: { name: 'reader' }, clients: [{ namespace: 'shop', name: 'web' }] })
const webKey = (name: string, narrowed?: string) =>
  accessKey('shop', name, {
    clientRef: { name: 'web' },
    ...(narrowed !== undefined && { roles: [{ namespace: 'shop', name: narrowed }] }),
  })

describe('the controllers', () => {
  it.each([
    ['namespaces', namespaces],
    ['roles', roles],
    ['NetworkPolicies', networkPolicies],
    ['pods', pods],
  ])('write nothing while the list of %s fails, or is slow', async (_, late) => {
    shop()
    put(apiClients, client('shop', 'web'))
    put(roles, opening('orders'))
    put(accessGrants, giving())
    let asked = 0
    const { wait, open } = createGate()
    api.beforeList(late, async () => {
      if (asked++ === 0) throw new Error('503')
      await wait()
    })
    const runs = await rig.start()
    await clock.advance(120_000)
    expect([runs(), api.written, await news()]).toEqual([false, [], []])
    open()
    await clock.advance(0)
    expect(runs()).toBe(true)
    expect(new Set(api.written)).toEqual(
      new Set(['apiclients shop/web', 'roles shop/reader', 'accessgrants shop/give']),
    )
  })

  it('write each status once for what does not change', async () => {
    shop()
    put(apiClients, client('shop', 'web'))
    put(roles, opening('orders'))
    put(accessGrants, giving())
    put(guardedServices, service('shop', 'orders'))
    put(services, target('shop', 'orders')[1])
    await rig.start()
    expect(await reasonOf(accessGrants, 'shop/give')).toBe('Accepted')
    await clock.advance(3_600_000)
    expect(api.written.length).toBe(new Set(api.written).size)
    expect(api.written.length).toBe(4)
  })

  it('look at what came before its namespace when that comes, and at nothing of another installation', async () => {
    await rig.start()
    put(apiClients, client('shop', 'web'))
    put(accessGrants, giving())
    put(roles, opening('orders'))
    put(accessKeys, webKey('web'))
    put(guardedServices, service('shop', 'orders'))
    await clock.advance(0)
    expect(api.written).toEqual([])
    await news()
    shop({ 'latchkey.dev/installation': 'other' })
    await clock.advance(0)
    expect(api.written).toEqual([])
    await news()
    shop()
    expect(await reasonOf(apiClients, 'shop/web')).toBe('Accepted')
    expect(await reasonOf(guardedServices, 'shop/orders')).toBe('TargetNotFound')
    expect(await reasonOf(accessGrants, 'shop/give')).toBe('Accepted')
    expect(await reasonOf(roles, 'shop/reader')).toBeDefined()
    expect(await news()).toEqual(['authorities shop', 'shop/web'])
  })

  it.each<[string, Resource, object]>([
    ['a role of no service', roles, opening('orders')],
    ['a grant of no role to nobody', accessGrants, giving()],
    ['a client', apiClients, client('shop', 'web')],
    ['a service', guardedServices, service('shop', 'orders')],
  ])('look at %s when its namespace becomes this installation’s', async (_, resource, object) => {
    shop({ 'latchkey.dev/installation': 'other' })
    put(resource, object)
    await rig.start()
    expect(api.written).toEqual([])
    shop()
    await clock.advance(0)
    expect(api.written.length).toBe(1)
  })

  it('look at a key of no client when its namespace becomes this installation’s', async () => {
    shop({ 'latchkey.dev/installation': 'other' })
    put(accessKeys, webKey('k'))
    await rig.start()
    await news()
    shop({ 'latchkey.dev/installation': 'other', team: 'a' })
    expect(await news()).toEqual(['shop/k'])
    shop({ 'latchkey.dev/installation': 'other', team: 'a' })
    expect(await news()).toEqual([])
    shop()
    expect(await news()).toEqual(['shop/k'])
  })

  it('count the grants of a role, also when one goes to another role, and the keys of a client', async () => {
    shop()
    put(roles, opening('orders'))
    const give = put(accessGrants, giving())
    put(apiClients, client('shop', 'web', { clientId: 'shop.web' }))
    await rig.start()
    const grants = async () => (await statusOf(roles, 'shop/reader'))?.grants
    const keys = async () => (await statusOf(apiClients, 'shop/web'))?.keys
    expect([await grants(), await keys()]).toEqual([1, 0])
    put(accessKeys, { ...webKey('k'), status: { clientId: 'shop.web', keys: [published(keyPair())] } })
    expect(await keys()).toBe(1)
    put(accessGrants, { ...give, spec: { roleRef: { name: 'writer' }, clients: [] } })
    expect(await grants()).toBe(0)
    api.remove(accessKeys, 'shop/k')
    expect(await keys()).toBe(0)
  })

  it('write the first status of a client once, with the keys that are being made, and without those that take long', async () => {
    shop()
    put(apiClients, client('shop', 'web', { clientId: 'shop.web' }))
    put(accessKeys, webKey('k'))
    put(apiClients, client('shop', 'other', { clientId: 'shop.other' }))
    put(accessKeys, { ...webKey('slow'), spec: { clientRef: { name: 'other' } } })
    await rig.start()
    put(accessKeys, { ...webKey('k'), status: { state: 'Active', clientId: 'shop.web', keys: [published(keyPair())] } })
    await clock.advance(14_000)
    expect(api.written).toEqual(['apiclients shop/web'])
    expect(await statusOf(apiClients, 'shop/web')).toMatchObject({ keys: 1 })
    await clock.advance(1_000)
    expect(api.written).toEqual(['apiclients shop/web', 'apiclients shop/other'])
    expect(await statusOf(apiClients, 'shop/other')).toMatchObject({ keys: 0 })
  })

  it('put a grant right that came before its role and its client, and one that lost them while a watch was away', async () => {
    shop()
    put(accessGrants, giving())
    await rig.start()
    expect(await reasonOf(accessGrants, 'shop/give')).toBe('RoleNotFound')
    put(roles, opening('orders'))
    expect(await reasonOf(accessGrants, 'shop/give')).toBe('RoleRefused')
    put(guardedServices, service('shop', 'orders'))
    expect(await reasonOf(accessGrants, 'shop/give')).toBe('ClientNotFound')
    put(apiClients, client('shop', 'web'))
    expect(await reasonOf(accessGrants, 'shop/give')).toBe('Accepted')
    api.lose(roles)
    api.remove(roles, 'shop/reader')
    await clock.advance(60_000)
    expect(await reasonOf(accessGrants, 'shop/give')).toBe('Accepted')
    api.restart(roles)
    await clock.advance(relistMs)
    expect(await reasonOf(accessGrants, 'shop/give')).toBe('RoleNotFound')
  })

  it('give a service what an older one lost while the watch was away', async () => {
    shop()
    put(services, target('shop', 'orders')[1])
    put(guardedServices, service('shop', 'orders'))
    put(
      guardedServices,
      service(
        'shop',
        'twin',
        { targetRef: { name: 'orders', port: 80 } },
        { creationTimestamp: '2026-12-01T00:00:00Z' },
      ),
    )
    await rig.start()
    expect(await reasonOf(guardedServices, 'shop/twin')).toBe('TargetConflict')
    api.lose(guardedServices)
    api.remove(guardedServices, 'shop/orders')
    api.restart(guardedServices)
    await clock.advance(relistMs)
    expect(await reasonOf(guardedServices, 'shop/twin')).toBe('Accepted')
  })

  it('look at an object that was deleted and made anew, whether or not the deletion was seen', async () => {
    shop()
    put(apiClients, client('shop', 'web'))
    put(accessKeys, { ...webKey('k'), status: { state: 'Active' } })
    await rig.start()
    await news()
    for (const away of [false, true]) {
      if (away) api.lose(apiClients)
      api.remove(apiClients, 'shop/web')
      put(apiClients, client('shop', 'web'))
      if (away) api.restart(apiClients)
      await clock.advance(relistMs)
      expect(await reasonOf(apiClients, 'shop/web')).toBe('Accepted')
      // Its keys are another client's now, or nobody's.
      expect(await news()).toEqual(['shop/k'])
    }
  })

  it('look at the keys that are narrowed to a role when it comes or goes, not when it changes', async () => {
    shop()
    put(accessKeys, webKey('narrow', 'reader'))
    put(accessKeys, webKey('wide'))
    await rig.start()
    await news()
    put(roles, opening('orders'))
    expect(await news()).toEqual(['shop/narrow'])
    put(roles, { ...opening('orders'), metadata: { ...opening('orders').metadata, generation: 2 } })
    expect(await news()).toEqual([])
    api.remove(roles, 'shop/reader')
    expect(await news()).toEqual(['shop/narrow'])
  })

  it('look at the AccessKey that comes into its client’s share when an older one leaves it, and at no other', async () => {
    shop()
    put(apiClients, client('shop', 'web'))
    const accepted = {
      conditions: [{ type: 'Accepted', status: 'True', reason: 'Accepted', message: '', lastTransitionTime: '' }],
    }
    const refused = { conditions: [{ ...accepted.conditions[0], status: 'False', reason: 'TooManyAccessKeys' }] }
    const keyAt = (at: number, spec = {}) => {
      const made = webKey(`k${100 + at}`)
      const status = at < mostOfClient.accessKeys ? accepted : refused
      return {
        ...made,
        metadata: { ...made.metadata, creationTimestamp: timeOf(bornSeconds + at) },
        spec: { ...made.spec, ...spec },
        status,
      }
    }
    for (let at = 0; at < mostOfClient.accessKeys + 3; at++) put(accessKeys, keyAt(at))
    await rig.start()
    await news()
    put(accessKeys, keyAt(0, { revoked: {} }))
    const next = mostOfClient.accessKeys
    expect(await news()).toEqual(['shop/k100', `shop/k${100 + next}`])
    put(accessKeys, keyAt(5, { secretName: 'other' }))
    expect(await news()).toEqual(['shop/k105'])
  })

  it('say nothing of a service before its document was looked at, and then what came of it', async () => {
    shop()
    put(services, target('shop', 'orders')[1])
    const { wait, open } = createGate()
    rig.configMaps.put('shop/api', documentOf(1))
    rig.configMaps.beforeAnswer(wait)
    put(guardedServices, service('shop', 'orders', { openapi: { configMapRef: { name: 'api' } } }))
    await rig.start()
    await clock.advance(20_000)
    expect(api.written).toEqual([])
    open()
    expect(await reasonOf(guardedServices, 'shop/orders')).toBe('Accepted')
    rig.configMaps.put('shop/api', '{')
    await clock.advance(60_000)
    expect(await reasonOf(guardedServices, 'shop/orders')).toBe('OpenApiOutdated')
  })

  it('say of a service that lost its port, too, that its document was looked at', async () => {
    shop()
    put(services, target('shop', 'orders')[1])
    put(guardedServices, service('shop', 'orders'))
    const spec = { targetRef: { name: 'orders', port: 80 }, openapi: { configMapRef: { name: 'api' } } }
    put(guardedServices, service('shop', 'twin', spec, { creationTimestamp: '2026-12-01T00:00:00Z' }))
    const { wait, open } = createGate()
    rig.configMaps.beforeAnswer(wait)
    await rig.start()
    expect(await reasonOf(guardedServices, 'shop/twin')).toBeUndefined()
    open()
    expect(await reasonOf(guardedServices, 'shop/twin')).toBe('TargetConflict')
  })

  it('follow nothing but their sources once they were told to end it', async () => {
    shop()
    put(guardedServices, service('shop', 'orders'))
    await rig.start()
    expect(await reasonOf(guardedServices, 'shop/orders')).toBe('TargetNotFound')
    rig.controllers.unsubscribe()
    put(services, target('shop', 'orders')[1])
    expect(await reasonOf(guardedServices, 'shop/orders')).toBe('TargetNotFound')
  })

  it('look at certificates when the sources of these change, and at all copies when the authorities do', async () => {
    shop()
    put(namespaces, namespace('empty'))
    put(guardedServices, service('shop', 'orders'))
    put(accessKeys, webKey('k'))
    await rig.start()
    expect(await news()).toEqual(['admission path', 'authorities shop', 'secrets', 'shop/k'])
    put(validatingWebhooks, { metadata: { name: 'latchkey' } })
    expect(await news()).toEqual(['admission path', 'webhooks'])
    for (const at of ['shop', 'empty']) put(configMapResource, { metadata: { namespace: at, name: 'latchkey-ca' } })
    expect(await news()).toEqual(['authorities shop'])
    rig.controllers.bundleChanged()
    expect(await news()).toEqual(['authorities shop', 'shop/k', 'webhooks'])
    rig.controllers.accessKeyChanged('shop/k')
    expect(await news()).toEqual(['shop/k'])
  })

  it('that were stopped do nothing more, whatever comes', async () => {
    shop()
    await rig.start()
    await news()
    await rig.stopControllers()
    put(apiClients, client('shop', 'web'))
    put(accessKeys, webKey('k'))
    put(guardedServices, service('shop', 'orders', { openapi: { configMapRef: { name: 'api' } } }))
    rig.controllers.bundleChanged()
    await clock.advance(60_000)
    expect([api.written, await news()]).toEqual([[], []])
  })
})
