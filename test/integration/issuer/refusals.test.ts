import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Issuer } from '../../../issuer/issuer.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { connectGuard, type Guard } from './guard.ts'
import { addPendingPod, addPod, addService, reportGuard, tokenOf } from './objects.ts'
import { get } from './web.ts'
import { releaseNamespace, startWorld, type World } from './world.ts'

let world: World
let issuer: Issuer
const labels = { app: 'orders' }
const guards: Guard[] = []

async function connect(token: string, slice = 'shop/orders'): Promise<Guard> {
  const guard = await connectGuard({ port: issuer.ports.snapshots, ca: world.ca, token, slice })
  guards.push(guard)
  return guard
}
const codeOf = async (guard: Guard) => {
  await guard.until(frame => 'end' in frame)
  return guard.frames.flatMap(frame => ('end' in frame ? [frame.end.code] : []))
}

beforeAll(async () => {
  world = await startWorld()
  await world.namespace('shop')
  await world.namespace('other')
  await addService(world, 'shop', 'orders')
  await addService(world, 'shop', 'billing')
  issuer = await world.startReplica()
})
afterAll(async () => {
  for (const guard of guards) guard.close()
  await world?.close()
})

describe('a snapshot is refused', () => {
  it('to a token of another audience (K25)', async () => {
    const pod = await addPod(world, { namespace: 'shop', name: 'other-audience', labels })
    for (const audience of [
      'https://kubernetes.default.svc',
      'https://orders.shop.svc',
      'https://issuer.test/default',
    ]) {
      expect((await connect(await tokenOf(world, pod, audience))).status).toBe(401)
    }
  })

  it('to no token, two tokens and a token that was altered', async () => {
    const pod = await addPod(world, { namespace: 'shop', name: 'altered', labels })
    const token = await tokenOf(world, pod)
    const [head = '', , signature = ''] = token.split('.')
    const claims = Buffer.from(JSON.stringify({ sub: 'system:serviceaccount:shop:app' })).toString('base64url')
    expect((await connect(`${head}.${claims}.${signature}`)).status).toBe(401)
    expect((await connect(`${token}, Bearer ${token}`)).status).toBe(401)
    expect((await connect('')).status).toBe(401)
  })

  it('to a pod whose labels match another Service, and to one of another namespace (K29)', async () => {
    const billing = await addPod(world, { namespace: 'shop', name: 'billing-1', labels: { app: 'billing' } })
    const foreign = await addPod(world, { namespace: 'other', name: 'orders-1', labels })
    for (const pod of [billing, foreign]) {
      const guard = await connect(await tokenOf(world, pod))
      expect(guard.status).toBe(403)
      expect(await codeOf(guard)).toEqual(['forbidden'])
      expect(guard.rows()).toEqual([])
    }
  })

  it('to a pod that is gone, though its token has not ended (K25)', async () => {
    const pod = await addPod(world, { namespace: 'shop', name: 'gone', labels })
    const token = await tokenOf(world, pod)
    await world.admin.delete(resources.pods, 'shop', 'gone')
    expect((await connect(token)).status).toBe(401)
    await addPod(world, { namespace: 'shop', name: 'gone', labels })
    expect((await connect(token)).status).toBe(401)
  })

  it('to a pod whose guard does not run by what the kubelet reports, though it has a token (S04)', async () => {
    const states = { silent: undefined, waits: { waiting: { reason: 'Pull' } }, ended: { terminated: { exitCode: 0 } } }
    const refused = Object.entries(states).map(async ([name, state]) => {
      const pod = await addPendingPod(world, { namespace: 'shop', name, labels })
      if (state) await reportGuard(world, { namespace: 'shop', name }, state)
      return await connect(await tokenOf(world, pod))
    })
    for (const guard of await Promise.all(refused)) {
      expect(guard.status).toBe(403)
      expect(guard.rows()).toEqual([])
    }
  })

  it('only until the kubelet reports that the guard runs; the pod is still pending', async () => {
    const pod = await addPendingPod(world, { namespace: 'shop', name: 'starting', labels })
    const connecting = connect(await tokenOf(world, pod))
    await reportGuard(world, { namespace: 'shop', name: 'starting' }, { running: {} })
    const guard = await connecting
    expect(guard.status).toBe(200)
    await guard.until(frame => 'full' in frame)
  })

  it('to a pod that asks with something that is no hello', async () => {
    const pod = await addPod(world, { namespace: 'shop', name: 'malformed', labels })
    expect((await connect(await tokenOf(world, pod), '../orders')).status).toBe(400)
  })
})

describe('a stream ends', () => {
  it('with its pod', async () => {
    const pod = await addPod(world, { namespace: 'shop', name: 'short', labels })
    const guard = await connect(await tokenOf(world, pod))
    await guard.until(frame => 'full' in frame)
    await world.admin.delete(resources.pods, 'shop', 'short')
    expect(await codeOf(guard)).toEqual(['forbidden'])
    await guard.ended
  })

  it('when the labels of its pod stop matching (K29)', async () => {
    const pod = await addPod(world, { namespace: 'shop', name: 'relabelled', labels })
    const guard = await connect(await tokenOf(world, pod))
    await guard.until(frame => 'full' in frame)
    await world.admin.patch(resources.pods, 'shop', 'relabelled', { metadata: { labels: { app: 'billing' } } })
    expect(await codeOf(guard)).toEqual(['forbidden'])
  })

  it('when the Service stops selecting its pod (K29)', async () => {
    await addService(world, 'shop', 'moving')
    const pod = await addPod(world, { namespace: 'shop', name: 'left-behind', labels: { app: 'moving' } })
    const guard = await connect(await tokenOf(world, pod), 'shop/moving')
    await guard.until(frame => 'full' in frame)
    await world.admin.patch(resources.services, 'shop', 'moving', { spec: { selector: { app: 'moved' } } })
    expect(await codeOf(guard)).toEqual(['forbidden'])
  })

  it('when the same pod opens another one', async () => {
    const pod = await addPod(world, { namespace: 'shop', name: 'twice', labels })
    const token = await tokenOf(world, pod)
    const first = await connect(token)
    await first.until(frame => 'full' in frame)
    const again = await connect(token)
    await again.until(frame => 'full' in frame)
    expect(await codeOf(first)).toEqual(['replaced'])
  })

  it('when the replica stops, so that the guard goes to another one', async () => {
    const stopping = await world.startReplica()
    const pod = await addPod(world, { namespace: 'shop', name: 'moves', labels })
    const token = await tokenOf(world, pod)
    const guard = await connectGuard({ port: stopping.ports.snapshots, ca: world.ca, token, slice: 'shop/orders' })
    guards.push(guard)
    await guard.until(frame => 'full' in frame)
    const closing = stopping.close(2_000)
    expect(stopping.notReady()).toBe('draining')
    expect(await codeOf(guard)).toEqual(['draining'])
    await closing
  })
})

describe('a central guard', () => {
  it('gets a slice with the verb enforce on the GuardedService and only then', async () => {
    const central = await addPod(world, { namespace: 'other', name: 'gateway', labels: {}, serviceAccount: 'gateway' })
    const token = await tokenOf(world, central)
    expect((await connect(token)).status).toBe(403)
    const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1', namespaced: true }
    await world.create({ ...rbac, plural: 'roles', kind: 'Role' }, {
      metadata: { namespace: 'shop', name: 'enforce-orders' },
      rules: [
        { apiGroups: ['latchkey.dev'], resources: ['guardedservices'], resourceNames: ['orders'], verbs: ['enforce'] },
      ],
    } as KubeObject)
    await world.create({ ...rbac, plural: 'rolebindings', kind: 'RoleBinding' }, {
      metadata: { namespace: 'shop', name: 'enforce-orders' },
      roleRef: { apiGroup: rbac.group, kind: 'Role', name: 'enforce-orders' },
      subjects: [{ kind: 'ServiceAccount', namespace: 'other', name: 'gateway' }],
    } as KubeObject)
    await expect.poll(async () => (await connect(token)).status, { timeout: 5_000, interval: 200 }).toBe(200)
    expect((await connect(token, 'shop/billing')).status).toBe(403)
  })
})

describe('the report of what guards hold', () => {
  it('is for the operator alone, and says who is current', async () => {
    const pod = await addPod(world, { namespace: 'shop', name: 'reporting', labels })
    const token = await tokenOf(world, pod)
    const guard = await connect(token)
    await guard.until(frame => 'full' in frame)
    const ask = (bearer: string) =>
      get({
        port: issuer.ports.snapshots,
        ca: world.ca,
        path: '/v1/enforcement',
        headers: { authorization: `Bearer ${bearer}` },
      })
    expect((await ask(token)).status).toBe(403)
    const operator = await addPod(world, {
      namespace: releaseNamespace,
      name: 'operator-1',
      labels: {},
      serviceAccount: 'latchkey-operator',
    })
    const bearer = await tokenOf(world, operator)
    const report = async () => JSON.parse((await ask(bearer)).body.toString())
    await expect
      .poll(async () => (await report()).slices['shop/orders'].guards)
      .toContainEqual({
        namespace: 'shop',
        pod: 'reporting',
        uid: pod.metadata.uid,
        hash: guard.builder.hash(),
        current: true,
        exposed: [],
        wouldDeny: 0,
        version: 'test',
      })
    const { seen, slices } = await report()
    expect(slices['shop/orders'].hash).toBe(guard.builder.hash())
    expect(Object.keys(seen).sort()).toContain('accesskeys')
    expect((await ask('nonsense')).status).toBe(401)
  })
})
