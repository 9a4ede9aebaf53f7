import { expect, test } from 'vitest'
import type { AccessKey, AccessKeyStatus } from '../../../core/api/access-key.ts'
import { type SecretObject, secretFile } from '../../../core/keys/secret-data.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { accessKeys, apiClients, namespaces, secrets } from '../../../platform/kube/resources.ts'
import { condition, until } from './cluster.ts'
import { clusterWithOperator } from './cluster-with-operator.ts'

const cluster = clusterWithOperator({ controllerManager: true })

type Key = KubeObject & { spec: Partial<AccessKey['spec']>; status?: AccessKeyStatus }
type Secret = SecretObject & KubeObject

const spec = { clientRef: { name: 'web' } }
const secretOf = (namespace: string) => cluster.client.get<Secret>(secrets, namespace, 'web')
const create = (namespace: string, more: object = {}) =>
  cluster.client.create(accessKeys, { metadata: { name: 'web', namespace }, spec: { ...spec, ...more } } as Key)
const ready = (key: KubeObject, reason = 'Ready') =>
  condition(cluster.client, accessKeys, key, { type: 'Ready', reason })
const createClient = (namespace: string) =>
  cluster.client.create(apiClients, { metadata: { name: 'web', namespace }, spec: {} } as KubeObject)

/** An object as a backup brings it back: without owners, status and what the cluster gave it. */
function bare({ metadata, status: _, ...object }: KubeObject & { status?: unknown }): KubeObject {
  const { name, namespace, labels, annotations } = metadata
  return {
    ...object,
    metadata: { name, ...(namespace && { namespace }), ...(labels && { labels }), ...(annotations && { annotations }) },
  }
}

test('a namespace that is restored from a backup, the Secret first: its client has another id, and its key is another one', async () => {
  const namespace = await cluster.namespace()
  const client = await createClient(namespace)
  const first = await ready(await create(namespace))
  const secret = (await secretOf(namespace)) as Secret
  await cluster.client.delete(namespaces, undefined, namespace)
  await until(async () => !(await cluster.client.get(namespaces, undefined, namespace)), 'the namespace gone', 60_000)
  await cluster.client.create(namespaces, { metadata: { name: namespace } })
  await cluster.client.create(secrets, bare(secret))
  await cluster.client.create(apiClients, bare(client))
  const again = (await ready(await cluster.client.create(accessKeys, bare(first)))) as unknown as Key
  const held = (await secretOf(namespace)) as Secret
  expect(secretFile(held, 'client-id')).toBe(again.status?.clientId)
  expect(secretFile(held, 'client-id')).not.toBe(secretFile(secret, 'client-id'))
  expect(again.status?.keys?.map(({ kid, state }) => [kid, state])).toEqual([[secretFile(held, 'key-id'), 'Active']])
  expect(secretFile(held, 'key-id')).not.toBe(secretFile(secret, 'key-id'))
  expect(held.metadata.ownerReferences?.[0]?.uid).toBe(again.metadata.uid)
})

test('pruned with Orphan, and applied again when its client has another identity: the key is another one', async () => {
  const namespace = await cluster.namespace()
  await createClient(namespace)
  const first = (await ready(await create(namespace, { deletionPolicy: 'Orphan' }))) as unknown as Key
  await cluster.client.delete(accessKeys, namespace, 'web')
  await until(async () => !(await cluster.client.get(accessKeys, namespace, 'web')), 'the AccessKey gone')
  await cluster.client.patch(apiClients, namespace, 'web', { spec: { identity: 2 } })
  await until(async () => {
    const client = await cluster.client.get<KubeObject & { status?: { clientId?: string } }>(
      apiClients,
      namespace,
      'web',
    )
    return client?.status?.clientId !== undefined && client.status.clientId !== first.status?.clientId
  }, 'another id')
  const again = (await ready(await create(namespace, { deletionPolicy: 'Orphan' }))) as unknown as Key
  expect(again.status?.clientId).not.toBe(first.status?.clientId)
  expect(again.status?.keyId).not.toBe(first.status?.keyId)
  expect(secretFile((await secretOf(namespace)) as Secret, 'client-id')).toBe(again.status?.clientId)
})

test('a Secret that somebody overwrites each time gets keys less and less often, and the AccessKey says so', async () => {
  const namespace = await cluster.namespace()
  await createClient(namespace)
  const first = (await ready(await create(namespace))) as unknown as Key
  const kids = new Set<string>()
  const overwrite = async (): Promise<boolean> => {
    const secret = await secretOf(namespace)
    const kid = secret && secretFile(secret, 'key-id')
    if (secret && kid !== undefined && !kids.has(kid)) {
      kids.add(kid)
      await cluster.client.update(secrets, { ...secret, data: { password: 'Zm9v' } } as Secret)
      await cluster.client.patch(accessKeys, namespace, 'web', { metadata: { annotations: { look: kid } } })
    }
    return kids.size === 3
  }
  await until(overwrite, 'two more keys')
  const contended = (await ready(first, 'SecretContended')) as unknown as Key
  expect(kids.size).toBe(3)
  expect(contended.status?.keys?.map(({ state }) => state)).toEqual(['Active', 'Retiring', 'Retiring'])
  expect(contended.status?.keys?.map(({ kid }) => kid)).toContain(first.status?.keyId)
})
