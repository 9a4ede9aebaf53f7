import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AccessGrantStatus } from '../../../core/api/access-grant.ts'
import { unseenStatus } from '../../../core/api/schema.ts'
import type { RunningOperator } from '../../../operator/run-operator.ts'
import type { KubeObject, Resource } from '../../../platform/kube/client.ts'
import {
  accessGrants,
  accessKeys,
  apiClients,
  configMaps,
  guardedServices,
  namespaces,
  pods,
  roles,
  serviceAccounts,
  services,
} from '../../../platform/kube/resources.ts'
import { createMetrics } from '../../../platform/metrics.ts'
import {
  condition,
  configOf,
  issuerUrl,
  startTestCluster,
  type TestCluster,
  until,
  type WithStatus,
} from './cluster.ts'
import { type IssuerDouble, startIssuerDouble } from './issuer-double.ts'

let cluster: TestCluster
let operator: RunningOperator
const metrics = createMetrics({ process: 'operator' })
const measured = async () => (await metrics.exposition()).body
let issuer: IssuerDouble
beforeAll(async () => {
  cluster = await startTestCluster()
  operator = await cluster.start({}, metrics)
  issuer = await startIssuerDouble(cluster.client)
})
afterAll(async () => {
  await operator?.stop()
  issuer?.stop()
  await cluster?.stop()
})

const create = (resource: Resource, namespace: string, name: string, rest: object = {}): Promise<WithStatus> =>
  cluster.client.create<WithStatus>(resource, { metadata: { name, namespace }, ...rest } as WithStatus)
const patch = (resource: Resource, { metadata }: KubeObject, body: object) =>
  cluster.client.patch(resource, metadata.namespace, metadata.name, body)
const accepted = (resource: Resource, object: KubeObject, reason: string) =>
  condition(cluster.client, resource, object, { type: 'Accepted', reason })
const ready = (resource: Resource, object: KubeObject, reason: string) =>
  condition(cluster.client, resource, object, { type: 'Ready', reason })
const enforced = (resource: Resource, object: KubeObject, reason: string) =>
  condition(cluster.client, resource, object, { type: 'Enforced', reason }, 20_000)

const service = (namespace: string, name = 'api', targetPort: string | number = 'guard') =>
  create(services, namespace, name, {
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort }] },
  })
const guarded = (namespace: string, name = 'api', spec: object = {}) =>
  create(guardedServices, namespace, name, { spec: { targetRef: { name, port: 80 }, ...spec } })
const pod = async (namespace: string, name: string, app = 'api') => {
  if (!(await cluster.client.get(serviceAccounts, namespace, 'default')))
    await create(serviceAccounts, namespace, 'default')
  return create(pods, namespace, name, { spec: { containers: [{ name: 'app', image: 'app' }] } }).then(made =>
    cluster.client.patch<KubeObject>(pods, namespace, made.metadata.name, { metadata: { labels: { app } } }),
  )
}
const guardOf = ({ metadata }: KubeObject, change: object = {}) => ({
  namespace: metadata.namespace ?? '',
  pod: metadata.name,
  uid: metadata.uid ?? '',
  hash: issuer.hash,
  current: true,
  ...change,
})
const rule = { services: ['api'], methods: ['GET'], paths: ['/**'] }

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
  await accepted(apiClients, second, 'ServiceAccountTaken')
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

test('Enforced on a GuardedService follows the Service port and its pods, live (K28)', async () => {
  const namespace = await cluster.namespace()
  await service(namespace, 'api', 8080)
  const api = await guarded(namespace)
  await enforced(guardedServices, api, 'ServiceBypassesGuard')
  // The command stands there once it is known that no pod is without a guard.
  const command = await until(async () => {
    const { found } = await enforced(guardedServices, api, 'ServiceBypassesGuard')
    return /Run: kubectl patch service api -n \S+ --type=json -p '(.*)'$/.exec(found.message)?.[1]
  }, 'the command')
  await cluster.client.patch(services, namespace, 'api', JSON.parse(command), { type: 'json' })
  await enforced(guardedServices, api, 'NoGuards')
  const one = await pod(namespace, 'one')
  const two = await pod(namespace, 'two')
  issuer.guards = { [`${namespace}/api`]: [guardOf(one)] }
  await enforced(guardedServices, api, 'Waiting')
  const half = await until(async () => {
    const found = await cluster.client.get<WithStatus>(guardedServices, namespace, 'api')
    return found?.status?.guards === '1/2' && found
  }, 'guards 1/2')
  expect(half.status?.revision).toBe('a'.repeat(12))
  expect((await enforced(guardedServices, api, 'Waiting')).found.message).toContain('Without the label: two; put')
  issuer.guards = {
    [`${namespace}/api`]: [guardOf(one, { wouldDeny: 3 }), guardOf(two, { exposed: ['0.0.0.0:8080'] })],
  }
  const exposed = await enforced(guardedServices, api, 'DirectAccess')
  expect(exposed.found.message).toContain('two (0.0.0.0:8080)')
  await until(
    async () => (await measured()).includes('latchkey_guarded_services{enforced="DirectAccess"} 1\n'),
    'counted',
  )
  const counted = await measured()
  expect(counted).toMatch(/^latchkey_guards_expected [1-9]/m)
  expect(counted).toMatch(/^latchkey_guards_current [1-9]/m)
  issuer.guards = { [`${namespace}/api`]: [guardOf(one), guardOf(two)] }
  const held = await enforced(guardedServices, api, 'Enforced')
  expect(held.status?.guards).toBe('2/2')
  issuer.guards = { [`${namespace}/api`]: [guardOf(one), guardOf(two, { notListening: '127.0.0.1:9999' })] }
  expect((await ready(guardedServices, api, 'NothingListens')).found.message).toContain('two (127.0.0.1:9999)')
  issuer.guards = { [`${namespace}/api`]: [guardOf(one), guardOf(two, { needs: '0.3.0' })] }
  const outdated = await ready(guardedServices, api, 'GuardsOutdated')
  expect(outdated.found.message).toContain('two. They need release 0.3.0')
  expect(outdated.status?.guards).toBe('2/2')
  const labels = { app: 'api', 'latchkey.dev/guard': 'api' }
  const container = { name: 'latchkey-guard', image: 'guard' }
  for (const [name, initContainers] of [['starting', [container]] as const, ['bare', []] as const]) {
    const spec = { initContainers, containers: [{ name: 'app', image: 'app' }] }
    await cluster.client.create(pods, { metadata: { name, namespace, labels }, spec } as KubeObject)
  }
  await until(async () => {
    const { message } = (await enforced(guardedServices, api, 'Waiting')).found
    return message.includes('without the guard: bare;') && message.includes('not connected: starting;')
  }, 'both told apart')
  expect(issuer.asked.at(-1)).toEqual({ path: '/v1/enforcement', authorization: 'Bearer token' })
})

test('Enforced on keys, roles and grants waits for all guards and then stays for the generation', async () => {
  const namespace = await cluster.namespace()
  await service(namespace)
  await ready(guardedServices, await guarded(namespace), 'Ready')
  const one = await pod(namespace, 'one')
  issuer.guards = { [`${namespace}/api`]: [guardOf(one, { current: false })] }
  // Without a pod in sight there would be nobody to wait for.
  await until(async () => {
    const found = await cluster.client.get<WithStatus>(guardedServices, namespace, 'api')
    return found?.status?.guards === '0/1'
  }, 'the pod counted')
  const role = await create(roles, namespace, 'reader', { spec: { rules: [rule] } })
  await create(apiClients, namespace, 'web', { spec: {} })
  const grant = await create(accessGrants, namespace, 'g', {
    spec: { roleRef: { name: 'reader' }, clients: [{ namespace, name: 'web' }] },
  })
  const key = await create(accessKeys, namespace, 'web', { spec: { clientRef: { name: 'web' } } })
  const all = [
    [roles, role],
    [accessGrants, grant],
    [accessKeys, key],
  ] as const
  for (const [resource, object] of all) await enforced(resource, object, 'Waiting')
  issuer.guards = { [`${namespace}/api`]: [guardOf(one)] }
  for (const [resource, object] of all) await enforced(resource, object, 'Enforced')
  const told = await measured()
  for (const [{ plural }] of all) expect(told).toMatch(`latchkey_enforcement_seconds_count{resource="${plural}"} 1\n`)
  // A pod that comes later starts with what is enforced.
  await pod(namespace, 'late')
  await new Promise(resolve => setTimeout(resolve, 1_500))
  for (const [resource, object] of all) await enforced(resource, object, 'Enforced')
  // Another generation has to arrive anew: here the replica has not seen it.
  issuer.guards = { [`${namespace}/api`]: [guardOf(one), guardOf(await pod(namespace, 'late2'))] }
  issuer.seen = { ...issuer.seen, accesskeys: '1' }
  await patch(accessKeys, key, { spec: { revoked: {} } })
  await until(
    async () =>
      (await enforced(accessKeys, key, 'Waiting')).found.message === 'The issuers have not told the guards yet.',
    'the replica is behind',
  )
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
