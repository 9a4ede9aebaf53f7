import { afterAll, beforeAll, expect, it } from 'vitest'
import { createObjects } from '../../../issuer/objects.ts'
import { createKubernetesStore } from '../../../issuer/store/kubernetes/kubernetes-store.ts'
import { createSources } from '../../../operator/sources.ts'
import { systemClock } from '../../../platform/clock.ts'
import { isAllowed } from '../../../platform/kube/access-review.ts'
import { createKubeClient, type KubeClient } from '../../../platform/kube/client.ts'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'
import {
  apiClients,
  configMaps,
  guardedServices,
  mutatingWebhooks,
  namespaces,
  networkPolicies,
  roles,
  secrets,
  serviceAccounts,
  services,
  validatingWebhooks,
} from '../../../platform/kube/resources.ts'
import { createLog } from '../../../platform/log.ts'
import { type Cluster, startCluster } from '../policies/setup.ts'
import { isWebhook, kubectl, renderChart } from './render-chart.ts'

let cluster: Cluster
const clients: KubeClient[] = []
const log = createLog({ process: 'test', destination: { write: () => {} } })
const about = { namespace: 'latchkey-system', fullname: 'latchkey', log }

/** A client with the rights that the chart gives this process, and the rights of every service account. */
async function clientOf(process: string): Promise<KubeClient> {
  const groups = ['system:serviceaccounts', 'system:authenticated']
  const kubeconfig = await cluster.plane.kubeconfigFor(
    `system:serviceaccount:latchkey-system:latchkey-${process}`,
    groups,
  )
  const client = createKubeClient(loadKubeConnection({ kubeconfig }))
  clients.push(client)
  return client
}

beforeAll(async () => {
  cluster = await startCluster('rights', { shop: {}, other: {}, 'latchkey-system': {} })
  const values = { secrets: { namespaces: 'Labelled', namespaceList: ['shop'] } }
  const manifests = (await renderChart({ values })).filter(one => /Role/.test(one.kind) || isWebhook(one))
  await kubectl(cluster.plane.kubeconfig, ['apply', '--server-side', '--filename=-'], manifests)
})
afterAll(async () => {
  for (const client of clients) await client.close()
  await cluster?.stop()
})

const refused = { status: 403 }

it('suffice for everything the operator watches', async () => {
  const sources = createSources(await clientOf('operator'), about)
  sources.start()
  await sources.whenSynced(AbortSignal.timeout(20_000))
  await sources.stop()
})

it('suffice for everything the issuer watches, and for the questions it asks', async () => {
  const client = await clientOf('issuer')
  const objects = createObjects(client, { log })
  await objects.start(AbortSignal.timeout(20_000))
  await objects.stop()
  await client.raw('GET', '/.well-known/openid-configuration')
  await client.raw('GET', '/openid/v1/jwks')
  const review = (kind: string, group: string, spec: object) => ({ apiVersion: `${group}/v1`, kind, spec })
  await client.raw(
    'POST',
    '/apis/authentication.k8s.io/v1/tokenreviews',
    review('TokenReview', 'authentication.k8s.io', { token: 'x' }),
  )
  await client.raw(
    'POST',
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    review('SubjectAccessReview', 'authorization.k8s.io', {
      user: 'x',
      nonResourceAttributes: { path: '/', verb: 'get' },
    }),
  )
  await client.get(configMaps, 'shop', 'openapi')
  await client.get(secrets, 'latchkey-system', 'latchkey-issuer-keys')
  await expect(client.get(secrets, 'latchkey-system', 'latchkey-ca')).rejects.toMatchObject(refused)
  await expect(client.get(secrets, 'shop', 'checkout')).rejects.toMatchObject(refused)
})

it('suffice for what the issuer keeps for tokens, in its own namespace only', async () => {
  const client = await clientOf('issuer')
  const about = { client, namespace: 'latchkey-system', clock: systemClock, log }
  const store = createKubernetesStore(about)
  store.start()
  const key = { type: 'Code', tenant: 'installation', id: 'a-code' } as const
  const record = { endsAt: Math.floor(Date.now() / 1_000) + 60 }
  expect(await store.claim(key, record)).toBe('claimed')
  await store.put(key, { ...record, value: { client: 'sc_a' } })
  for await (const listed of store.list('Code', 'installation')) expect(listed.value).toEqual({ client: 'sc_a' })
  expect(await store.take(key)).toBeDefined()
  await expect.poll(() => store.fault()).toBeUndefined()
  await store.stop()
  const elsewhere = createKubernetesStore({ ...about, namespace: 'shop' })
  await expect(elsewhere.claim(key, record)).rejects.toMatchObject({ reason: 'store_unavailable', cause: refused })
  const operator = createKubernetesStore({ ...about, client: await clientOf('operator') })
  await expect(operator.get(key)).rejects.toMatchObject({ reason: 'store_unavailable', cause: refused })
})

it('suffice for what the operator writes', async () => {
  const client = await clientOf('operator')
  const manager = { fieldManager: 'latchkey-operator', force: true }
  const bundle = (webhooks: string[]) =>
    webhooks.map(name => ({ name: `${name}.latchkey.latchkey.dev`, clientConfig: { caBundle: '' } }))
  const metadata = { name: 'latchkey' }
  const validate = { metadata, webhooks: bundle(['validate', 'validate-unlabelled']) }
  await client.apply(validatingWebhooks, validate, manager)
  await client.apply(mutatingWebhooks, { metadata, webhooks: bundle(['inject', 'inject-unlabelled']) }, manager)
  const path = [{ op: 'add', path: '/webhooks/0/clientConfig/service/path', value: '/validate/a' }]
  for (const resource of [validatingWebhooks, mutatingWebhooks])
    await client.patch(resource, undefined, 'latchkey', path, { type: 'json', fieldManager: 'latchkey-admission-path' })
  await client.apply(configMaps, { metadata: { name: 'latchkey-ca', namespace: 'shop' } }, manager)
  expect(await client.delete(configMaps, 'shop', 'latchkey-ca')).toBe(true)
  const policy = { metadata: { name: 'latchkey-orders', namespace: 'shop' }, spec: { podSelector: {} } }
  await client.apply(networkPolicies, policy, { fieldManager: 'latchkey-operator' })
  expect(await client.delete(networkPolicies, 'shop', 'latchkey-orders')).toBe(true)
  const secret = await client.create(secrets, { metadata: { name: 'checkout', namespace: 'shop' } })
  await client.update(secrets, secret)
  expect(await client.delete(secrets, 'shop', 'checkout')).toBe(true)
})

it('K26 let the operator read Secrets by name, and only where the values say', async () => {
  const client = await clientOf('operator')
  expect(await client.get(secrets, 'shop', 'none')).toBeUndefined()
  expect(await client.get(secrets, 'latchkey-system', 'none')).toBeUndefined()
  await expect(client.get(secrets, 'other', 'none')).rejects.toMatchObject(refused)
  await expect(client.list(secrets, { namespace: 'shop' })).rejects.toMatchObject(refused)
  await expect(client.list(secrets)).rejects.toMatchObject(refused)
  await expect(client.list(configMaps)).rejects.toMatchObject(refused)
})

it('K26 let the webhook look for an audience, and list, watch and read nothing else', async () => {
  const client = await clientOf('webhook')
  const fieldSelector = 'spec.audience=https://api.example.org'
  expect((await client.list(guardedServices, { fieldSelector, limit: 100 })).items).toEqual([])
  expect((await client.get(namespaces, undefined, 'shop'))?.metadata.name).toBe('shop')
  await expect(client.list(namespaces)).rejects.toMatchObject(refused)
  await expect(client.list(secrets, { namespace: 'shop' })).rejects.toMatchObject(refused)
  await expect(client.get(secrets, 'shop', 'checkout')).rejects.toMatchObject(refused)
  await expect(client.get(secrets, 'latchkey-system', 'latchkey-ca')).rejects.toMatchObject(refused)
  const about = { resourceVersion: '1', timeoutSeconds: 1, signal: AbortSignal.timeout(5_000) }
  await expect(client.watch(guardedServices, about)[Symbol.asyncIterator]().next()).rejects.toMatchObject(refused)
  const object = { metadata: { name: 'orders', namespace: 'shop' }, spec: { targetRef: { name: 'orders', port: 80 } } }
  await expect(client.create(guardedServices, object)).rejects.toMatchObject(refused)
})

it('K26 let the operator change and delete no ConfigMap but latchkey-ca', async () => {
  const client = await clientOf('operator')
  const manager = { fieldManager: 'latchkey-operator', force: true }
  const object = { metadata: { name: 'somebody-elses', namespace: 'shop' } }
  await expect(client.apply(configMaps, object, manager)).rejects.toMatchObject(refused)
  await expect(client.delete(configMaps, 'shop', 'somebody-elses')).rejects.toMatchObject(refused)
})

it('K26 let the webhook read what it warns of and where it is asked, ask who may know of it, and nothing more', async () => {
  const client = await clientOf('webhook')
  const user = { username: 'tenant', groups: ['system:authenticated'] }
  for (const resource of [apiClients, roles, guardedServices, serviceAccounts, services]) {
    expect(await client.get(resource, 'shop', 'none')).toBeUndefined()
    expect(await isAllowed(client, user, 'get', { resource, namespace: 'shop', name: 'none' })).toBe(false)
    // By audience, to refuse one that is taken.
    if (resource === guardedServices) expect((await client.list(resource, { namespace: 'shop' })).items).toEqual([])
    else await expect(client.list(resource, { namespace: 'shop' })).rejects.toMatchObject(refused)
  }
  for (const resource of [validatingWebhooks, mutatingWebhooks]) {
    expect((await client.get(resource, undefined, 'latchkey'))?.metadata.name).toBe('latchkey')
    await expect(client.get(resource, undefined, 'another')).rejects.toMatchObject(refused)
    await expect(client.list(resource)).rejects.toMatchObject(refused)
    await expect(client.patch(resource, undefined, 'latchkey', {})).rejects.toMatchObject(refused)
  }
  expect(await client.get(secrets, 'latchkey-system', 'latchkey-webhook-tls')).toBeUndefined()
  await expect(client.get(secrets, 'latchkey-system', 'latchkey-ca')).rejects.toMatchObject(refused)
  await expect(client.get(secrets, 'shop', 'checkout')).rejects.toMatchObject(refused)
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: 'x' } }
  await expect(client.raw('POST', '/apis/authentication.k8s.io/v1/tokenreviews', review)).rejects.toMatchObject(refused)
})
