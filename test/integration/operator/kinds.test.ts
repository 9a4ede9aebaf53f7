import { expect, test } from 'vitest'
import type { AccessGrantStatus } from '../../../core/api/access-grant.ts'
import { unseenStatus } from '../../../core/api/schema.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { events } from '../../../platform/kube/event.ts'
import {
  accessGrants,
  accessKeys,
  apiClients,
  configMaps,
  guardedServices,
  namespaces,
  roles,
} from '../../../platform/kube/resources.ts'
import { configOf, issuerUrl, until, type WithStatus } from './cluster.ts'
import { clusterWithOperator } from './cluster-with-operator.ts'
import { issuerDoubleIn } from './issuer-double.ts'
import { objectsIn, rule } from './objects-in.ts'

const cluster = clusterWithOperator()
issuerDoubleIn(cluster)
const { create, patch, accepted, ready, enforced, service, guarded } = objectsIn(cluster)

test('ApiClients: accepted, suspended, a taken service account, an id outside the namespace, a taken id', async () => {
  const namespace = await cluster.namespace()
  const web = await create(apiClients, namespace, 'web', { spec: { serviceAccounts: [{ name: 'web' }] } })
  const made = await ready(apiClients, web, 'Ready')
  expect(made.status).toMatchObject({
    state: 'Active',
    keys: 0,
    issuer: `${issuerUrl}/v1/clients/${made.status?.clientId}`,
  })
  expect(made.status?.clientId).toMatch(/^sc_[a-z2-7]{26}$/)
  await create(accessKeys, namespace, 'web', { spec: { clientRef: { name: 'web' } } })
  await until(
    async () => (await cluster.client.get<WithStatus>(apiClients, namespace, 'web'))?.status?.keys === 1,
    'one key',
  )

  const chosen = await create(apiClients, namespace, 'chosen', { spec: { clientId: `${namespace}.chosen` } })
  await ready(apiClients, chosen, 'Ready')
  await new Promise(resolve => setTimeout(resolve, 1_100))
  const second = await create(apiClients, namespace, 'second', { spec: { serviceAccounts: [{ name: 'web' }] } })
  const loser = await ready(apiClients, second, 'ServiceAccountTaken')
  expect(loser.found).toMatchObject({ status: 'False', message: expect.stringContaining('older ApiClient web holds') })
  expect(loser.status).toMatchObject({ state: 'Refused', keys: 0 })
  await accepted(apiClients, second, 'ServiceAccountTaken')
  await until(async () => {
    const { items } = await cluster.client.list<KubeObject & { reason: string; type: string }>(events, { namespace })
    return items.some(({ reason, type }) => reason === 'ServiceAccountTaken' && type === 'Warning')
  }, 'a warning event')
  const taken = await create(apiClients, namespace, 'taken', { spec: { clientId: `${namespace}.chosen` } })
  await accepted(apiClients, taken, 'ClientIdTaken')
  const outside = await create(apiClients, namespace, 'outside', { spec: { clientId: 'elsewhere.web' } })
  expect((await accepted(apiClients, outside, 'ClientIdNotAllowed')).status?.state).toBe('Refused')
  await ready(apiClients, outside, 'ClientIdNotAllowed')

  await patch(apiClients, web, { spec: { suspended: true } })
  expect((await ready(apiClients, web, 'Suspended')).status).toMatchObject({ state: 'Suspended', keys: 0 })
  // The holder goes: what it held is free.
  await cluster.client.delete(apiClients, namespace, 'web')
  await ready(apiClients, second, 'Ready')
})

test('objects of another installation are left alone until the namespace becomes ours', async () => {
  const namespace = await cluster.namespace({ 'latchkey.dev/installation': 'other' })
  const web = await create(apiClients, namespace, 'web', { spec: {} })
  const key = await create(accessKeys, namespace, 'web', { spec: { clientRef: { name: 'web' } } })
  await new Promise(resolve => setTimeout(resolve, 500))
  for (const resource of [apiClients, accessKeys]) {
    const { status } = (await cluster.client.get<WithStatus>(resource, namespace, 'web')) ?? {}
    expect(status).toEqual(unseenStatus)
  }
  await cluster.client.patch(namespaces, undefined, namespace, {
    metadata: { labels: { 'latchkey.dev/installation': null } },
  })
  await ready(apiClients, web, 'Ready')
  await ready(accessKeys, key, 'Ready')
})

test('Roles: a missing service, and the number of grants', async () => {
  const namespace = await cluster.namespace()
  const role = await create(roles, namespace, 'reader', { spec: { rules: [rule] } })
  expect((await accepted(roles, role, 'ServiceNotFound')).found.message).toContain('api')
  await ready(roles, role, 'ServiceNotFound')
  await service(namespace)
  await guarded(namespace)
  await ready(roles, role, 'Ready')
  await enforced(roles, role, 'NoGuards')
  await create(accessGrants, namespace, 'one', {
    spec: { roleRef: { name: 'reader' }, clients: [{ namespace, name: 'nobody' }] },
  })
  await until(
    async () => (await cluster.client.get<WithStatus>(roles, namespace, 'reader'))?.status?.grants === 1,
    'a grant',
  )
})

test('AccessGrants pin what a name means: an unknown role, an unknown client, a replaced client, an end (K06)', async () => {
  const provider = await cluster.namespace()
  const consumer = await cluster.namespace()
  const clients = [{ namespace: consumer, name: 'web' }]
  const grant = await create(accessGrants, provider, 'g', { spec: { roleRef: { name: 'reader' }, clients } })
  expect((await accepted(accessGrants, grant, 'RoleNotFound')).status?.state).toBe('Refused')
  await service(provider)
  await guarded(provider)
  await create(roles, provider, 'reader', { spec: { rules: [rule] } })
  await accepted(accessGrants, grant, 'ClientNotFound')
  await create(apiClients, consumer, 'web', { spec: { clientId: `${consumer}.first` } })
  const granted = await ready(accessGrants, grant, 'Ready')
  const pins = (one: WithStatus) => (one.status as AccessGrantStatus).clients
  const at = await cluster.client.get<KubeObject>(namespaces, undefined, consumer)
  const pinned = { namespace: consumer, name: 'web', clientId: `${consumer}.first`, namespaceUid: at?.metadata.uid }
  expect(pins(granted)).toEqual([{ ...pinned, state: 'Granted' }])
  await enforced(accessGrants, grant, 'NoGuards')

  await cluster.client.delete(apiClients, consumer, 'web')
  await accepted(accessGrants, grant, 'ClientNotFound')
  await create(apiClients, consumer, 'web', { spec: { clientId: `${consumer}.second` } })
  const replaced = await accepted(accessGrants, grant, 'ClientReplaced')
  expect(pins(replaced)).toEqual([{ ...pinned, state: 'Replaced' }])
  // Written again, the name is taken for what it means now.
  await patch(accessGrants, grant, { spec: { attributes: { tenant: 'acme' } } })
  expect(pins(await ready(accessGrants, grant, 'Ready'))?.[0]?.clientId).toBe(`${consumer}.second`)
  await patch(accessGrants, grant, { spec: { expiresAt: new Date(Date.now() + 2_000).toISOString() } })
  const over = await ready(accessGrants, grant, 'Expired')
  expect(over.status?.state).toBe('Expired')
  expect(over.found.status).toBe('True')
})

test('GuardedServices: what can be wrong with a target, an audience, a route or a document (K27)', async () => {
  const namespace = await cluster.namespace()
  const api = await guarded(namespace)
  await accepted(guardedServices, api, 'TargetNotFound')
  await service(namespace)
  const good = await ready(guardedServices, api, 'Ready')
  expect(good.status?.audience).toBe(`https://api.${namespace}.svc`)
  await new Promise(resolve => setTimeout(resolve, 1_100))
  const second = await create(guardedServices, namespace, 'second', { spec: { targetRef: { name: 'api', port: 80 } } })
  await accepted(guardedServices, second, 'TargetConflict')
  await service(namespace, 'b')
  await service(namespace, 'c')
  await ready(guardedServices, await guarded(namespace, 'b', { audience: 'https://shared.example.com' }), 'Ready')
  await new Promise(resolve => setTimeout(resolve, 1_100))
  const c = await guarded(namespace, 'c', { audience: 'https://shared.example.com' })
  await accepted(guardedServices, c, 'AudienceConflict')
  await patch(guardedServices, c, { spec: { audience: 'https://kubernetes.default.svc' } })
  await accepted(guardedServices, c, 'AudienceReserved')
  const route = (name: string, path: string) => ({ name, path, methods: ['GET'] })
  await patch(guardedServices, c, { spec: { audience: null, routes: [route('x', '/a/{b}'), route('y', '/a/{c}')] } })
  await accepted(guardedServices, c, 'RouteConflict')
  await patch(guardedServices, c, { spec: { routes: null, openapi: { configMapRef: { name: 'doc' } } } })
  await accepted(guardedServices, c, 'OpenApiNotFound')
  await create(configMaps, namespace, 'bad', { data: { 'openapi.yaml': 'no document' } })
  await patch(guardedServices, c, { spec: { openapi: { configMapRef: { name: 'bad' } } } })
  await accepted(guardedServices, c, 'OpenApiInvalid')
  await patch(guardedServices, c, { spec: { openapi: null, public: [{ path: '/a/%41' }] } })
  await accepted(guardedServices, c, 'Invalid')
  await ready(guardedServices, c, 'Invalid')
})

test('guarded namespaces get the ConfigMap with the authorities, and it is put right when changed', async () => {
  const namespace = await cluster.namespace()
  await service(namespace)
  await guarded(namespace)
  type Map = KubeObject & { data?: Record<string, string> }
  const read = () => cluster.client.get<Map>(configMaps, namespace, 'latchkey-ca')
  const made = await until(read, 'the ConfigMap')
  expect(made.data?.['ca.crt']).toContain('BEGIN CERTIFICATE')
  await cluster.client.patch(configMaps, namespace, 'latchkey-ca', { data: { 'ca.crt': 'other' } })
  await until(async () => (await read())?.data?.['ca.crt'] === made.data?.['ca.crt'], 'put right')
  await cluster.client.delete(configMaps, namespace, 'latchkey-ca')
  await until(read, 'made anew')
  expect(configOf().fullname).toBe('latchkey')
})
