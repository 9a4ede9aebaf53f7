import { describe, expect, test } from 'vitest'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import { type SecretObject, secretAnnotations } from '../../../../core/keys/secret-data.ts'
import { accessKeyOf, createStore, type Store, settle } from './access-key-store.ts'
import { hour, kidOf, minted } from './rotation-rig.ts'

describe('keys of the release before', () => {
  /** As 0.1.0 left it: no mark in the Secret, none in the status. */
  async function ofOldRelease(spec: Partial<AccessKey['spec']> = {}): Promise<Store> {
    const store = await minted(spec)
    const { metadata } = store.secret as SecretObject
    const { [secretAnnotations.rotationDefault]: _, ...annotations } = metadata.annotations ?? {}
    store.putSecret({ ...(store.secret as SecretObject), metadata: { ...metadata, annotations } })
    const { rotationDefault: __, renewalTime: ___, rotates: ____, keys, ...status } = store.accessKey.status ?? {}
    store.accessKey = {
      ...store.accessKey,
      status: { ...status, keys: (keys ?? []).map(({ publishedAt: _____, ...key }) => key) },
    }
    return store
  }
  const lifetime = async (store: Store): Promise<void> => {
    for (const end = store.now + 800 * hour; store.now < end; store.now += 20 * hour) await settle(store)
  }

  test('are not written to at the upgrade, and do not rotate', async () => {
    const store = await ofOldRelease()
    const kid = kidOf(store.secret)
    expect(await settle(store)).toEqual([])
    await lifetime(store)
    expect(kidOf(store.secret)).toBe(kid)
  })

  test('do not begin to rotate because their Secret or their status was lost', async () => {
    const withoutSecret = await ofOldRelease()
    withoutSecret.putSecret(undefined)
    await settle(withoutSecret)
    const withoutStatus = await ofOldRelease()
    const { status: _, ...rest } = withoutStatus.accessKey
    withoutStatus.accessKey = rest
    await settle(withoutStatus)
    for (const store of [withoutSecret, withoutStatus]) {
      expect(store.accessKey.status?.renewalTime).toBeUndefined()
      expect(store.secret?.metadata.annotations).not.toHaveProperty(secretAnnotations.rotationDefault)
    }
  })

  test('rotate once their spec has rotation, and no more when it is taken out', async () => {
    const store = await ofOldRelease()
    store.edit({ rotation: {} })
    await settle(store)
    expect(store.accessKey.status?.renewalTime).toBeDefined()
    store.accessKey = { ...store.accessKey, spec: { clientRef: { name: 'web' } } }
    store.edit({})
    await settle(store)
    expect(store.accessKey.status?.renewalTime).toBeUndefined()
  })
})

describe('that a key rotates by default', () => {
  test('survives the loss of its status, and of its Secret', async () => {
    const store = await minted()
    const { status: _, ...rest } = store.accessKey
    store.accessKey = rest
    await settle(store)
    expect(store.accessKey.status?.renewalTime).toBeDefined()
    store.putSecret(undefined)
    await settle(store)
    expect(store.accessKey.status?.renewalTime).toBeDefined()
    expect(store.secret?.metadata.annotations?.[secretAnnotations.rotationDefault]).toBe('ByClientType')
  })

  test('survives being deleted with Orphan and applied again, and an operator of 0.1.0 in between', async () => {
    const store = await minted({ deletionPolicy: 'Orphan' })
    const again = createStore({ ...accessKeyOf(), metadata: { ...accessKeyOf().metadata, uid: 'another-uid' } })
    again.putSecret(store.secret)
    await settle(again)
    const { rotationDefault: _, renewalTime: __, rotates: ___, ...status } = again.accessKey.status ?? {}
    again.accessKey = { ...again.accessKey, status }
    await settle(again)
    expect(kidOf(again.secret)).toBe(kidOf(store.secret))
    expect(again.accessKey.status).toMatchObject({ rotationDefault: 'ByClientType', renewalTime: expect.anything() })
  })
})
