import { expect, test } from 'vitest'
import type { AccessKey, AccessKeyStatus } from '../../../core/api/access-key.ts'
import { type SecretObject, secretFile } from '../../../core/keys/secret-data.ts'
import { proveSecretKey } from '../../../operator/access-key/key-material.ts'
import type { KubeObject, Resource } from '../../../platform/kube/client.ts'
import { accessKeys, apiClients, roles, secrets } from '../../../platform/kube/resources.ts'
import { condition, until } from './cluster.ts'
import { clusterWithOperator } from './cluster-with-operator.ts'

const cluster = clusterWithOperator({ controllerManager: true })

type Key = KubeObject & { spec: Partial<AccessKey['spec']>; status?: AccessKeyStatus }
type Secret = SecretObject & KubeObject

async function createClient(spec: Record<string, unknown> = {}): Promise<string> {
  const namespace = await cluster.namespace()
  await cluster.client.create(apiClients, { metadata: { name: 'web', namespace }, spec } as KubeObject)
  return namespace
}
const create = (namespace: string, spec: Record<string, unknown> = {}, name = 'web'): Promise<Key> =>
  cluster.client.create(accessKeys, {
    metadata: { name, namespace },
    spec: { clientRef: { name: 'web' }, ...spec },
  } as Key)
const patch = (namespace: string, spec: Record<string, unknown>): Promise<Key> =>
  cluster.client.patch<Key>(accessKeys, namespace, 'web', { spec })
const secretOf = (namespace: string, name = 'web') => cluster.client.get<Secret>(secrets, namespace, name)
const keyOf = async (namespace: string): Promise<Key> => {
  const found = await cluster.client.get<Key>(accessKeys, namespace, 'web')
  if (!found) throw new Error('no AccessKey')
  return found
}
const ready = (key: Key, reason: string) =>
  condition(cluster.client, accessKeys, key, { type: 'Ready', reason }) as Promise<unknown> as Promise<Key>
/** Makes the operator look at an AccessKey though no Secret is watched. */
const touch = (namespace: string) =>
  cluster.client.patch(accessKeys, namespace, 'web', { metadata: { annotations: { look: String(Math.random()) } } })
const activeKids = (key: Key) => (key.status?.keys ?? []).filter(one => one.state === 'Active').map(one => one.kid)

test.each(['Ed25519', 'ES256', 'RS256'] as const)(
  'mints an %s key into a Secret and publishes its public half',
  async algorithm => {
    const namespace = await createClient()
    const key = await ready(await create(namespace, { algorithm, secretTemplate: { labels: { team: 'a' } } }), 'Ready')
    const secret = (await secretOf(namespace)) as Secret
    const proved = proveSecretKey(secret, algorithm)
    expect(activeKids(key)).toEqual([proved?.kid])
    expect(key.status?.keys?.[0]?.publicKey).toEqual(proved?.publicKey)
    expect(key.status).toMatchObject({
      state: 'Active',
      keyId: proved?.kid,
      secretName: 'web',
      binding: { name: 'web' },
    })
    expect(secret.type).toBe('servicebinding.io/latchkey')
    expect(secret.metadata.labels).toMatchObject({ team: 'a', 'app.kubernetes.io/managed-by': 'latchkey' })
    expect(Object.keys(secret.data ?? {}).sort()).toEqual(
      ['ca.crt', 'client-id', 'issuer', 'key-id', 'private.jwk', 'private.pem', 'provider', 'type'].sort(),
    )
    const jwk = JSON.parse(secretFile(secret, 'private.jwk') ?? '')
    expect(jwk).toMatchObject({ kid: proved?.kid, client_id: key.status?.clientId })
    expect(jwk.issuer).toBe(`https://latchkey-issuer.latchkey-system.svc/default/v1/clients/${key.status?.clientId}`)
    expect(JSON.stringify(key.status)).not.toContain('"d"')
  },
)

test('says that its client does not exist, and mints when it appears', async () => {
  const namespace = await cluster.namespace()
  const key = await create(namespace)
  await condition(cluster.client, accessKeys, key, { type: 'Accepted', reason: 'ClientNotFound' })
  expect(await secretOf(namespace)).toBeUndefined()
  await cluster.client.create(apiClients, { metadata: { name: 'web', namespace }, spec: {} } as KubeObject)
  await ready(key, 'Ready')
})

test('says which role of its list does not exist, and goes on; the role counts when it appears', async () => {
  const namespace = await createClient()
  const key = await ready(await create(namespace, { roles: [{ namespace, name: 'reader' }] }), 'RoleNotFound')
  expect(key.status?.state).toBe('Active')
  const { found } = await condition(cluster.client, accessKeys, key, { type: 'Accepted', reason: 'RoleNotFound' })
  expect(found.message).toContain(`${namespace}/reader`)
  const rules = [{ services: ['api'], methods: ['GET'], paths: ['/'] }]
  await cluster.client.create(roles, { metadata: { name: 'reader', namespace }, spec: { rules } } as KubeObject)
  await condition(cluster.client, accessKeys, key, { type: 'Accepted', reason: 'Accepted' })
  await ready(key, 'Ready')
  await cluster.client.delete(roles, namespace, 'reader')
  await condition(cluster.client, accessKeys, key, { type: 'Accepted', reason: 'RoleNotFound' })
})

test('says that its client is refused', async () => {
  const namespace = await createClient({ clientId: 'elsewhere.web' })
  await condition(cluster.client, accessKeys, await create(namespace), { type: 'Accepted', reason: 'ClientRefused' })
})

test('a Personal client needs an expiry of at most 2160h', async () => {
  const namespace = await createClient({ type: 'Personal' })
  const key = await create(namespace)
  await condition(cluster.client, accessKeys, key, { type: 'Accepted', reason: 'ExpiryRequired' })
  await patch(namespace, { validity: '2161h' })
  await condition(cluster.client, accessKeys, key, { type: 'Accepted', reason: 'ExpiryRequired' })
  await patch(namespace, { validity: '2160h' })
  const minted = await ready(key, 'Ready')
  const [published] = minted.status?.keys ?? []
  expect(Date.parse(published?.notAfter ?? '') - Date.parse(published?.notBefore ?? '')).toBe(2_160 * 3_600_000)
})

test('a brought public key is published without a Secret; one that cannot be used is refused (J27)', async () => {
  const namespace = await createClient()
  const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
  const key = await ready(await create(namespace, { publicKey: { kty: 'OKP', crv: 'Ed25519', x } }), 'Ready')
  expect(activeKids(key)).toEqual(['kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'])
  expect(await secretOf(namespace)).toBeUndefined()
  const identity = 'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
  const bad = await create(namespace, { publicKey: { kty: 'OKP', crv: 'Ed25519', x: identity } }, 'bad')
  await condition(cluster.client, accessKeys, bad, { type: 'Accepted', reason: 'PublicKeyInvalid' })
})

test('a Secret of somebody else stays untouched, whatever it says of itself, and the key says so until it is gone (K09, K11)', async () => {
  const namespace = await createClient()
  const labels = { 'app.kubernetes.io/managed-by': 'latchkey' }
  const annotations = { 'latchkey.dev/access-key': 'web', 'latchkey.dev/owner-uid': 'of-another' }
  const metadata = { name: 'web', namespace, labels, annotations }
  const foreign = { metadata, type: 'servicebinding.io/latchkey', data: { a: 'Yg==' } } as Secret
  const before = await cluster.client.create(secrets, foreign)
  const key = await create(namespace)
  await ready(key, 'SecretConflict')
  await condition(cluster.client, accessKeys, key, { type: 'Stalled', reason: 'SecretConflict' })
  expect((await secretOf(namespace))?.metadata.resourceVersion).toBe(before.metadata.resourceVersion)
  await cluster.client.delete(secrets, namespace, 'web')
  await touch(namespace)
  const healed = await ready(key, 'Ready')
  expect(healed.status?.conditions?.some(one => one.type === 'Stalled')).toBe(false)
})

const admission = (kind: string, plural: string): Resource => ({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced: false,
})
const policies = admission('ValidatingAdmissionPolicy', 'validatingadmissionpolicies')
const bindings = admission('ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicybindings')

test('a Secret that a policy of the cluster refuses: the key says so, and is minted when the policy is gone', async () => {
  const namespace = await createClient()
  const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['secrets'] }
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } }
  await cluster.client.create(policies, {
    metadata: { name: 'no-secrets' },
    spec: {
      matchConstraints: { resourceRules: [rule], namespaceSelector },
      validations: [{ expression: 'false', message: 'no' }],
    },
  } as KubeObject)
  await cluster.client.create(bindings, {
    metadata: { name: 'no-secrets' },
    spec: { policyName: 'no-secrets', validationActions: ['Deny'] },
  } as KubeObject)
  const refused = () =>
    cluster.client.create(secrets, { metadata: { name: 'try', namespace } }, { dryRun: true }).then(
      () => false,
      () => true,
    )
  await until(refused, 'the policy in force', 30_000)
  const key = await create(namespace)
  await ready(key, 'SecretRefused')
  await condition(cluster.client, accessKeys, key, { type: 'Stalled', reason: 'SecretRefused' })
  await cluster.client.delete(bindings, undefined, 'no-secrets')
  await until(async () => !(await refused()), 'the policy gone', 30_000)
  await touch(namespace)
  await ready(key, 'Ready')
})

test('two AccessKeys with one secretName: the first keeps it, the second says so (K09)', async () => {
  const namespace = await createClient()
  const first = await ready(await create(namespace, { secretName: 'both' }), 'Ready')
  const second = await create(namespace, { secretName: 'both' }, 'other')
  await condition(cluster.client, accessKeys, second, { type: 'Ready', reason: 'SecretConflict' })
  expect(proveSecretKey((await secretOf(namespace, 'both')) as Secret, 'Ed25519')?.kid).toBe(first.status?.keyId)
})

test('a Secret deleted by hand comes back with a new key; the old one is honoured as long as its tokens live (F10)', async () => {
  const namespace = await createClient()
  const before = await ready(await create(namespace), 'Ready')
  await cluster.client.delete(secrets, namespace, 'web')
  await touch(namespace)
  const after = await until(async () => {
    const key = await keyOf(namespace)
    return key.status?.keyId !== before.status?.keyId && key
  }, 'another key')
  const old = after.status?.keys?.find(one => one.kid === before.status?.keyId)
  expect(old?.state).toBe('Retiring')
  const left = Date.parse(old?.notAfter ?? '') - Date.now()
  expect(left).toBeGreaterThan(900_000)
  expect(left).toBeLessThanOrEqual(1_110_000)
  expect(activeKids(after)).toEqual([after.status?.keyId])
})

test('a Secret edited by hand gets a new key; a file that can be computed again is only put right', async () => {
  const namespace = await createClient()
  const before = await ready(await create(namespace), 'Ready')
  await cluster.client.patch(secrets, namespace, 'web', {
    data: { issuer: Buffer.from('https://evil').toString('base64') },
  })
  await touch(namespace)
  await until(
    async () => secretFile((await secretOf(namespace)) as Secret, 'issuer') !== 'https://evil',
    'issuer put right',
  )
  expect((await keyOf(namespace)).status?.keyId).toBe(before.status?.keyId)
  await cluster.client.patch(secrets, namespace, 'web', { data: { 'key-id': Buffer.from('x').toString('base64') } })
  await touch(namespace)
  await until(async () => (await keyOf(namespace)).status?.keyId !== before.status?.keyId, 'another key')
})

test('keysNotBefore revokes older keys at once and mints one into the same Secret', async () => {
  const namespace = await createClient()
  const before = await ready(await create(namespace), 'Ready')
  const { uid } = ((await secretOf(namespace)) as Secret).metadata
  await new Promise(resolve => setTimeout(resolve, 1_100))
  await patch(namespace, { keysNotBefore: new Date().toISOString() })
  const after = await until(async () => {
    const key = await keyOf(namespace)
    return key.status?.keyId !== undefined && key.status.keyId !== before.status?.keyId && key
  }, 'another key')
  expect(after.status?.keys?.find(one => one.kid === before.status?.keyId)?.state).toBe('Revoked')
  expect((await secretOf(namespace))?.metadata.uid).toBe(uid)
  await patch(namespace, { keysNotBefore: new Date(Date.now() + 3_600_000).toISOString() })
  await condition(cluster.client, accessKeys, after, { type: 'Accepted', reason: 'Invalid' })
})

test('revocation empties the Secret, cannot be taken back, and is Ready', async () => {
  const namespace = await createClient()
  const key = await ready(await create(namespace), 'Ready')
  await patch(namespace, { revoked: { reason: 'left the company' } })
  const revoked = await ready(key, 'Revoked')
  expect(revoked.status?.conditions?.find(one => one.type === 'Ready')?.status).toBe('True')
  expect(revoked.status?.state).toBe('Revoked')
  expect(revoked.status?.keys?.map(one => one.state)).toEqual(['Revoked'])
  expect((await secretOf(namespace))?.data).toBeUndefined()
  await expect(patch(namespace, { revoked: null })).rejects.toThrow(/422|403/)
})

test('a key that has ended is Expired, and is not minted again when its Secret goes', async () => {
  const namespace = await createClient()
  const key = await create(namespace, { expiresAt: new Date(Date.now() + 3_000).toISOString() })
  await ready(key, 'Ready')
  const over = await ready(key, 'Expired')
  expect(over.status).toMatchObject({ state: 'Expired', keys: [{ state: 'Expired' }] })
  await cluster.client.delete(secrets, namespace, 'web')
  await touch(namespace)
  await new Promise(resolve => setTimeout(resolve, 500))
  expect(await secretOf(namespace)).toBeUndefined()
})

test('a deleted AccessKey takes its Secret along', async () => {
  const namespace = await createClient()
  await ready(await create(namespace), 'Ready')
  await cluster.client.delete(accessKeys, namespace, 'web')
  await until(async () => !(await secretOf(namespace)), 'the Secret collected', 30_000)
})

test('with Orphan the Secret stays and is used again by an AccessKey of the same name and client', async () => {
  const namespace = await createClient()
  const first = await ready(await create(namespace, { deletionPolicy: 'Orphan' }), 'Ready')
  expect((await secretOf(namespace))?.metadata.ownerReferences).toBeUndefined()
  await cluster.client.delete(accessKeys, namespace, 'web')
  await new Promise(resolve => setTimeout(resolve, 500))
  const again = await ready(await create(namespace), 'Ready')
  expect(again.status?.keyId).toBe(first.status?.keyId)
  await until(
    async () => (await secretOf(namespace))?.metadata.ownerReferences?.[0]?.uid === again.metadata.uid,
    'owned',
  )
  // Back to Orphan: the owner reference goes, so that a later deletion leaves the Secret.
  await patch(namespace, { deletionPolicy: 'Orphan' })
  await until(async () => !(await secretOf(namespace))?.metadata.ownerReferences?.length, 'no owner')
})

test('an orphan of another name is not taken over', async () => {
  const namespace = await createClient()
  await ready(await create(namespace, { deletionPolicy: 'Orphan', secretName: 'kept' }), 'Ready')
  await cluster.client.delete(accessKeys, namespace, 'web')
  const other = await create(namespace, { secretName: 'kept' }, 'other')
  await condition(cluster.client, accessKeys, other, { type: 'Ready', reason: 'SecretConflict' })
})

test("S06 a tenant's many RS256 keys are all made, while another tenant's keys of either kind come first", async () => {
  const greedy = await createClient()
  const many = await Promise.all(
    Array.from({ length: 30 }, (_, i) => create(greedy, { algorithm: 'RS256' }, `rsa-${i}`)),
  )
  const other = await createClient()
  const quick = await create(other)
  const costly = await create(other, { algorithm: 'RS256' }, 'costly')
  await ready(quick, 'Ready')
  await ready(costly, 'Ready')
  for (const key of many) await condition(cluster.client, accessKeys, key, { type: 'Ready', reason: 'Ready' }, 60_000)
  // In the order in which they were written.
  const versions = async (namespace: string, names: string[]) =>
    Promise.all(names.map(async name => Number((await secretOf(namespace, name))?.metadata.resourceVersion)))
  const [costlyAt = 0] = await versions(other, ['costly'])
  const after = (
    await versions(
      greedy,
      many.map(({ metadata }) => metadata.name),
    )
  ).filter(one => one > costlyAt)
  expect(after.length).toBeGreaterThan(0)
})
