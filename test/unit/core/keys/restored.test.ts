import { expect, test } from 'vitest'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import { type SecretObject, secretAnnotations, secretFile } from '../../../../core/keys/secret-data.ts'
import { accessKeyOf, clientOf, createStore, type Store, settle } from './access-key-store.ts'
import { conditionOf, kidOf, minted, staged } from './rotation-rig.ts'

/** An object as a backup brings it back: what the cluster gave it is gone, and nobody owns it. */
function restored({ metadata, ...secret }: SecretObject): SecretObject {
  const { name, namespace, labels, annotations } = metadata
  return {
    ...secret,
    metadata: { name, ...(namespace && { namespace }), ...(labels && { labels }), ...(annotations && { annotations }) },
  }
}

/** The namespace, made anew from a backup of another one's objects. */
function after(
  backup: Store,
  spec: Partial<AccessKey['spec']> = {},
  clientId = 'sc_of-the-namespace-that-is-now',
): Store {
  const accessKey = accessKeyOf({ ...backup.accessKey.spec, ...spec })
  const store = createStore({ ...accessKey, metadata: { ...accessKey.metadata, uid: 'uid-of-the-restored' } })
  store.client = clientOf({}, { clientId })
  store.now = backup.now + 86_400
  if (backup.secret) store.putSecret(restored(backup.secret))
  if (backup.next) store.putNext(restored(backup.next))
  return store
}

const backups: Record<string, { make: () => Promise<Store>; spec?: Partial<AccessKey['spec']> }> = {
  'a key': { make: () => minted() },
  'a key with Orphan': { make: () => minted({ deletionPolicy: 'Orphan' }) },
  'a key in the middle of a rotation': { make: () => staged() },
  'a key that was revoked, whose AccessKey was deleted with Orphan and made anew': {
    async make() {
      const store = await minted({ deletionPolicy: 'Orphan' })
      store.edit({ revoked: {} })
      await settle(store)
      const { revoked: _, ...spec } = store.accessKey.spec
      return Object.assign(store, { accessKey: { ...store.accessKey, spec } })
    },
  },
}

test.each(Object.entries(backups))(
  '%s of another client id gets a new key, and the old one is published never',
  async (_, { make }) => {
    const backup = await make()
    const kids = [kidOf(backup.secret), kidOf(backup.next)]
    const store = after(backup)
    await settle(store)
    expect(conditionOf(store, 'Ready')).toMatchObject({ status: 'True', reason: 'Ready' })
    expect(store.accessKey.status?.keys).toEqual([
      expect.objectContaining({ state: 'Active', kid: kidOf(store.secret) }),
    ])
    expect(kids).not.toContain(kidOf(store.secret))
    expect(secretFile(store.secret as SecretObject, 'client-id')).toBe('sc_of-the-namespace-that-is-now')
    expect(store.next).toBeUndefined()
    expect(store.events.map(({ reason }) => reason)).toContain('SecretReplaced')
  },
)

test.each(Object.entries(backups).slice(0, 3))(
  '%s of the same client id is used again, and a next one is not',
  async (_, { make }) => {
    const backup = await make()
    const store = after(backup, {}, clientOf().clientId)
    await settle(store)
    expect(conditionOf(store, 'Ready')).toMatchObject({ status: 'True', reason: 'Ready' })
    expect(kidOf(store.secret)).toBe(kidOf(backup.secret))
    expect(store.accessKey.status?.keys?.map(({ kid }) => kid)).toContain(kidOf(backup.secret))
    expect(store.accessKey.status?.keys?.map(({ kid }) => kid)).not.toContain(kidOf(backup.next) ?? 'none')
  },
)

test('a key that the restored spec revokes is replaced', async () => {
  const backup = await minted()
  const keysNotBefore = new Date((backup.now + 60) * 1_000).toISOString()
  const store = after(backup, { keysNotBefore }, clientOf().clientId)
  await settle(store)
  expect(conditionOf(store, 'Ready')?.reason).toBe('Ready')
  expect(kidOf(store.secret)).not.toBe(kidOf(backup.secret))
})

test('applied again after the client got another identity, a key with Orphan is replaced', async () => {
  const backup = await minted({ deletionPolicy: 'Orphan' })
  const store = after(backup, {}, 'sc_of-the-second-identity')
  await settle(store)
  expect(conditionOf(store, 'Ready')?.reason).toBe('Ready')
  expect(secretFile(store.secret as SecretObject, 'client-id')).toBe('sc_of-the-second-identity')
})

const strangers: Record<string, (secret: SecretObject) => SecretObject> = {
  'that somebody owns': secret => ({
    ...secret,
    metadata: { ...secret.metadata, ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'p' }] },
  }),
  'of another type': secret => ({ ...secret, type: 'Opaque' }),
  'that was copied from another namespace': secret =>
    annotated(secret, { [secretAnnotations.ownerNamespace]: 'victim' }),
  'of an AccessKey of another name': secret => annotated(secret, { [secretAnnotations.ownerName]: 'other' }),
}
function annotated(secret: SecretObject, annotations: Record<string, string>): SecretObject {
  return {
    ...secret,
    metadata: { ...secret.metadata, annotations: { ...secret.metadata.annotations, ...annotations } },
  }
}

test.each(Object.entries(strangers))('a Secret %s is left alone', async (_, change) => {
  const store = after(await minted())
  const secret = change(store.secret as SecretObject)
  store.putSecret(secret)
  await settle(store)
  expect(conditionOf(store, 'Ready')?.reason).toBe('SecretConflict')
  expect(store.secret?.data).toEqual(secret.data)
})

test('a Secret of 0.1.0 does not say its namespace, and is not written for that alone', async () => {
  const store = await minted()
  const { [secretAnnotations.ownerNamespace]: _, ...annotations } = store.secret?.metadata.annotations ?? {}
  const secret = store.secret as SecretObject
  store.putSecret({ ...secret, metadata: { ...secret.metadata, annotations } })
  expect(await settle(store)).toEqual([])
  store.edit({ secretTemplate: { labels: { team: 'a' } } })
  await settle(store)
  expect(store.secret?.metadata.annotations).toMatchObject({ [secretAnnotations.ownerNamespace]: 'shop' })
})
