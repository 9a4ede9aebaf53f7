import { expect, test } from 'vitest'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import { desiredSecret, type SecretObject, secretAnnotations, secretFile } from '../../../../core/keys/secret-data.ts'
import { generateKeyMaterial, proveSecretKey } from '../../../../operator/access-key/key-material.ts'
import { accessKeyOf, at, clientOf, createStore, settle } from './access-key-store.ts'

test('a Secret restored from a backup gets a new key: neither a retired nor a revoked one comes back', async () => {
  const store = createStore(accessKeyOf())
  await settle(store)
  const backup = store.secret as SecretObject
  store.now += 10
  store.edit({ keysNotBefore: at(9) })
  await settle(store)
  store.putSecret(undefined)
  store.putSecret(backup)
  await settle(store)
  const held = proveSecretKey(store.secret as SecretObject, 'Ed25519')
  expect(held?.kid).not.toBe(secretFile(backup, 'key-id'))
  expect(store.accessKey.status?.keyId).toBe(held?.kid)
})

test('an orphan is adopted only with the right name, client id and key, and gets a new key where it is of another client id', async () => {
  const adopted = createStore(accessKeyOf())
  const left = async (owner: AccessKey, clientId = clientOf().clientId): Promise<SecretObject> => {
    const first = createStore(accessKeyOf({ deletionPolicy: 'Orphan' }))
    first.client = clientOf({}, { clientId })
    await settle(first)
    const { metadata } = first.secret as SecretObject
    const annotations = {
      ...metadata.annotations,
      [secretAnnotations.ownerUid]: 'old',
      [secretAnnotations.ownerName]: owner.metadata.name,
    }
    return { ...(first.secret as SecretObject), metadata: { ...metadata, annotations } }
  }
  const orphan = await left(accessKeyOf())
  adopted.putSecret(orphan)
  expect(await settle(adopted)).toEqual(['update', 'status'])
  expect(adopted.accessKey.status?.keyId).toBe(secretFile(orphan, 'key-id'))

  const renamed = { ...accessKeyOf(), metadata: { ...accessKeyOf().metadata, name: 'other' } }
  const owned = {
    ...orphan,
    metadata: { ...orphan.metadata, ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'p' }] },
  }
  const other = createStore(accessKeyOf())
  const given = await left(accessKeyOf(), 'shop.other')
  other.putSecret(given)
  expect(await settle(other)).toEqual(['update', 'status'])
  expect(secretFile(other.secret as SecretObject, 'key-id')).not.toBe(secretFile(given, 'key-id'))
  expect(secretFile(other.secret as SecretObject, 'client-id')).toBe(clientOf().clientId)
  for (const secret of [await left(renamed), owned]) {
    const store = createStore(accessKeyOf())
    store.putSecret(secret)
    await settle(store)
    expect(store.accessKey.status?.conditions?.find(one => one.type === 'Ready')?.reason).toBe('SecretConflict')
    expect(store.secret?.data).toEqual(secret.data)
  }
})

test('labels, annotations and files of others in the Secret stay', async () => {
  const store = createStore(accessKeyOf({ secretTemplate: { labels: { team: 'a' } } }))
  await settle(store)
  const secret = store.secret as SecretObject
  store.putSecret({
    ...secret,
    metadata: {
      ...secret.metadata,
      labels: { ...secret.metadata.labels, theirs: 'x' },
      annotations: { ...secret.metadata.annotations, theirs: 'y' },
    },
    data: { ...secret.data, theirs: 'eg==', issuer: 'eA==' },
  })
  await settle(store)
  expect(store.secret?.metadata.labels).toMatchObject({ theirs: 'x', team: 'a' })
  expect(store.secret?.metadata.annotations).toMatchObject({ theirs: 'y' })
  expect(store.secret?.data).toMatchObject({ theirs: 'eg==' })
  expect(secretFile(store.secret as SecretObject, 'issuer')).toContain('https://')
})

test('a Secret that claims the key of somebody else proves nothing', async () => {
  const [mine, theirs] = [await generateKeyMaterial('Ed25519'), await generateKeyMaterial('Ed25519')]
  const files = {
    'key-id': theirs.kid,
    'private.jwk': JSON.stringify({ ...theirs.publicKey, d: mine.privateJwk.d, kid: theirs.kid }),
    'private.pem': mine.privatePem,
  }
  const data = Object.fromEntries(
    Object.entries(files).map(([name, text]) => [name, Buffer.from(text).toString('base64')]),
  )
  expect(proveSecretKey(desiredSecret(accessKeyOf(), { slot: 'mounted', files: data }), 'Ed25519')).toBeUndefined()
})
