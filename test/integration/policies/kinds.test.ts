import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { unseenStatus } from '../../../core/api/schema.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { apiRequests } from '../api-request.ts'
import { isPolicy, kubectl, renderChart } from '../chart/render-chart.ts'
import { apiVersion, type Cluster, eventually, startCluster } from './setup.ts'

let cluster: Cluster
let operator: ReturnType<typeof apiRequests>

const clientIds = { 'acme.orders': 'partners/acme', 'acme.stock': 'partners/stock' }
const client = (name: string, clientId?: string) => ({
  apiVersion,
  kind: 'ApiClient',
  metadata: { name },
  spec: clientId === undefined ? {} : { clientId },
})
const service = (name: string, audience?: string) => ({
  apiVersion,
  kind: 'GuardedService',
  metadata: { name },
  spec: { targetRef: { name: 'web', port: 80 }, ...(audience && { audience }) },
})
const path = (namespace: string, plural: string) => `/apis/latchkey.dev/v1alpha1/namespaces/${namespace}/${plural}`
const createClient = (namespace: string, name: string, clientId?: string) =>
  cluster.send('POST', `${path(namespace, 'apiclients')}?dryRun=All`, client(name, clientId))
const createService = (name: string, audience?: string) =>
  cluster.send('POST', `${path('shop', 'guardedservices')}?dryRun=All`, service(name, audience))

beforeAll(async () => {
  cluster = await startCluster('policies-kinds', {
    shop: {},
    partners: { 'latchkey.dev/installation': 'default' },
    theirs: { 'latchkey.dev/installation': 'other' },
  })
  const user = await cluster.plane.kubeconfigFor('system:serviceaccount:latchkey-system:latchkey-operator', [
    'system:masters',
  ])
  operator = apiRequests(user)
  const policies = (await renderChart({ values: { clientIds } })).filter(isPolicy)
  await kubectl(cluster.plane.kubeconfig, ['apply', '--filename=-'], policies)
  for (const namespace of ['shop', 'partners']) {
    await eventually(
      async () => (await createClient(namespace, 'x', 'no.thing')).status === 403,
      'client ids are looked at',
    )
  }
  // Each policy comes into force by itself.
  const { body } = await cluster.send('POST', path('shop', 'apiclients'), client('first'))
  const forged = { ...body, status: { observedGeneration: 7 } }
  const writeStatus = () => cluster.send('PUT', `${path('shop', 'apiclients')}/first/status?dryRun=All`, forged)
  await eventually(async () => (await writeStatus()).status === 403, 'status is kept')
  await eventually(
    async () => (await createService('x', 'https://kubernetes.default.svc')).status === 403,
    'audiences are looked at',
  )
})
afterAll(async () => {
  operator?.close()
  await cluster?.stop()
})

describe('status', () => {
  const samples: Record<string, object> = {
    apiclients: client('status'),
    accesskeys: { apiVersion, kind: 'AccessKey', metadata: { name: 'status' }, spec: { clientRef: { name: 'a' } } },
    roles: {
      apiVersion,
      kind: 'Role',
      metadata: { name: 'status' },
      spec: { rules: [{ services: ['a'], methods: ['GET'], paths: ['/'] }] },
    },
    accessgrants: {
      apiVersion,
      kind: 'AccessGrant',
      metadata: { name: 'status' },
      spec: { roleRef: { name: 'a' }, clients: [{ namespace: 'a', name: 'b' }] },
    },
    guardedservices: service('status'),
  }

  it.each(Object.keys(samples))('K23 of %s is written by the operator and by nobody else', async plural => {
    const created = await cluster.send('POST', path('shop', plural), samples[plural])
    expect([created.status, created.body.message]).toEqual([201, undefined])
    const forged = { ...created.body, status: { observedGeneration: 7 } }
    const refused = await cluster.send('PUT', `${path('shop', plural)}/status/status`, forged)
    expect([refused.status, refused.body.message]).toEqual([
      403,
      expect.stringContaining(
        'status is written by the Latchkey operator only; change spec, and the operator will follow',
      ),
    ])
    expect((await operator.send('PUT', `${path('shop', plural)}/status/status`, forged)).status).toBe(200)
    expect((await cluster.send('DELETE', `${path('shop', plural)}/status`)).status).toBe(200)
  })

  it('K23 cannot be smuggled in with the object itself', async () => {
    const forged = { ...client('smuggled'), status: { clientId: 'sc_forged' } }
    const { status, body } = await cluster.send('POST', path('shop', 'apiclients'), forged)
    expect(status).toBe(201)
    expect(body).toHaveProperty('status', unseenStatus)
  })

  it("in another installation's namespaces is that one's business", async () => {
    const { body } = await cluster.send('POST', path('theirs', 'apiclients'), client('a'))
    const written = { ...body, status: { observedGeneration: 1 } }
    expect((await cluster.send('PUT', `${path('theirs', 'apiclients')}/a/status`, written)).status).toBe(200)
  })
})

describe('a chosen client id', () => {
  it.each([
    ['shop', 'a', 'shop.a'],
    ['shop', 'a', undefined],
    ['partners', 'acme', 'acme.orders'],
    ['theirs', 'b', 'shop.b'],
  ])('passes: %s/%s with %s', async (namespace, name, clientId) => {
    expect((await createClient(namespace, name, clientId)).status).toBe(201)
  })

  it.each([
    ['shop', 'a', 'partners.a'],
    ['shop', 'a', 'shopping.a'],
    ['partners', 'other', 'acme.orders'],
    ['shop', 'acme', 'acme.orders'],
    ['partners', 'acme', 'acme.stock'],
  ])('of another namespace or client is refused: %s/%s with %s', async (namespace, name, clientId) => {
    const { status, body } = await createClient(namespace, name, clientId)
    expect(status).toBe(403)
    expect(body.message).toContain(
      `spec.clientId must start with ${namespace}. ; for another one ask the platform team to list it in the chart value clientIds`,
    )
  })
})

describe('an audience', () => {
  it.each([
    undefined,
    'https://orders.shop.svc',
    'https://orders.shop.svc.cluster.local',
    'https://orders.shop.svc:8443/v1',
    'https://orders.shop.svc/v1',
    'https://api.example.com',
    'https://svc.example.com',
    'https://example.com/a.b.svc',
  ])('passes: %s', async audience => {
    const { status, body } = await createService('orders', audience)
    expect([status, body.message]).toEqual([201, undefined])
  })

  it.each([
    'https://stock.shop.svc',
    'https://orders.other.svc',
    'https://orders.other.svc.cluster.local',
    'https://orders.other.svc:443',
    'https://orders.other.svc/x',
    'https://x.orders.shop.svc',
  ])('K27 reserved for another service is refused: %s', async audience => {
    const { status, body } = await createService('orders', audience)
    expect(status).toBe(403)
    expect(body.message).toContain(
      `spec.audience ${audience} is reserved for the GuardedService of that name and namespace; leave spec.audience out to get https://orders.shop.svc`,
    )
  })

  it.each(['https://kubernetes.default.svc', 'https://kubernetes.default.svc.cluster.local'])(
    'K27 the audience of the API server is refused as such: %s',
    async audience => {
      const { status, body } = await createService('orders', audience)
      expect(status).toBe(403)
      expect(body.message).toContain(`spec.audience ${audience} belongs to the API server`)
    },
  )

  it('K27 cannot be changed to a reserved one either', async () => {
    const { body } = await cluster.send('POST', path('shop', 'guardedservices'), service('changing'))
    const changed = {
      ...body,
      ...service('changing', 'https://a.b.svc'),
      metadata: (body as never as KubeObject).metadata,
    }
    expect((await cluster.send('PUT', `${path('shop', 'guardedservices')}/changing`, changed)).status).toBe(403)
  })
})

describe('an annotation under latchkey.dev/', () => {
  const annotated = (name: string, annotations?: Record<string, string>) =>
    cluster.send('POST', `${path('shop', 'apiclients')}?dryRun=All`, {
      ...client(name),
      metadata: { name, annotations },
    })

  it('that says nothing to Latchkey is taken, with a warning that names what there is', async () => {
    const misspelt = { 'latchkey.dev/puased': 'true' }
    await eventually(async () => (await annotated('probe', misspelt)).warnings !== '', 'annotations are looked at')
    const { status, warnings } = await annotated('x', { ...misspelt, 'latchkey.dev/rotate': 'now', 'a.b/c': 'd' })
    expect(status).toBe(201)
    expect(warnings).toContain('latchkey.dev/puased')
    expect(warnings).toContain('latchkey.dev/rotate')
    expect(warnings).toContain('is it misspelt? Its objects can have latchkey.dev/paused')
  })

  it('that does, or is none of ours, is silent', async () => {
    const annotations = { 'latchkey.dev/paused': 'true', 'argocd.argoproj.io/sync-wave': '1' }
    expect(await annotated('x', annotations)).toMatchObject({ status: 201, warnings: '' })
    expect(await annotated('x')).toMatchObject({ status: 201, warnings: '' })
  })
})

describe('deleting a GuardedService', () => {
  const remove = async (name: string, status?: object, spec: object = {}) => {
    const created = await cluster.send('POST', path('shop', 'guardedservices'), {
      ...service(name),
      spec: { ...service(name).spec, ...spec },
    })
    expect([created.status, created.body.message]).toEqual([201, undefined])
    if (status) {
      const written = await operator.send('PUT', `${path('shop', 'guardedservices')}/${name}/status`, {
        ...created.body,
        status,
      })
      expect([written.status, written.body.message]).toEqual([200, undefined])
    }
    return await cluster.send('DELETE', `${path('shop', 'guardedservices')}/${name}`)
  }

  it('S11 while pods have its guard goes through, with a warning of what the guards do then', async () => {
    const told = async (name: string, spec?: object) => await remove(name, { guards: '1/2' }, spec)
    await eventually(async () => (await told('probe')).warnings !== '', 'deletions are looked at')
    const { status, warnings } = await told('busy', { maxStaleness: '90m' })
    expect(status).toBe(200)
    expect(warnings).toContain('guards of shop/busy (1/2) go on deciding by their last policy for up to 90m')
    expect(warnings).toContain('they feel no revocation meanwhile')
    expect(warnings).toContain('send the Service back to the app, take the pod label off, then delete')
  })

  it.each<[string, object | undefined]>([
    ['before the operator saw it', undefined],
    ['without pods', { guards: '0/0' }],
    ['whose pods have no guard', { guards: '0/2' }],
  ])('%s is silent', async (_, status) => {
    expect(await remove('free', status)).toMatchObject({ status: 200, warnings: '' })
  })
})
