import { expect, test } from 'vitest'
import type { NetworkPolicyOf } from '../../../operator/sources.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { guardedServices, networkPolicies, pods, serviceAccounts, services } from '../../../platform/kube/resources.ts'
import { condition, until, type WithStatus } from './cluster.ts'
import { clusterWithOperator } from './cluster-with-operator.ts'

const cluster = clusterWithOperator({ controllerManager: true })

const policyOf = (namespace: string) => cluster.client.get<NetworkPolicyOf>(networkPolicies, namespace, 'latchkey-api')
const patchSpec = (namespace: string, spec: object) => cluster.client.patch(guardedServices, namespace, 'api', { spec })
const patchService = (namespace: string, spec: object) => cluster.client.patch(services, namespace, 'api', { spec })
const isolated = (object: KubeObject, reason: string) =>
  condition(cluster.client, guardedServices, object, { type: 'Isolated', reason })
const portsOf = (policy: NetworkPolicyOf | undefined) => policy?.spec?.ingress?.[0]?.ports?.map(({ port }) => port)

async function service(namespace: string, targetPort: string | number = 'guard'): Promise<void> {
  await cluster.client.create(services, {
    metadata: { name: 'api', namespace },
    spec: { selector: { app: 'api' }, ports: [{ name: 'http', port: 80, targetPort }] },
  } as KubeObject)
}

const guarded = (namespace: string, spec: object): Promise<WithStatus> =>
  cluster.client.create<WithStatus>(guardedServices, {
    metadata: { name: 'api', namespace },
    spec: { targetRef: { name: 'api', port: 80 }, ...spec },
  } as WithStatus)

async function pod(namespace: string, name: string, annotations: Record<string, string>): Promise<void> {
  await until(() => cluster.client.get(serviceAccounts, namespace, 'default'), 'the service account')
  await cluster.client.create(pods, {
    metadata: { name, namespace, labels: { app: 'api' }, annotations },
    spec: { containers: [{ name: 'app', image: 'app' }] },
  } as KubeObject)
}

test('a NetworkPolicy is made when asked for, follows selector and open ports, is put right, and goes', async () => {
  const namespace = await cluster.namespace()
  await service(namespace)
  const api = await guarded(namespace, {})
  await condition(cluster.client, guardedServices, api, { type: 'Ready', reason: 'Ready' })
  expect(await policyOf(namespace)).toBeUndefined()

  await patchSpec(namespace, { networkPolicy: 'Generate' })
  await isolated(api, 'Isolated')
  const made = await policyOf(namespace)
  expect(made?.spec?.podSelector).toEqual({ matchLabels: { app: 'api' } })
  expect(made?.spec?.policyTypes).toEqual(['Ingress'])
  expect(portsOf(made)).toEqual([15080, 15081])
  expect(made?.metadata.ownerReferences).toMatchObject([{ kind: 'GuardedService', name: 'api', uid: api.metadata.uid }])

  await patchService(namespace, { selector: { app: 'api', tier: 'web' } })
  await until(async () => (await policyOf(namespace))?.spec?.podSelector?.matchLabels?.tier === 'web', 'the selector')
  await patchService(namespace, { selector: { tier: null } })
  await pod(namespace, 'one', { 'latchkey.dev/open-ports': '9090' })
  await until(async () => portsOf(await policyOf(namespace))?.join() === '15080,15081,9090', 'the open port')
  await cluster.client.patch(pods, namespace, 'one', {
    metadata: { annotations: { 'latchkey.dev/open-ports': '9091' } },
  })
  await until(async () => portsOf(await policyOf(namespace))?.join() === '15080,15081,9091', 'the other open port')

  await cluster.client.patch(networkPolicies, namespace, 'latchkey-api', { spec: { ingress: [{}] } })
  await until(async () => portsOf(await policyOf(namespace))?.join() === '15080,15081,9091', 'put right')
  await cluster.client.delete(networkPolicies, namespace, 'latchkey-api')
  await until(() => policyOf(namespace), 'made anew')

  await patchSpec(namespace, { networkPolicy: 'None' })
  await until(async () => !(await policyOf(namespace)), 'removed')
  await until(async () => {
    const left = await cluster.client.get<WithStatus>(guardedServices, namespace, 'api')
    return left?.status?.conditions?.every(({ type }) => type !== 'Isolated')
  }, 'nothing more said of it')
})

test('one of that name that is somebody else’s stays untouched, and its going is noticed', async () => {
  const namespace = await cluster.namespace()
  await service(namespace)
  const foreign = await cluster.client.create<NetworkPolicyOf>(networkPolicies, {
    metadata: { name: 'latchkey-api', namespace },
    spec: { podSelector: { matchLabels: { app: 'other' } }, policyTypes: ['Ingress'] },
  } as NetworkPolicyOf)
  const api = await guarded(namespace, { networkPolicy: 'Generate' })
  await isolated(api, 'NetworkPolicyConflict')
  await condition(cluster.client, guardedServices, api, { type: 'Ready', reason: 'NotIsolated', status: 'False' })
  await patchSpec(namespace, { networkPolicy: 'None' })
  await condition(cluster.client, guardedServices, api, { type: 'Ready', reason: 'Ready' })
  await patchSpec(namespace, { networkPolicy: 'Generate' })
  await isolated(api, 'NetworkPolicyConflict')
  expect((await policyOf(namespace))?.metadata.resourceVersion).toBe(foreign.metadata.resourceVersion)
  await cluster.client.delete(networkPolicies, namespace, 'latchkey-api')
  await isolated(api, 'Isolated')
})

test('adoption has no gap: nothing is isolated before the Service leads to the guard, and it stays isolated after', async () => {
  const namespace = await cluster.namespace()
  await service(namespace, 8080)
  const api = await guarded(namespace, { networkPolicy: 'Generate' })
  await isolated(api, 'ServiceBypassesGuard')
  expect(await policyOf(namespace)).toBeUndefined()
  const toPort = (targetPort: string | number) =>
    cluster.client.patch(
      services,
      namespace,
      'api',
      [{ op: 'add', path: '/spec/ports/0/targetPort', value: targetPort }],
      {
        type: 'json',
      },
    )
  await toPort('guard')
  await isolated(api, 'Isolated')
  const made = await policyOf(namespace)
  await toPort(8080)
  await condition(cluster.client, guardedServices, api, { type: 'Enforced', reason: 'ServiceBypassesGuard' })
  expect((await policyOf(namespace))?.metadata.resourceVersion).toBe(made?.metadata.resourceVersion)
})

test('it goes with its GuardedService', async () => {
  const namespace = await cluster.namespace()
  await service(namespace)
  const api = await guarded(namespace, { networkPolicy: 'Generate' })
  await isolated(api, 'Isolated')
  await cluster.client.delete(guardedServices, namespace, 'api')
  await until(async () => !(await policyOf(namespace)), 'collected', 40_000)
}, 60_000)
