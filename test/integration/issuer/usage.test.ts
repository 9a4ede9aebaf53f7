import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Issuer } from '../../../issuer/issuer.ts'
import { readUsedSince } from '../../../operator/usage/used-since.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { until } from '../operator/cluster.ts'
import { connectGuard, type Guard } from './guard.ts'
import { addClient, addGrant, addPod, addRole, addService, tokenOf } from './objects.ts'
import { get } from './web.ts'
import { releaseNamespace, startWorld, type World } from './world.ts'

const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1', namespaced: true }
const kinds = ['accesskeys', 'accessgrants', 'roles']
let world: World
let issuer: Issuer
let guard: Guard
let checkout: Awaited<ReturnType<typeof addClient>>
let stranger: Awaited<ReturnType<typeof addClient>>
/** Tokens of pods, by what their service accounts may get. */
const tokens = {} as Record<'owner' | 'caller' | 'single' | 'nobody', string>

beforeAll(async () => {
  world = await startWorld()
  for (const name of ['shop', 'partners', 'askers']) await world.namespace(name)
  await addService(world, 'shop', 'orders')
  checkout = await addClient(world, 'partners', 'checkout')
  stranger = await addClient(world, 'partners', 'stranger')
  await addRole(world, 'shop', 'reader', ['orders'])
  await addGrant(world, 'shop', 'give', 'reader', [checkout])
  const pod = await addPod(world, { namespace: 'shop', name: 'orders-1', labels: { app: 'orders' } })
  for (const name of ['owner', 'caller', 'single', 'nobody'] as const) {
    const asker = await addPod(world, { namespace: 'askers', name, labels: {}, serviceAccount: name })
    tokens[name] = await tokenOf(world, asker)
  }
  await allow('owner', 'shop', { resources: kinds })
  await allow('caller', 'partners', { resources: ['accesskeys'] })
  await allow('single', 'partners', { resources: ['accesskeys'], resourceNames: ['checkout-key'] })
  issuer = await world.startReplica()
  const slice = { port: issuer.ports.snapshots, ca: world.ca, token: await tokenOf(world, pod), slice: 'shop/orders' }
  guard = await connectGuard({ ...slice, features: ['usage-counts'] })
  await guard.until(frame => 'full' in frame)
  guard.tell({
    used: {
      // The second key is of a client that this service does not know.
      keys: [
        [checkout.pair.kid, 5, 3],
        [stranger.pair.kid, 5, 3],
      ],
      grants: [['give', 5, 3]],
      rules: [['role/reader#0', 5, 3]],
    },
  })
  const isTold = async () => (await ask('owner', '?namespace=shop')).body.roles?.[0]?.calls === 5
  await until(isTold, 'what the guard told')
})
afterAll(async () => {
  guard?.close()
  await world?.close()
})

async function allow(account: string, namespace: string, rule: object): Promise<void> {
  const metadata = { namespace, name: account }
  const rules = [{ apiGroups: ['latchkey.dev'], verbs: ['get'], ...rule }]
  const role = { apiGroup: rbac.group, kind: 'Role', name: account }
  const subjects = [{ kind: 'ServiceAccount', name: account, namespace: 'askers' }]
  await world.create({ ...rbac, plural: 'roles', kind: 'Role' }, { metadata, rules } as KubeObject)
  const binding = { metadata, roleRef: role, subjects } as KubeObject
  await world.create({ ...rbac, plural: 'rolebindings', kind: 'RoleBinding' }, binding)
}

async function ask(who: keyof typeof tokens, query: string) {
  const headers = { authorization: `Bearer ${tokens[who]}` }
  const { status, body } = await get({
    port: issuer.ports.snapshots,
    ca: world.ca,
    path: `/v1/usage${query}`,
    headers,
  })
  return { status, body: JSON.parse(body.toString('utf8')) }
}

describe('who asks the issuer when objects were used', () => {
  it('is told of the grants and roles of the namespace where it may get them', async () => {
    const { status, body } = await ask('owner', '?namespace=shop')
    expect(status).toBe(200)
    const use = { lastUsedAt: expect.stringMatching(/^20.*Z$/), calls: 5 }
    expect(body.accessGrants).toEqual([{ namespace: 'shop', name: 'give', ...use }])
    expect(body.roles).toEqual([{ namespace: 'shop', name: 'reader', ...use, rules: [{ rule: 0, ...use }] }])
    expect(body.accessKeys).toEqual([])
  })

  it('is told of keys where the client is, and that nobody used a key whose client the service does not know', async () => {
    const { body } = await ask('caller', '?namespace=partners')
    const calls = body.accessKeys.map(({ name, calls }: { name: string; calls: number }) => [name, calls])
    expect(calls.toSorted()).toEqual([
      ['checkout-key', 5],
      ['stranger-key', 0],
    ])
    expect(Object.keys(body).toSorted()).toEqual(['accessKeys', 'since'])
  })

  it('is told of one object alone where it may get that one', async () => {
    const { status, body } = await ask('single', '?namespace=partners&name=checkout-key')
    expect([status, body.accessKeys.length, body.accessKeys[0].keys[0].kid]).toEqual([200, 1, checkout.pair.kid])
    for (const query of ['?namespace=partners&name=stranger-key', '?namespace=partners', ''])
      expect((await ask('single', query)).status).toBe(403)
  })

  it('is told nothing where it may get nothing, in its own namespace, elsewhere and everywhere', async () => {
    const queries = ['?namespace=shop', '?namespace=partners', '?namespace=askers', '', '?namespace=shop&name=give']
    for (const query of queries) {
      const { status, body } = await ask('nobody', query)
      expect([status, body.code]).toEqual([403, 'forbidden'])
      expect(JSON.stringify(body)).not.toMatch(/give|checkout|reader"/)
    }
    expect((await ask('owner', '?namespace=partners')).status).toBe(403)
    expect((await ask('owner', '?after=0')).status).toBe(400)
  })

  it('is told what is new since it asked where it is the operator, in the form that the operator reads', async () => {
    const namespace = releaseNamespace
    const operator = { namespace, name: 'operator-1', labels: {}, serviceAccount: 'latchkey-operator' }
    const headers = { authorization: `Bearer ${await tokenOf(world, await addPod(world, operator))}` }
    const read = async (after: number) => {
      const path = `/v1/usage?after=${after}`
      const answer = await get({ port: issuer.ports.snapshots, ca: world.ca, path, headers })
      return readUsedSince(answer.body.toString('utf8'))
    }
    const { at, used } = await read(0)
    expect([...used.accesskeys.keys(), ...used.accessgrants.keys(), ...used.roles.keys()]).toEqual([
      'partners/checkout-key',
      'shop/give',
      'shop/reader',
    ])
    expect((await read(at + 1)).used.accesskeys.size).toBe(0)
  })

  it('is told nothing without a token, and by no other method', async () => {
    const about = { port: issuer.ports.snapshots, ca: world.ca, path: '/v1/usage?namespace=shop' }
    expect((await get(about)).status).toBe(401)
    expect((await get({ ...about, method: 'POST' })).status).toBe(405)
  })
})
