import { expect, test } from 'vitest'
import { thumbprint } from '../../../../core/jose/jwk.ts'
import { secretFile } from '../../../../core/keys/secret-data.ts'
import { clientKeys } from '../../../../core/registry/client-row.ts'
import type { ResolvedClient } from '../../../../core/registry/resolve-clients.ts'
import { keyPair } from '../registry/objects.ts'
import { accessKeyOf, at, clientOf, createStore, type Store, settle } from './access-key-store.ts'
import { staged } from './rotation-rig.ts'

const paused = { 'latchkey.dev/paused': 'true' }
const condition = (store: Store, type: string) => store.accessKey.status?.conditions?.find(one => one.type === type)
const keys = (store: Store) => (store.accessKey.status?.keys ?? []).map(({ state }) => state)

async function minted(spec: Parameters<typeof accessKeyOf>[0] = {}): Promise<Store> {
  const store = createStore(accessKeyOf(spec))
  await settle(store)
  return store
}

test.each<[string, (store: Store) => void, string]>([
  ['its Secret is deleted', store => store.putSecret(undefined), 'a key is minted into the Secret web'],
  [
    'its Secret is edited',
    store => store.secret && store.putSecret({ ...store.secret, data: { ...store.secret.data, 'key-id': 'eA==' } }),
    'a key is minted into the Secret web',
  ],
  [
    'labels for the Secret are asked for',
    store => store.edit({ secretTemplate: { labels: { team: 'a' } } }),
    'the Secret web is written',
  ],
  ['its Secret is to be nobody’s', store => store.edit({ deletionPolicy: 'Orphan' }), 'the Secret web is written'],
])(
  'a paused key is left alone though %s, says that there is something to do, and goes on after the pause',
  async (_, given, waits) => {
    const store = await minted()
    store.annotate(paused)
    given(store)
    expect(await settle(store)).toEqual(['status'])
    expect(keys(store)).toEqual(['Active'])
    expect(condition(store, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'Paused',
      message: `There is something to do: ${waits}. Secret and published keys are left as they are; what ends or is revoked is refused all the same. Remove the annotation latchkey.dev/paused to go on.`,
    })
    expect(condition(store, 'Paused')).toMatchObject({
      status: 'True',
      reason: 'Paused',
      message: `Secret and published keys are left as they are; what ends or is revoked is refused all the same. After the pause: ${waits}. Remove the annotation latchkey.dev/paused to go on.`,
    })
    expect(condition(store, 'Stalled')).toBeUndefined()
    store.annotate({})
    expect(await settle(store)).not.toEqual([])
    expect(condition(store, 'Ready')).toMatchObject({ status: 'True', reason: 'Ready' })
    expect(condition(store, 'Paused')).toBeUndefined()
  },
)

test('a new key is minted only after the pause', async () => {
  const store = createStore(accessKeyOf())
  store.annotate(paused)
  expect(await settle(store)).toEqual(['status'])
  expect([store.secret, keys(store), store.accessKey.status?.state]).toEqual([undefined, [], 'Pending'])
  store.annotate({ 'latchkey.dev/paused': 'false' })
  expect(await settle(store)).toEqual(['create', 'status'])
})

test.each<[string, (store: Store) => void, string[], string]>([
  ['revoked by keysNotBefore', store => store.edit({ keysNotBefore: at(9) }), ['Revoked'], 'Pending'],
  ['ended by expiresAt', store => store.edit({ expiresAt: at(9) }), ['Expired'], 'Expired'],
  [
    'withdrawn, where its client has no end that it must have',
    store => {
      store.client = clientOf({ type: 'Personal' })
    },
    [],
    'Refused',
  ],
])('a paused key is %s at once, and no other takes its place before the pause ends', async (_, given, left, state) => {
  const store = await minted()
  store.annotate(paused)
  store.now += 10
  given(store)
  expect(await settle(store)).toEqual(['status'])
  expect([keys(store), store.accessKey.status?.state]).toEqual([left, state])
})

test('a paused key that is revoked loses its Secret’s content, and says that it is revoked', async () => {
  const store = await minted()
  store.annotate(paused)
  store.edit({ revoked: {} })
  expect(await settle(store)).toEqual(['status', 'update', 'status'])
  expect(secretFile(store.secret as NonNullable<Store['secret']>, 'private.jwk')).toBeUndefined()
  expect(condition(store, 'Ready')).toMatchObject({ status: 'True', reason: 'Revoked' })
  expect(condition(store, 'Paused')).toMatchObject({ status: 'True' })
})

test('a key that has ended gets no later end while it is paused', async () => {
  const store = await minted({ expiresAt: at(9) })
  store.now += 10
  await settle(store)
  store.annotate(paused)
  store.edit({ expiresAt: at(99) })
  await settle(store)
  expect(keys(store)).toEqual(['Expired'])
  expect(condition(store, 'Ready')).toMatchObject({ status: 'False', reason: 'Paused' })
  store.annotate({})
  await settle(store)
  expect(keys(store)).toEqual(['Active'])
})

test('another public key is not published while paused, and the one before opens services until the next one does', async () => {
  const jwk = (x: string) => ({ kty: 'OKP', crv: 'Ed25519', x }) as const
  const [one, two] = [
    jwk('11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'),
    jwk('PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw'),
  ]
  const store = await minted({ publicKey: one })
  const inSlices = () => {
    const rows = clientKeys(store.client as ResolvedClient, [store.accessKey])
    return rows.filter(({ key }) => !key.revoked).map(({ key }) => key.kid)
  }
  store.annotate(paused)
  store.edit({ publicKey: two })
  expect(inSlices()).toEqual([thumbprint(one)])
  await settle(store)
  expect(inSlices()).toEqual([thumbprint(one)])
  expect([keys(store), condition(store, 'Ready')?.reason]).toEqual([['Active'], 'Paused'])
  expect(store.accessKey.status).toMatchObject({ state: 'Active', keyId: thumbprint(one) })
  expect(condition(store, 'Paused')?.message).toContain('After the pause: what is published of the keys changes. ')
  store.annotate({})
  expect(inSlices()).toEqual([thumbprint(one)])
  await settle(store)
  expect(keys(store)).toEqual(['Active', 'Retiring'])
  expect(inSlices()).toEqual([thumbprint(two), thumbprint(one)])
})

test('the key before an exchange that a pause puts off is revoked all the same', async () => {
  const pair = keyPair()
  const store = await minted({ publicKey: pair.publicKey })
  store.annotate(paused)
  store.edit({ publicKey: keyPair().publicKey })
  await settle(store)
  store.now += 10
  store.edit({ keysNotBefore: at(9) })
  const verifies = () => clientKeys(store.client as ResolvedClient, [store.accessKey]).some(({ key }) => !key.revoked)
  expect(verifies()).toBe(false)
  await settle(store)
  expect([verifies(), keys(store)]).toEqual([false, ['Revoked']])
})

test('a rotation stops where it stands while paused, with both keys valid, and goes on after the pause', async () => {
  const store = await staged()
  expect(keys(store)).toEqual(['Active', 'Pending'])
  store.annotate(paused)
  store.now += 2 * 3_600
  expect(await settle(store)).toEqual(['status'])
  expect([keys(store), condition(store, 'Ready')?.reason]).toEqual([['Active', 'Pending'], 'Paused'])
  store.annotate({})
  expect(await settle(store)).toEqual(expect.arrayContaining(['update', 'status', 'delete next']))
  expect(keys(store).sort()).toEqual(['Active', 'Retiring'])
})

test('no rotation begins while paused, though it is asked for', async () => {
  const store = await minted()
  store.annotate(paused)
  store.now += 10
  store.edit({ rotation: { requestedAt: at(10) } })
  await settle(store)
  expect([store.next, keys(store), condition(store, 'Ready')?.reason]).toEqual([undefined, ['Active'], 'Paused'])
  expect(condition(store, 'Paused')?.message).toContain('After the pause: the key rotates: the next one is minted. ')
})

test('what is wrong keeps its reason while paused: a pause mends nothing', async () => {
  const store = await minted()
  store.annotate(paused)
  store.client = undefined
  await settle(store)
  expect(condition(store, 'Ready')).toMatchObject({ status: 'False', reason: 'ClientNotFound' })
  expect(condition(store, 'Paused')).toMatchObject({ status: 'True' })
})

test('a key that was put into the Secret while paused retires no other before the pause ends', async () => {
  const store = await minted()
  store.putSecret(undefined)
  await settle(store)
  const [young, old] = store.accessKey.status?.keys ?? []
  expect([young?.state, old?.state]).toEqual(['Active', 'Retiring'])
  const other = await minted()
  store.annotate(paused)
  store.now += 1
  const { uid, name } = store.accessKey.metadata
  store.putSecret({
    ...(other.secret as NonNullable<Store['secret']>),
    metadata: {
      ...(store.secret?.metadata ?? { name }),
      annotations: {
        ...store.secret?.metadata.annotations,
        'latchkey.dev/key-number': String(store.now),
        'latchkey.dev/owner-uid': uid ?? '',
      },
    },
  })
  await settle(store)
  expect(store.accessKey.status?.keys?.map(({ kid, state }) => [kid, state])).toEqual([
    [young?.kid, 'Active'],
    [old?.kid, 'Retiring'],
  ])
  store.annotate({})
  await settle(store)
  expect(keys(store)).toEqual(['Active', 'Retiring', 'Retiring'])
})
