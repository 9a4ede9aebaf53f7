import { expect, test } from 'vitest'
import type { AccessGrantStatus } from '../../../core/api/access-grant.ts'
import type { KubeObject, Resource } from '../../../platform/kube/client.ts'
import { events } from '../../../platform/kube/event.ts'
import {
  accessGrants,
  accessKeys,
  apiClients,
  configMaps,
  guardedServices,
  roles,
  secrets,
  services,
} from '../../../platform/kube/resources.ts'
import { kubectl } from '../chart/render-chart.ts'
import { kstatus } from '../kinds/kstatus.ts'
import { remakeNamespace } from '../remake-namespace.ts'
import { condition, until, type WithStatus } from './cluster.ts'
import { clusterWithOperator } from './cluster-with-operator.ts'

/** What status, columns and events say, where something is open, dead, missing or somebody else. */
const cluster = clusterWithOperator()

const create = (resource: Resource, namespace: string, name: string, spec: object): Promise<WithStatus> =>
  cluster.client.create<WithStatus>(resource, { metadata: { name, namespace }, spec })
const get = (resource: Resource, { metadata }: KubeObject) =>
  cluster.client.get<WithStatus>(resource, metadata.namespace, metadata.name)
const patch = (resource: Resource, { metadata }: KubeObject, body: object) =>
  cluster.client.patch(resource, metadata.namespace, metadata.name, body)
const ready = (resource: Resource, object: KubeObject, reason: string) =>
  condition(cluster.client, resource, object, { type: 'Ready', reason })
const enforced = (object: KubeObject, reason: string) =>
  condition(cluster.client, guardedServices, object, { type: 'Enforced', reason })
const service = (namespace: string, name: string, targetPort: string | number = 'guard') =>
  create(services, namespace, name, { selector: { app: name }, ports: [{ port: 80, targetPort }] })
const guarded = (namespace: string, name: string, spec: object = {}) =>
  create(guardedServices, namespace, name, { targetRef: { name, port: 80 }, ...spec })
const role = (namespace: string, name: string, rule: object) =>
  create(roles, namespace, name, { rules: [{ services: ['api'], ...rule }] })
const reads = { methods: ['GET'], paths: ['/**'] }

/** One row of `kubectl get`, by the heads of its columns. */
async function row(plural: string, { metadata }: KubeObject): Promise<Record<string, string>> {
  const args = ['get', `${plural}.latchkey.dev`, metadata.name, `--namespace=${metadata.namespace}`, '--output=wide']
  const [heads = '', cells = ''] = (await kubectl(cluster.plane.kubeconfig, args)).split('\n')
  const starts = [...heads.matchAll(/\S+/g)].map(({ index, 0: head }) => [head, index] as const)
  return Object.fromEntries(
    starts.map(([head, at], index) => [head, cells.slice(at, starts[index + 1]?.[1]).trim()] as const),
  )
}

type Event = KubeObject & { type: string; reason: string; note: string; regarding: { name: string } }
async function warned(object: KubeObject, reason: string, type = 'Warning'): Promise<Event> {
  const { namespace, name } = object.metadata
  return until(async () => {
    const { items } = await cluster.client.list<Event>(events, { namespace: namespace ?? '' })
    return items.find(one => one.regarding.name === name && one.reason === reason && one.type === type)
  }, `a ${type} event ${reason} of ${name}`)
}

test('S11 a grant gives nothing to a chosen client id in a namespace that was deleted and made anew', async () => {
  const [provider, consumer] = [await cluster.namespace(), await cluster.namespace()]
  await service(provider, 'api')
  await guarded(provider, 'api')
  await role(provider, 'reader', reads)
  const spec = { clientId: `${consumer}.web` }
  const clients = [{ namespace: consumer, name: 'web' }]
  const grant = await create(accessGrants, provider, 'g', { roleRef: { name: 'reader' }, clients })
  await create(apiClients, consumer, 'web', spec)
  const pins = ({ status }: WithStatus) => (status as AccessGrantStatus).clients?.[0]
  const first = pins(await ready(accessGrants, grant, 'Ready'))
  // Pruned and applied again: the same client, the same pin.
  await cluster.client.delete(apiClients, consumer, 'web')
  await ready(accessGrants, grant, 'ClientNotFound')
  await create(apiClients, consumer, 'web', spec)
  expect(pins(await ready(accessGrants, grant, 'Ready'))).toEqual(first)

  await cluster.client.delete(apiClients, consumer, 'web')
  await ready(accessGrants, grant, 'ClientNotFound')
  const uid = await remakeNamespace(cluster.client, consumer)
  const stranger = await create(apiClients, consumer, 'web', spec)
  expect((await ready(apiClients, stranger, 'Ready')).status?.clientId).toBe(first?.clientId)
  const replaced = await ready(accessGrants, grant, 'ClientReplaced')
  expect(pins(replaced)).toEqual({ ...first, state: 'Replaced' })
  expect(await row('accessgrants', grant)).toMatchObject({ STATE: 'Refused', READY: 'False', REASON: 'ClientReplaced' })
  await patch(accessGrants, grant, { spec: { attributes: { again: 'yes' } } })
  expect(pins(await ready(accessGrants, grant, 'Ready'))?.namespaceUid).toBe(uid)
})

test('a pin of a release before gets its namespace at the first pass, and the grant keeps giving', async () => {
  const namespace = await cluster.namespace()
  await service(namespace, 'api')
  await guarded(namespace, 'api')
  await create(apiClients, namespace, 'web', { clientId: `${namespace}.web` })
  await role(namespace, 'reader', reads)
  const clients = [{ namespace, name: 'web' }]
  const grant = await create(accessGrants, namespace, 'g', { roleRef: { name: 'reader' }, clients })
  const made = await ready(accessGrants, grant, 'Ready')
  const [pin] = (made.status as AccessGrantStatus).clients ?? []
  const { namespaceUid: _, ...legacy } = pin ?? { namespaceUid: '' }
  await cluster.client.patch(
    accessGrants,
    namespace,
    'g',
    [{ op: 'replace', path: '/status/clients', value: [legacy] }],
    { type: 'json', subresource: 'status' },
  )
  await until(async () => {
    const status = (await get(accessGrants, grant))?.status as AccessGrantStatus | undefined
    const [now] = status?.clients ?? []
    return JSON.stringify(now) === JSON.stringify(pin)
  }, 'the pin is whole again')
})

test('S11 whoever lies in wait for an audience does not get it when its holder is applied again', async () => {
  const [home, other] = [await cluster.namespace(), await cluster.namespace()]
  const audience = `https://${home}.example.org`
  for (const namespace of [home, other]) await service(namespace, 'api')
  const holder = await guarded(home, 'api', { audience })
  await ready(guardedServices, holder, 'Ready')
  const waiting = await guarded(other, 'api', { audience })
  const told = await ready(guardedServices, waiting, 'AudienceConflict')
  expect(told.found.message).toContain('is taken')
  expect(told.found.message).not.toContain(`${home}/`)
  expect(told.status).toMatchObject({ refusedAudience: audience })
  expect(told.status).not.toHaveProperty('audience')

  await cluster.client.delete(guardedServices, home, 'api')
  // Something else of the waiting one's pass: it was looked at after the deletion, and still has nothing.
  await cluster.client.delete(services, other, 'api')
  await service(other, 'api')
  await new Promise(resolve => setTimeout(resolve, 1_000))
  const again = await guarded(home, 'api', { audience })
  expect((await ready(guardedServices, again, 'Ready')).status?.audience).toBe(audience)
  expect((await ready(guardedServices, waiting, 'AudienceConflict')).status).toMatchObject({
    refusedAudience: audience,
  })

  // Its answer is of its generation: while the holder stands, the next one gets the same; then it is free.
  await patch(guardedServices, waiting, { spec: { maxStaleness: '2h' } })
  await ready(guardedServices, waiting, 'AudienceConflict')
  await cluster.client.delete(guardedServices, home, 'api')
  await new Promise(resolve => setTimeout(resolve, 500))
  await ready(guardedServices, waiting, 'AudienceConflict')
  await patch(guardedServices, waiting, { spec: { maxStaleness: '3h' } })
  const free = await ready(guardedServices, waiting, 'Ready')
  expect(free.status).toMatchObject({ audience })
  expect(free.status).not.toHaveProperty('refusedAudience')
})

test('S12 a Secret that was deleted by hand is made anew within seconds, and one that was edited', async () => {
  const namespace = await cluster.namespace()
  await create(apiClients, namespace, 'web', {})
  const key = await create(accessKeys, namespace, 'web', { clientRef: { name: 'web' } })
  const first = (await ready(accessKeys, key, 'Ready')).status?.keyId
  const changed = (before: unknown, what: string) =>
    until(async () => {
      const now = (await get(accessKeys, key))?.status?.keyId
      return now !== before && now
    }, what)
  await cluster.client.delete(secrets, namespace, 'web')
  const second = await changed(first, 'another key')
  expect((await cluster.client.get(secrets, namespace, 'web'))?.metadata.name).toBe('web')
  await cluster.client.patch(secrets, namespace, 'web', { data: { 'private.jwk': 'e30=' } })
  await changed(second, 'a third key')
})

test('S12 a key that is dead is ready with a reason that says so, in the columns and in an event', async () => {
  const namespace = await cluster.namespace()
  const web = await create(apiClients, namespace, 'web', {})
  const key = (name: string, spec: object = {}) =>
    create(accessKeys, namespace, name, { clientRef: { name: 'web' }, ...spec })
  const [alive, ended, revoked] = [
    await key('alive'),
    await key('ended', { expiresAt: new Date(Date.now() + 2_000).toISOString() }),
    await key('revoked', { revoked: { reason: 'left' } }),
  ]
  await ready(accessKeys, ended, 'Expired')
  expect(await row('accesskeys', ended)).toMatchObject({ STATE: 'Expired', READY: 'True', REASON: 'Expired' })
  expect((await warned(ended, 'Expired')).note).toBe('The key has ended.')
  await ready(accessKeys, revoked, 'Revoked')
  expect(await row('accesskeys', revoked)).toMatchObject({ STATE: 'Revoked', READY: 'True', REASON: 'Revoked' })
  await ready(accessKeys, alive, 'Ready')
  await patch(apiClients, web, { spec: { suspended: true } })
  await ready(accessKeys, alive, 'ClientSuspended')
  expect(await row('accesskeys', alive)).toMatchObject({ STATE: 'Suspended', REASON: 'ClientSuspended' })
  await patch(apiClients, web, { spec: { suspended: false } })
  await ready(accessKeys, alive, 'Ready')
  await cluster.client.delete(apiClients, namespace, 'web')
  const lost = await ready(accessKeys, alive, 'ClientNotFound')
  expect(lost.found.message).toContain('There is no ApiClient web')
  expect(await row('accesskeys', alive)).toMatchObject({ STATE: 'Refused', READY: 'False', REASON: 'ClientNotFound' })
  await warned(alive, 'ClientNotFound')
})

test('S12 a rule that can match no route is told, also when the routes come later', async () => {
  const namespace = await cluster.namespace()
  await service(namespace, 'api')
  const routes = [
    { name: 'list', path: '/notes', methods: ['GET'] },
    { name: 'one', path: '/notes/{id}', methods: ['GET'], permission: { action: 'read', resource: 'notes/{id}' } },
  ]
  const api = await guarded(namespace, 'api', { routes })
  await ready(guardedServices, api, 'Ready')
  const idle: [string, object, string][] = [
    ['path', { methods: ['GET'], paths: ['/nots'] }, '/nots matches no route of api. The nearest is /notes.'],
    ['colon', { methods: ['GET'], paths: ['/notes/:id'] }, '/notes/:id is taken letter by letter. Write /notes/{id}.'],
    ['action', { permissions: [{ action: 'raed', resources: ['notes/**'] }] }, 'The nearest is read on notes/{id}.'],
  ]
  for (const [name, rule, message] of idle) {
    const made = await role(namespace, name, rule)
    expect((await ready(roles, made, 'RuleMatchesNothing')).found).toMatchObject({
      status: 'True',
      message: expect.stringContaining(message),
    })
    await condition(cluster.client, roles, made, { type: 'Accepted', reason: 'RuleMatchesNothing', status: 'True' })
    expect(await row('roles', made)).toMatchObject({ READY: 'True', REASON: 'RuleMatchesNothing' })
    expect((await warned(made, 'RuleMatchesNothing')).note).toContain(message)
  }

  await patch(guardedServices, api, { spec: { routes: null } })
  const later = await role(namespace, 'later', { methods: ['GET'], paths: ['/nots'] })
  await ready(roles, later, 'Ready')
  const document = { openapi: '3.1.0', info: { title: 'x', version: '1' }, paths: { '/notes': { get: {} } } }
  await cluster.client.create(configMaps, {
    metadata: { name: 'doc', namespace },
    data: { 'openapi.yaml': JSON.stringify(document) },
  } as KubeObject)
  await patch(guardedServices, api, { spec: { openapi: { configMapRef: { name: 'doc' } } } })
  await ready(roles, later, 'RuleMatchesNothing')
  await patch(roles, later, { spec: { rules: [{ services: ['api'], methods: ['GET'], paths: ['/notes'] }] } })
  await ready(roles, later, 'Ready')
})

test('S12 a grant to nobody is pending, and says who is missing', async () => {
  const namespace = await cluster.namespace()
  await service(namespace, 'api')
  await guarded(namespace, 'api')
  await role(namespace, 'reader', reads)
  const give = (name: string, at: string) =>
    create(accessGrants, namespace, name, { roleRef: { name: 'reader' }, clients: [{ namespace: at, name: 'web' }] })
  for (const grant of [await give('no-client', namespace), await give('no-namespace', 'nowhere')]) {
    expect((await ready(accessGrants, grant, 'ClientNotFound')).found.message).toContain('/web')
    const wanted = { STATE: 'Pending', READY: 'False', REASON: 'ClientNotFound' }
    expect(await row('accessgrants', grant)).toMatchObject(wanted)
    expect(kstatus((await get(accessGrants, grant)) as WithStatus)).toBe('InProgress')
  }
  await create(apiClients, namespace, 'web', {})
  const given = { metadata: { namespace, name: 'no-client' } }
  await ready(accessGrants, given, 'Ready')
  expect((await row('accessgrants', given)).STATE).toBe('Active')
})

test('S12 a Service that leads past the guard is not called well: column, event, and Stalled in mode Enforce', async () => {
  const namespace = await cluster.namespace()
  for (const name of ['enforcing', 'auditing']) await service(namespace, name, 8080)
  const enforcing = await guarded(namespace, 'enforcing')
  const auditing = await guarded(namespace, 'auditing', { mode: 'Audit' })
  for (const object of [enforcing, auditing]) {
    await enforced(object, 'ServiceBypassesGuard')
    expect(await row('guardedservices', object)).toMatchObject({ ENFORCED: 'False', READY: 'True' })
    expect((await warned(object, 'ServiceBypassesGuard')).note).toContain('kubectl patch service')
  }
  const of = async (object: KubeObject) => (await get(guardedServices, object)) as WithStatus
  const stalled = await condition(cluster.client, guardedServices, enforcing, {
    type: 'Stalled',
    reason: 'ServiceBypassesGuard',
  })
  expect([stalled.found.status, kstatus(stalled)]).toEqual(['True', 'Failed'])
  expect(kstatus(await of(auditing))).toBe('Current')

  await patch(
    services,
    { metadata: { namespace, name: 'enforcing' } },
    {
      spec: { ports: [{ port: 80, targetPort: 'guard' }] },
    },
  )
  await until(async () => kstatus(await of(enforcing)) === 'Current', 'no longer stalled')
  // Back to the open way, and from Audit to Enforce: both are told.
  await patch(guardedServices, auditing, { spec: { mode: 'Enforce' } })
  await until(async () => kstatus(await of(auditing)) === 'Failed', 'stalled once it is to enforce')
})
