import { expect, test } from 'vitest'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import { accessKeyOf, createStore, type Store, settle } from './access-key-store.ts'
import { conditionOf, hour, kidOf, minted, staged } from './rotation-rig.ts'

const madeImmutable = (store: Store) => store.secret && store.putSecret({ ...store.secret, immutable: true })
const later = (store: Store) => new Date((store.now + 1) * 1_000).toISOString()

const causes: Record<string, { make: () => Promise<Store>; edit: (store: Store) => Partial<AccessKey['spec']> }> = {
  'that is to be replaced': { make: () => minted(), edit: store => ({ keysNotBefore: later(store) }) },
  'that is to be emptied': { make: () => minted(), edit: () => ({ revoked: {} }) },
  'that a rotation has come to': { make: () => staged(), edit: () => ({}) },
}

test.each(Object.entries(causes))(
  'a key %s in an immutable Secret: the cause is said, and what to do',
  async (_, { make, edit }) => {
    const store = await make()
    madeImmutable(store)
    store.edit(edit(store))
    store.now += hour
    await settle(store)
    const ready = conditionOf(store, 'Ready')
    expect(ready).toMatchObject({ status: 'False', reason: 'SecretRefused' })
    expect(ready?.message).toMatch(/^The Secret web is immutable.* Delete it: /)
    expect(ready?.message).not.toContain('quotas')
    store.putSecret(undefined)
    await settle(store)
    expect(conditionOf(store, 'Ready')).toMatchObject({ status: 'True' })
  },
)

test('labels of an immutable Secret are put right: Kubernetes lets them change', async () => {
  const store = await minted()
  madeImmutable(store)
  store.edit({ secretTemplate: { labels: { team: 'a' } } })
  await settle(store)
  expect(store.secret).toMatchObject({ immutable: true, metadata: { labels: { team: 'a' } } })
})

test.each([
  ['metadata.name', 'a'.repeat(253), {}],
  ['spec.secretName', 'web', { secretName: 'a'.repeat(249) }],
])(
  'a %s that leaves no room for that of the next key: the key in use stays, and the cause is said',
  async (_, name, spec) => {
    const accessKey = accessKeyOf(spec)
    const store = createStore({ ...accessKey, metadata: { ...accessKey.metadata, name } })
    await settle(store)
    const kid = kidOf(store.secret)
    store.now += 10
    store.edit({ rotation: { requestedAt: new Date(store.now * 1_000).toISOString() } })
    await settle(store)
    const ready = conditionOf(store, 'Ready')
    expect(ready).toMatchObject({ status: 'False', reason: 'SecretRefused' })
    expect(ready?.message).toContain('secretName of at most 248 characters')
    expect(ready?.message.length).toBeLessThan(2_048)
    expect(store.accessKey.status).toMatchObject({ keyId: kid, state: 'Active' })
  },
)

test.each<[string, Partial<AccessKey['spec']>]>([
  ['too often', { rotation: { every: '59m' } }],
  ['in no time zone', { rotation: { windows: [{ start: '02:00', duration: '1h', timeZone: 'BST' }] } }],
  ['at no time', { rotation: { requestedAt: 'now' } }],
])('a rotation that cannot be, %s: the state is that of the key, which guards take', async (_, spec) => {
  const store = await minted()
  store.edit(spec)
  await settle(store)
  expect(conditionOf(store, 'Accepted')).toMatchObject({ status: 'False', reason: 'Invalid' })
  expect(conditionOf(store, 'Ready')).toMatchObject({ status: 'False', reason: 'Invalid' })
  expect(store.accessKey.status?.state).toBe('Active')
})
