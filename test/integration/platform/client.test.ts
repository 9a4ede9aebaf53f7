import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKubeClient, type KubeClient, type KubeObject, type Resource } from '../../../platform/kube/client.ts'
import { inCluster, loadKubeConnection } from '../../../platform/kube/connection.ts'
import { createController } from '../../../platform/kube/controller.ts'
import { createEventRecorder, events } from '../../../platform/kube/event.ts'
import { createReflector } from '../../../platform/kube/reflector.ts'
import { createLog } from '../../../platform/log.ts'
import { createMetrics } from '../../../platform/metrics.ts'
import type { ControlPlane } from '../../cluster/control-plane.ts'
import { workerControlPlane } from '../worker-control-plane.ts'

const core = { group: '', version: 'v1' }
const configMaps: Resource = { ...core, plural: 'configmaps', kind: 'ConfigMap', namespaced: true }
const services: Resource = { ...core, plural: 'services', kind: 'Service', namespaced: true }
const namespaces: Resource = { ...core, plural: 'namespaces', kind: 'Namespace', namespaced: false }
type ConfigMap = KubeObject & { data?: Record<string, string> }

const namespace = 'default'
const log = createLog({ process: 'test', level: 'fatal' })
const metrics = createMetrics({ process: 'test' })
let cluster: ControlPlane
let client: KubeClient

beforeAll(async () => {
  cluster = await workerControlPlane()
  client = createKubeClient(loadKubeConnection({ kubeconfig: cluster.kubeconfig }), { metrics })
})

afterAll(async () => {
  await client?.close()
  await cluster?.stop()
})

const configMap = (name: string, data: Record<string, string>): ConfigMap => ({ metadata: { name, namespace }, data })

describe('client on a real API server', () => {
  test('creates, reads, updates under the version read, and deletes under preconditions', async () => {
    const created = await client.create(configMaps, configMap('crud', { a: '1' }))
    expect(created).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { a: '1' } })
    expect(await client.get(configMaps, namespace, 'crud')).toEqual(created)
    const updated = await client.update(configMaps, { ...created, data: { a: '2' } })
    await expect(client.update(configMaps, { ...created, data: { a: '3' } })).rejects.toMatchObject({
      name: 'KubeError',
      status: 409,
      reason: 'Conflict',
      message: 'configmaps PUT: 409 Conflict',
    })
    const uid = updated.metadata.uid as string
    const wrong = { preconditions: { uid: '00000000-0000-0000-0000-000000000000' } }
    await expect(client.delete(configMaps, namespace, 'crud', wrong)).rejects.toMatchObject({ status: 409 })
    expect(await client.delete(configMaps, namespace, 'crud', { preconditions: { uid } })).toBe(true)
    expect(await client.delete(configMaps, namespace, 'crud')).toBe(false)
    expect(await client.get(configMaps, namespace, 'crud')).toBeUndefined()
  })

  test('applies with a field manager: the same again writes nothing, another manager needs force', async () => {
    const first = await client.apply(configMaps, configMap('applied', { a: '1' }), { fieldManager: 'one' })
    const again = await client.apply(configMaps, configMap('applied', { a: '1' }), { fieldManager: 'one' })
    expect(again.metadata.resourceVersion).toBe(first.metadata.resourceVersion)
    const other = configMap('applied', { a: '2' })
    await expect(client.apply(configMaps, other, { fieldManager: 'two' })).rejects.toMatchObject({ status: 409 })
    const forced = await client.apply(configMaps, other, { fieldManager: 'two', force: true })
    expect(forced.data).toEqual({ a: '2' })
  })

  test('patches by merge and by JSON operations', async () => {
    await client.create(configMaps, configMap('patched', { a: '1', b: '2' }))
    await client.patch(configMaps, namespace, 'patched', { data: { a: null, c: '3' } })
    const operations = [{ op: 'replace', path: '/data/b', value: '4' }]
    const patched = await client.patch<ConfigMap>(configMaps, namespace, 'patched', operations, { type: 'json' })
    expect(patched.data).toEqual({ b: '4', c: '3' })
  })

  test('writes status by its subresource', async () => {
    const name = 'with-status'
    const service = { metadata: { name, namespace }, spec: { ports: [{ port: 80 }] } } as KubeObject
    await client.create(services, service)
    const condition = {
      type: 'Ready',
      status: 'True',
      reason: 'Fine',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    }
    const object = { metadata: { name, namespace }, status: { conditions: [condition] } } as KubeObject
    const options = { fieldManager: 'one', subresource: 'status' } as const
    const applied = await client.apply<KubeObject & { status?: object }>(services, object, options)
    expect(applied.status).toMatchObject({ conditions: [{ type: 'Ready', reason: 'Fine' }] })
  })

  test('a dry run validates and leaves nothing', async () => {
    await client.create(configMaps, configMap('dry', {}), { dryRun: true })
    expect(await client.get(configMaps, namespace, 'dry')).toBeUndefined()
  })

  test('lists in pages, by selector, over all namespaces', async () => {
    for (let i = 0; i < 5; i++) {
      const object = configMap(`page-${i}`, {})
      await client.create(configMaps, { ...object, metadata: { ...object.metadata, labels: { page: 'yes' } } })
    }
    const first = await client.list(configMaps, { limit: 3, labelSelector: 'page=yes' })
    expect(first.items.map(item => [item.kind, item.metadata.name])).toHaveLength(3)
    const rest = await client.list(configMaps, { limit: 3, labelSelector: 'page=yes', continue: first.continue ?? '' })
    expect(rest.items.map(item => item.metadata.name)).toEqual(['page-3', 'page-4'])
    expect(rest.continue).toBeUndefined()
    expect(rest.resourceVersion).toBe(first.resourceVersion)
  })

  test('a refusal tells which fields were wrong and never their values', async () => {
    const wrong = { metadata: { name: 'wrong', namespace }, spec: { ports: [{ port: 99_999_777 }] } } as KubeObject
    const error = await client.create(services, wrong).catch((reason: Error) => reason)
    expect(error).toMatchObject({ status: 422, reason: 'Invalid' })
    expect((error as Error).message).toContain('spec.ports[0].port')
    expect((error as Error).message).not.toContain('99999777')
  })

  test('reads any path, JSON or text', async () => {
    expect(await client.raw('GET', '/readyz')).toBe('ok')
    expect(await client.raw<{ keys: unknown[] }>('GET', '/openid/v1/jwks')).toHaveProperty('keys')
  })

  test('counts requests by code and method', async () => {
    const { body } = await metrics.exposition()
    expect(body).toMatch(/rest_client_requests_total\{code="201",method="POST"\} \d+/)
    expect(body).toMatch(/rest_client_requests_total\{code="404",method="GET"\} \d+/)
  })

  test('events are taken by the API server, and the same again counts up one object', async () => {
    const recorder = createEventRecorder(client, {
      reportingController: 'latchkey.dev/test',
      reportingInstance: 'pod-1',
      log,
    })
    const regarding = await client.create(configMaps, configMap('regarded', {}))
    const subject = { ...regarding, apiVersion: 'v1', kind: 'ConfigMap' }
    const text = { type: 'Warning', reason: 'Tested', action: 'Test', note: 'It was tested.' } as const
    for (let i = 0; i < 2; i++) recorder.record(subject, text)
    const found = () => client.list<KubeObject & { series?: { count: number } }>(events, { namespace })
    await expect.poll(async () => (await found()).items.filter(item => item.series?.count === 2)).toHaveLength(1)
    expect((await found()).items[0]).toMatchObject({ ...text, regarding: { uid: regarding.metadata.uid } })
  })

  test('a controller reconciles what is there, what comes and what goes', async () => {
    const reflector = createReflector<ConfigMap>(client, configMaps, { labelSelector: 'controlled=yes', log })
    const passes: string[] = []
    const controller = createController({
      name: 'test',
      log,
      sources: [{ reflector, keys: change => [change.key] }],
      reconcile: async key => void passes.push(`${key} ${reflector.store.has(key)}`),
    })
    const labelled = (name: string) => ({ metadata: { name, namespace, labels: { controlled: 'yes' } } })
    await client.create(configMaps, labelled('early'))
    await controller.start()
    await expect.poll(() => passes).toEqual(['default/early true'])
    await client.create(configMaps, labelled('late'))
    await client.delete(configMaps, namespace, 'early')
    await expect.poll(() => passes).toEqual(['default/early true', 'default/late true', 'default/early false'])
    await controller.stop()
    await reflector.stop()
  })

  test('a pod reaches the API server with its service account token and namespace', async () => {
    const account = { ...core, plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true }
    await client.create(account, { metadata: { name: 'robot', namespace } })
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/robot/token`
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
    const { status } = await client.raw<{ status: { token: string } }>('POST', path, request)
    const directory = cluster.directory
    await writeFile(join(directory, 'token'), `${status.token}\n`)
    await writeFile(join(directory, 'namespace'), namespace)
    const { readFile } = await import('node:fs/promises')
    await writeFile(join(directory, 'ca.crt'), await readFile(cluster.caFile))
    const connection = inCluster(cluster.url, directory)
    const robot = createKubeClient(connection)
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
    const self = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
    expect(await robot.raw('POST', self, review)).toMatchObject({
      status: { userInfo: { username: 'system:serviceaccount:default:robot' } },
    })
    await expect(robot.get(namespaces, undefined, 'default')).rejects.toMatchObject({
      status: 403,
      reason: 'Forbidden',
    })
    expect((await connection.access()).namespace).toBe(namespace)
    await robot.close()
  })
})
