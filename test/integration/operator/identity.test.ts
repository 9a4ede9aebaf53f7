import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Lost } from '../../../cli/replaced/list-replaced.ts'
import type { AccessGrantStatus } from '../../../core/api/access-grant.ts'
import type { AccessKeyStatus } from '../../../core/api/access-key.ts'
import type { RunningOperator } from '../../../operator/run-operator.ts'
import type { KubeObject, Resource } from '../../../platform/kube/client.ts'
import { events } from '../../../platform/kube/event.ts'
import { accessGrants, accessKeys, apiClients, roles, secrets } from '../../../platform/kube/resources.ts'
import { commandLine } from '../../unit/cli/command-line.ts'
import { kubectl } from '../chart/render-chart.ts'
import { condition, startTestCluster, type TestCluster, until, type WithStatus } from './cluster.ts'

/** A client that was compromised gets another identity: what the operator makes of it. */
let cluster: TestCluster
let operator: RunningOperator
beforeAll(async () => {
  cluster = await startTestCluster()
  operator = await cluster.start()
})
afterAll(async () => {
  await operator?.stop()
  await cluster?.stop()
})

const create = (resource: Resource, namespace: string, name: string, spec: object): Promise<WithStatus> =>
  cluster.client.create<WithStatus>(resource, { metadata: { name, namespace }, spec })
const patch = (resource: Resource, { metadata }: KubeObject, body: object) =>
  cluster.client.patch(resource, metadata.namespace, metadata.name, body)
const ready = (resource: Resource, object: KubeObject, reason: string) =>
  condition(cluster.client, resource, object, { type: 'Ready', reason })
const keyStatus = async (key: KubeObject): Promise<AccessKeyStatus> =>
  ((await cluster.client.get<WithStatus>(accessKeys, key.metadata.namespace, key.metadata.name))?.status ??
    {}) as AccessKeyStatus
const files = async (namespace: string, name: string) => {
  const secret = await cluster.client.get<KubeObject & { data?: Record<string, string> }>(secrets, namespace, name)
  const text = (file: string) => Buffer.from(secret?.data?.[file] ?? '', 'base64').toString()
  return { uid: secret?.metadata.uid, clientId: text('client-id'), keyId: text('key-id'), jwk: text('private.jwk') }
}

type Event = KubeObject & { reason: string; note: string; regarding: { name: string } }
const told = (object: KubeObject, reason: string) =>
  until(async () => {
    const { items } = await cluster.client.list<Event>(events, { namespace: object.metadata.namespace ?? '' })
    return items.find(one => one.regarding.name === object.metadata.name && one.reason === reason)
  }, `an event ${reason} of ${object.metadata.name}`)

test('another identity of a client gives up id and keys together, and its grants until they are written again', async () => {
  const [consumer, provider] = [await cluster.namespace(), await cluster.namespace()]
  const client = await create(apiClients, consumer, 'web', {})
  await create(apiClients, consumer, 'other', {})
  const keys = [
    await create(accessKeys, consumer, 'web', { clientRef: { name: 'web' } }),
    await create(accessKeys, consumer, 'web-2', { clientRef: { name: 'web' }, algorithm: 'ES256' }),
  ]
  await create(accessKeys, consumer, 'other', { clientRef: { name: 'other' } })
  await create(roles, provider, 'reader', { rules: [{ services: ['api'], methods: ['GET'], paths: ['/**'] }] })
  const give = (name: string, clients: string[]) =>
    create(accessGrants, provider, name, {
      roleRef: { name: 'reader' },
      clients: clients.map(one => ({ namespace: consumer, name: one })),
    })
  const [grant, elsewhere] = [await give('both', ['web', 'other']), await give('other', ['other'])]
  const before = await Promise.all(keys.map(key => ready(accessKeys, key, 'Ready').then(() => keyStatus(key))))
  const made = await files(consumer, 'web')
  const untouched = await files(consumer, 'other')
  const firstId = (await ready(apiClients, client, 'Ready')).status?.clientId
  const pinsOf = async (reason: string) =>
    ((await condition(cluster.client, accessGrants, grant, { type: 'Accepted', reason })).status as AccessGrantStatus)
      .clients
  await until(async () => (await pinsOf('RoleRefused'))?.every(({ state }) => state === 'Granted'), 'both granted')

  await patch(apiClients, client, { spec: { identity: 2 } })
  const raised = await until(async () => {
    const now = await cluster.client.get<WithStatus>(apiClients, consumer, 'web')
    return now?.status?.identity === 2 && now.status.keys === 2 && now.status
  }, 'the second identity, with both keys')
  expect(raised.clientId).not.toBe(firstId)
  expect(raised).toMatchObject({ clientId: expect.stringMatching(/^sc_[a-z2-7]{26}$/), state: 'Active' })
  for (const [at, key] of keys.entries()) {
    const now = await until(async () => {
      const status = await keyStatus(key)
      return status.state === 'Active' && status.clientId === raised.clientId && status
    }, `${key.metadata.name} minted anew`)
    expect(now.keyId).not.toBe(before[at]?.keyId)
    // The ones before verify nothing, not even for a while.
    expect(now.keys?.map(({ kid }) => kid)).toEqual([now.keyId])
    const { note } = await told(key, 'SecretReplaced')
    expect(note).toContain('of another client id')
  }
  const remade = await files(consumer, 'web')
  expect(remade.uid).toBe(made.uid)
  expect([remade.clientId, remade.keyId]).toEqual([raised.clientId, (await keyStatus(keys[0] as KubeObject)).keyId])
  expect(JSON.parse(remade.jwk)).toMatchObject({ client_id: raised.clientId, kid: remade.keyId })
  expect(await files(consumer, 'other')).toEqual(untouched)
  expect((await told(client, 'IdentityReplaced')).note).toContain('Identity 2 takes the place of 1')

  const pins = await pinsOf('ClientReplaced')
  expect(pins?.map(({ name, clientId, state }) => [name, clientId, state])).toEqual([
    ['web', firstId, 'Replaced'],
    ['other', untouched.clientId, 'Granted'],
  ])
  await condition(cluster.client, accessGrants, elsewhere, { type: 'Accepted', reason: 'RoleRefused' })
  const wide = await kubectl(cluster.plane.kubeconfig, ['get', 'apiclients', 'web', '-n', consumer, '-o', 'wide'])
  expect(wide).toMatch(/IDENTITY\s*\n.*\b2\s*$/)

  const lost = async () => {
    const { code, text } = await commandLine(['replaced', '-A', '--kubeconfig', cluster.plane.kubeconfig, '-o', 'json'])
    return { code, grants: JSON.parse(text) as Lost[] }
  }
  expect(await lost()).toEqual({
    code: 1,
    grants: [expect.objectContaining({ grant: 'both', client: `${consumer}/web`, clientId: firstId })],
  })
  // The command that it prints, in two halves.
  expect((await lost()).grants[0]?.renew).toBe(
    `kubectl get accessgrants.latchkey.dev both -n ${provider} -o json | kubectl replace --force -f -`,
  )
  const read = ['get', 'accessgrants.latchkey.dev', 'both', '-n', provider, '-o', 'json']
  const written = JSON.parse(await kubectl(cluster.plane.kubeconfig, read))
  await kubectl(cluster.plane.kubeconfig, ['replace', '--force', '-f', '-'], [written])
  await until(
    async () =>
      (await pinsOf('RoleRefused'))?.every(({ state }) => state === 'Granted') &&
      (await pinsOf('RoleRefused'))?.[0]?.clientId === raised.clientId,
    'both granted again, to the second identity',
  )
  expect(await lost()).toEqual({ code: 0, grants: [] })
})

test('the first identity, named at last, changes nothing at all', async () => {
  const namespace = await cluster.namespace()
  const client = await create(apiClients, namespace, 'web', {})
  const key = await create(accessKeys, namespace, 'web', { clientRef: { name: 'web' } })
  await ready(accessKeys, key, 'Ready')
  const [status, secret] = [await keyStatus(key), await files(namespace, 'web')]
  const before = (await ready(apiClients, client, 'Ready')).status?.clientId
  await patch(apiClients, client, { spec: { identity: 1 } })
  const named = await until(async () => {
    const now = await cluster.client.get<WithStatus>(apiClients, namespace, 'web')
    return now?.status?.identity === 1 && now.status
  }, 'the status says so')
  expect(named.clientId).toBe(before)
  expect(await keyStatus(key)).toEqual(status)
  expect(await files(namespace, 'web')).toEqual(secret)
  const { items } = await cluster.client.list<Event>(events, { namespace })
  expect(items.map(({ reason }) => reason)).not.toContain('IdentityReplaced')
})
