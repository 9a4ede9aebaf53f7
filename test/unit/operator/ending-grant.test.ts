import { expect, test } from 'vitest'
import type { KubeObject, Resource } from '../../../platform/kube/client.ts'
import { accessGrants, apiClients, guardedServices, namespaces, roles } from '../../../platform/kube/resources.ts'
import { client, grant, namespace, role, service } from '../core/registry/objects.ts'
import { createControllersRig } from './controllers-rig.ts'

test('a grant that ends soon says so, with one Warning event for each boundary', async () => {
  const rig = createControllersRig()
  const put = (resource: Resource, object: object) => rig.api.put(resource, object as KubeObject)
  const hour = 3_600_000
  put(namespaces, namespace('shop'))
  put(guardedServices, service('shop', 'orders'))
  put(roles, role('shop', 'reader', [{ services: ['orders'], methods: ['GET'], paths: ['/'] }]))
  put(apiClients, client('shop', 'web'))
  const clients = [{ namespace: 'shop', name: 'web' }]
  const expiresAt = new Date(rig.clock.wallMs() + 25 * hour).toISOString()
  put(accessGrants, grant('shop', 'give', { roleRef: { name: 'reader' }, clients, expiresAt }))
  const heard = () => rig.events.filter(event => event.includes('Expiring'))
  const warning = 'AccessGrant shop/give Warning Expiring'
  await rig.start()
  expect(await rig.reasonOf(accessGrants, 'shop/give', 'Expiring')).toBe('Within7Days')
  expect(heard()).toEqual([warning])
  await rig.clock.advance(2 * hour)
  expect(await rig.reasonOf(accessGrants, 'shop/give', 'Expiring')).toBe('Within1Day')
  expect(heard()).toEqual([warning, warning])
  await rig.stop()
})
