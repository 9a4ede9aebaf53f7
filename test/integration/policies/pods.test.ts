import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Pod } from '../../../webhook/injection/pod.ts'
import { isPolicy, kubectl, renderChart } from '../chart/render-chart.ts'
import { type Cluster, eventually, guardedPod, plainPod, startCluster, withGuard, withLabels } from './setup.ts'

let cluster: Cluster
let old: Pod
let neverGuarded: Pod

const pods = (namespace: string, dryRun = true) => `/api/v1/namespaces/${namespace}/pods${dryRun ? '?dryRun=All' : ''}`
const create = (namespace: string, pod: Pod) => cluster.send('POST', pods(namespace), pod)
const update = (namespace: string, pod: Pod, subresource = '') =>
  cluster.send('PUT', `/api/v1/namespaces/${namespace}/pods/${pod.metadata?.name}${subresource}`, pod)
const stored = async (namespace: string, pod: Pod): Promise<Pod> => {
  const { status, body } = await cluster.send('POST', pods(namespace, false), pod)
  if (status !== 201) throw new Error(body.message)
  return body as Pod
}

beforeAll(async () => {
  cluster = await startCluster('policies-pods', {
    shop: {},
    guarded: {},
    ours: { 'latchkey.dev/installation': 'default' },
    theirs: { 'latchkey.dev/installation': 'other' },
  })
  old = await stored('shop', guardedPod('shop', { image: 'latchkey:0.0.9' }))
  neverGuarded = await stored('shop', plainPod('orders'))
  const authorities = ['guarded', 'theirs'].map(namespace => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'latchkey-ca', namespace },
    data: { 'ca.crt': '' },
  }))
  const policies = (await renderChart()).filter(isPolicy)
  await kubectl(cluster.plane.kubeconfig, ['apply', '--filename=-'], [...authorities, ...policies])
  const portNamedGuard = plainPod(undefined, [{ name: 'guard', containerPort: 15080 }])
  await eventually(async () => (await create('guarded', portNamedGuard)).status === 403, 'the port policy refuses')
  await eventually(async () => (await create('shop', plainPod('orders'))).status === 403, 'the pod policy refuses')
  await eventually(async () => (await create('ours', plainPod('orders'))).status === 403, 'in labelled namespaces too')
})
afterAll(() => cluster?.stop())

const missing = 'a pod with the label latchkey.dev/guard must have the injected init container latchkey-guard'

describe('a pod with the label', () => {
  it('K14 K28 without its guard does not start: the webhook was down, deleted, or excluded the namespace', async () => {
    const { status, body } = await create('shop', plainPod('orders'))
    expect(status).toBe(403)
    expect(body.message).toContain(missing)
    expect(body.message).toContain('kubectl get mutatingwebhookconfiguration latchkey')
  })

  it('with its guard starts', async () => {
    expect((await create('shop', guardedPod('shop'))).status).toBe(201)
    expect((await create('ours', guardedPod('ours'))).status).toBe(201)
  })

  it.each<[string, object, string]>([
    [
      'no sidecar but a container that ends',
      {
        restartPolicy: undefined,
        startupProbe: undefined,
        livenessProbe: undefined,
        readinessProbe: undefined,
        lifecycle: undefined,
      },
      missing,
    ],
    ['another name of its port', { ports: [{ name: 'web', containerPort: 15080 }] }, missing],
    ['another port of that name', { ports: [{ name: 'guard', containerPort: 8080 }] }, missing],
    ['another command', { command: ['sleep', '1d'] }, missing],
    ['other arguments', { args: ['version'] }, missing],
    ['another name', { name: 'sidecar' }, missing],
    ['another image', { image: 'mine:1' }, 'must run the image latchkey:0.1.0'],
    [
      'another service',
      { env: [{ name: 'LATCHKEY_SERVICE', value: 'shop/public' }] },
      'the guard of this pod must protect shop/orders, which its label names',
    ],
  ])('K24 K28 does not start with an init container that has %s', async (_, change, message) => {
    const { status, body } = await create('shop', withGuard(guardedPod('shop'), change))
    expect(status).toBe(403)
    expect(body.message).toContain(message)
  })
})

describe('a running pod', () => {
  it('K28 cannot get the label later', async () => {
    const pod = await stored('shop', plainPod())
    const { status, body } = await update('shop', withLabels(pod, { 'latchkey.dev/guard': 'orders' }))
    expect(status).toBe(403)
    expect(body.message).toContain('On a running pod: the label cannot be added; put it into the pod template')
  })

  it('K28 cannot get another image for its guard, nor another service', async () => {
    const pod = await stored('shop', guardedPod('shop'))
    const swapped = await update('shop', withGuard(pod, { image: 'mine:1' }))
    expect([swapped.status, swapped.body.message]).toEqual([403, expect.stringContaining('must run the image')])
    const relabelled = await update('shop', withLabels(pod, { 'latchkey.dev/guard': 'public' }))
    expect([relabelled.status, relabelled.body.message]).toEqual([
      403,
      expect.stringContaining('must protect shop/public, which its label names'),
    ])
  })

  it('keeps the guard of an earlier release, and can be annotated, labelled and tolerated', async () => {
    const { status, body } = await update('shop', withLabels(old, { ...old.metadata?.labels, more: 'yes' }))
    expect([status, body.message]).toEqual([200, undefined])
    const tolerations = [{ key: 'a', operator: 'Exists' }]
    const tolerated = await update('shop', { ...(body as Pod), spec: { ...old.spec, tolerations } as never })
    expect([tolerated.status, tolerated.body.message]).toEqual([200, undefined])
  })

  it('from before the policies can lose its finalizers and be deleted', async () => {
    const name = neverGuarded.metadata?.name
    expect((await update('shop', withLabels(neverGuarded, { ...neverGuarded.metadata?.labels, a: 'b' }))).status).toBe(
      200,
    )
    expect((await cluster.send('DELETE', `/api/v1/namespaces/shop/pods/${name}`)).status).toBe(200)
  })

  it('K24 can get an ephemeral container: it has no ports, so the guard stays the only way in', async () => {
    const pod = await stored('shop', guardedPod('shop'))
    const attach = (container: object) => {
      const ephemeralContainers = [{ image: 'busybox', terminationMessagePolicy: 'File', ...container }]
      return update('shop', { ...pod, spec: { ...pod.spec, ephemeralContainers } as never }, '/ephemeralcontainers')
    }
    expect((await attach({ name: 'debug', ports: [{ name: 'guard', containerPort: 15080 }] })).status).toBe(422)
    expect((await attach({ name: 'debug' })).status).toBe(200)
  })
})

describe('in a guarded namespace', () => {
  it('K28 a pod whose label was forgotten starts, and has no port that the Service leads to', async () => {
    const { status, body } = await create('guarded', plainPod())
    expect(status).toBe(201)
    expect(JSON.stringify((body as Pod).spec)).not.toContain('"guard"')
  })

  it('K28 a port named guard without the label is refused', async () => {
    const { status, body } = await create('guarded', plainPod(undefined, [{ name: 'guard', containerPort: 8080 }]))
    expect(status).toBe(403)
    expect(body.message).toContain(
      'the port name guard belongs to the injected guard in this namespace; rename the port of container app',
    )
  })

  it('K28 so is one beside the guard, in a container or in another sidecar', async () => {
    const pod = guardedPod('guarded')
    const ports = [{ name: 'guard', containerPort: 8080 }]
    const usurping = { ...pod, spec: { ...pod.spec, containers: [{ ...pod.spec.containers[0], ports }] } } as Pod
    expect((await create('guarded', usurping)).body.message).toContain('rename the port of container app')
    const sidecar = { name: 'side', image: 'side:1', restartPolicy: 'Always', ports }
    const beside = {
      ...pod,
      spec: { ...pod.spec, initContainers: [...(pod.spec.initContainers ?? []), sidecar] },
    } as Pod
    expect((await create('guarded', beside)).body.message).toContain('rename the port of container side')
  })

  it('K28 so is a guard edited into a pod without the label, and taking the label away', async () => {
    const message = 'a pod with a port named guard must carry the label latchkey.dev/guard'
    const pod = guardedPod('guarded')
    expect((await create('guarded', withLabels(pod, {}))).body.message).toContain(message)
    expect((await update('guarded', withLabels(await stored('guarded', pod), {}))).body.message).toContain(message)
  })

  it('a guarded pod starts', async () => {
    expect((await create('guarded', guardedPod('guarded'))).status).toBe(201)
  })

  it('elsewhere anybody may call a port guard', async () => {
    expect((await create('shop', plainPod(undefined, [{ name: 'guard', containerPort: 1 }]))).status).toBe(201)
  })
})

it('namespaces of another installation are left to it', async () => {
  expect((await create('theirs', plainPod('orders'))).status).toBe(201)
  expect((await create('theirs', plainPod(undefined, [{ name: 'guard', containerPort: 1 }]))).status).toBe(201)
})
