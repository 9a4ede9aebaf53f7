import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SecretObject, secretFile, secretType } from '../../../core/keys/secret-data.ts'
import { clusterRoles } from '../../../operator/owned-objects.ts'
import { type RunningOperator, runOperator } from '../../../operator/run-operator.ts'
import { createKubeClient, type KubeClient, type KubeObject, type Resource } from '../../../platform/kube/client.ts'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'
import {
  accessKeys,
  apiClients,
  configMaps,
  guardedServices,
  networkPolicies,
  secrets,
  services,
} from '../../../platform/kube/resources.ts'
import { condition, configOf, startTestCluster, type TestCluster, testLog, until, type WithStatus } from './cluster.ts'
import { clusterRules, releaseRules, secretRules } from './rights.ts'

const rbac = (kind: string, plural: string, namespaced: boolean): Resource => ({
  ...clusterRoles,
  kind,
  plural,
  namespaced,
})
const roleResource = rbac('Role', 'roles', true)
const roleBindings = rbac('RoleBinding', 'rolebindings', true)
const clusterRoleBindings = rbac('ClusterRoleBinding', 'clusterrolebindings', false)
const user = 'operator-under-test'

let cluster: TestCluster
let restricted: KubeClient
let operator: RunningOperator
beforeAll(async () => {
  cluster = await startTestCluster({ controllerManager: true })
  await give('cluster', 'latchkey-operator', clusterRules)
  await give('latchkey-system', 'release', releaseRules)
  await give('latchkey-system', 'secrets', secretRules)
  restricted = createKubeClient(loadKubeConnection({ kubeconfig: await cluster.plane.kubeconfigFor(user, []) }))
  operator = await runOperator({ client: restricted, config: configOf(), log: testLog() })
})
afterAll(async () => {
  await operator?.stop()
  await restricted?.close()
  await cluster?.stop()
})

async function give(where: string, name: string, rules: object[]): Promise<void> {
  const inCluster = where === 'cluster'
  const metadata = inCluster ? { name } : { name, namespace: where }
  await cluster.client.create(inCluster ? clusterRoles : roleResource, { metadata, rules } as KubeObject)
  await bind(where, name)
}

async function bind(where: string, name: string): Promise<void> {
  const inCluster = where === 'cluster'
  const metadata = inCluster ? { name } : { name, namespace: where }
  const kind = inCluster ? 'ClusterRole' : 'Role'
  await cluster.client.create(inCluster ? clusterRoleBindings : roleBindings, {
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  } as KubeObject)
}

async function kidOf(namespace: string, name: string): Promise<string | undefined> {
  const secret = await cluster.client.get<SecretObject & KubeObject>(secrets, namespace, name)
  return secret && secretFile(secret, 'key-id')
}

async function createKey(namespace: string): Promise<WithStatus> {
  await cluster.client.create(apiClients, { metadata: { name: 'web', namespace }, spec: {} } as KubeObject)
  return cluster.client.create<WithStatus>(accessKeys, {
    metadata: { name: 'web', namespace },
    spec: { clientRef: { name: 'web' } },
  } as KubeObject)
}

test('where Secrets are not allowed the key says so and waits for a person; others are unhurt (K26)', async () => {
  const closed = await createKey(await cluster.namespace())
  const stuck = await condition(cluster.client, accessKeys, closed, { type: 'Ready', reason: 'SecretForbidden' })
  expect(stuck.found.message).toContain('secrets.namespaceList')
  await condition(cluster.client, accessKeys, closed, { type: 'Stalled', reason: 'SecretForbidden', status: 'True' })
  const open = await cluster.namespace()
  await give(open, 'secrets', secretRules)
  await condition(cluster.client, accessKeys, await createKey(open), { type: 'Ready', reason: 'Ready' })
  // Allowed later: the key gets what it waited for.
  await give(closed.metadata.namespace ?? '', 'secrets', secretRules)
  await cluster.client.patch(accessKeys, closed.metadata.namespace, 'web', { metadata: { annotations: { look: '1' } } })
  await condition(cluster.client, accessKeys, closed, { type: 'Ready', reason: 'Ready' })
})

test('with these rights alone it guards a namespace, publishes events and owns what it makes', async () => {
  const namespace = await cluster.namespace()
  await give(namespace, 'secrets', secretRules)
  await cluster.client.create(services, {
    metadata: { name: 'api', namespace },
    spec: { selector: { app: 'api' }, ports: [{ port: 80, targetPort: 'guard' }] },
  } as KubeObject)
  const api = await cluster.client.create<WithStatus>(guardedServices, {
    metadata: { name: 'api', namespace },
    spec: { targetRef: { name: 'api', port: 80 }, networkPolicy: 'Generate' },
  } as KubeObject)
  await condition(cluster.client, guardedServices, api, { type: 'Ready', reason: 'Ready' })
  await condition(cluster.client, guardedServices, api, { type: 'Isolated', reason: 'Isolated' })
  await cluster.client.patch(guardedServices, namespace, 'api', { spec: { networkPolicy: 'None' } })
  await until(async () => !(await cluster.client.get(networkPolicies, namespace, 'latchkey-api')), 'policy removed')
  const made = await until(() => cluster.client.get(configMaps, namespace, 'latchkey-ca'), 'latchkey-ca')
  expect(made.metadata.ownerReferences).toMatchObject([{ kind: 'ClusterRole', name: 'latchkey-operator' }])
  for (const name of ['ca', 'issuer-tls', 'webhook-tls', 'issuer-keys']) {
    const secret = await until(() => cluster.client.get(secrets, 'latchkey-system', `latchkey-${name}`), name)
    expect(secret.metadata.ownerReferences).toMatchObject([{ kind: 'ClusterRole', name: 'latchkey-operator' }])
  }
  const key = await createKey(namespace)
  await condition(cluster.client, accessKeys, key, { type: 'Ready', reason: 'Ready' })
  const secret = await cluster.client.get<KubeObject & { type?: string }>(secrets, namespace, 'web')
  expect(secret?.type).toBe(secretType)
  await cluster.client.patch(accessKeys, namespace, 'web', { spec: { revoked: { reason: 'left' } } })
  const events = { ...accessKeys, group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event' }
  await until(async () => {
    const { items } = await cluster.client.list<KubeObject & { regarding?: { kind?: string }; reason?: string }>(
      events,
      { namespace },
    )
    return items.some(event => event.regarding?.kind === 'AccessKey' && event.reason === 'Revoked')
  }, 'an event')
})

test('rights taken away while it runs stop it at that and mint nothing twice; given back, it goes on by itself (F34)', async () => {
  const namespace = await cluster.namespace()
  await give(namespace, 'secrets', secretRules)
  const before = await createKey(namespace)
  await condition(cluster.client, accessKeys, before, { type: 'Ready', reason: 'Ready' })
  const kid = await kidOf(namespace, 'web')
  await cluster.client.delete(clusterRoleBindings, undefined, 'latchkey-operator')
  await until(
    () =>
      restricted.get(accessKeys, namespace, 'web').then(
        () => false,
        () => true,
      ),
    'the rights are gone',
  )
  const other = { metadata: { name: 'other', namespace }, spec: { clientRef: { name: 'web' } } }
  await cluster.client.create(accessKeys, other as KubeObject)
  await new Promise(resolve => setTimeout(resolve, 2_000))
  expect(await cluster.client.get(secrets, namespace, 'other')).toBeUndefined()
  await bind('cluster', 'latchkey-operator')
  await condition(cluster.client, accessKeys, other, { type: 'Ready', reason: 'Ready' }, 60_000)
  expect(await kidOf(namespace, 'web')).toBe(kid)
  expect(operator.stuck()).toBeUndefined()
})

test('Secrets are neither listed nor watched', async () => {
  await expect(restricted.list(secrets)).rejects.toThrow(/403/)
})
