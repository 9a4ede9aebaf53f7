import { expect, test } from 'vitest'
import type { KubeObject } from '../../../platform/kube/client.ts'
import {
  accessGrants,
  accessKeys,
  apiClients,
  guardedServices,
  pods,
  roles,
  services,
} from '../../../platform/kube/resources.ts'
import { createMetrics } from '../../../platform/metrics.ts'
import { until, type WithStatus } from './cluster.ts'
import { clusterWithOperator } from './cluster-with-operator.ts'
import { issuerDoubleIn } from './issuer-double.ts'
import { objectsIn, rule } from './objects-in.ts'

const metrics = createMetrics({ process: 'operator' })
const measured = async () => (await metrics.exposition()).body
const cluster = clusterWithOperator({ metrics })
const issuerDouble = issuerDoubleIn(cluster)
const { create, patch, ready, enforced, service, guarded, pod } = objectsIn(cluster)

const guardOf = ({ metadata }: KubeObject, change: object = {}) => ({
  namespace: metadata.namespace ?? '',
  pod: metadata.name,
  uid: metadata.uid ?? '',
  hash: issuerDouble().hash,
  current: true,
  ...change,
})

test('Enforced on a GuardedService follows the Service port and its pods, live (K28)', async () => {
  const issuer = issuerDouble()
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
  const small = guardOf(two, { current: false, tooLarge: { memory: 256 * 1_048_576 }, version: '0.1.0' })
  issuer.guards = { [`${namespace}/api`]: [guardOf(one, { version: '0.2.0' }), small] }
  const tooLarge = await enforced(guardedServices, api, 'SliceTooLarge')
  expect(tooLarge.found.message).toContain('guards of two. They go on with the one before')
  expect(tooLarge.status).toMatchObject({
    guards: '1/2',
    lacking: '1 SliceTooLarge',
    guardVersions: '0.2.0, 0.1.0 (1)',
  })
  const lacking = `latchkey_guards_lacking{guarded_service="${namespace}/api",lack="SliceTooLarge"} 1`
  expect(await measured()).toContain(lacking)
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
  const issuer = issuerDouble()
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
  const late = await pod(namespace, 'late')
  await new Promise(resolve => setTimeout(resolve, 1_500))
  for (const [resource, object] of all) await enforced(resource, object, 'Enforced')
  // Another generation has to arrive anew: here the replica has not seen it.
  issuer.guards = { [`${namespace}/api`]: [one, late, await pod(namespace, 'late2')].map(each => guardOf(each)) }
  issuer.seen = { ...issuer.seen, accesskeys: '1' }
  await patch(accessKeys, key, { spec: { revoked: {} } })
  await until(
    async () =>
      (await enforced(accessKeys, key, 'Waiting')).found.message ===
      `The issuers have not told the guards yet: ${namespace}/api (0 of 3).`,
    'the replica is behind',
  )
})
