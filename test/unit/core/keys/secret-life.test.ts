import { describe, expect, test } from 'vitest'
import { secretTypes } from '../../../../core/api/secret-types.ts'
import { secretFile } from '../../../../core/keys/secret-data.ts'
import { readApiKey, readStaticSecret } from '../../../../core/secret/presented.ts'
import { hashOf, isSecret, isSecretOf, keyIdOf } from '../../../../core/secret/secret.ts'
import {
  accessKeyOf,
  clientOf,
  createStore,
  publishAheadSeconds,
  type Store,
  settle,
  start,
} from './access-key-store.ts'

const services = [{ namespace: 'shop', name: 'orders' }]
const day = 86_400

/** The bare secret of what a client sends. */
const bare = {
  StaticSecret: (text: string) => readStaticSecret(text)?.secret,
  ApiKey: (text: string) => readApiKey(text)?.secret,
  ClientSecret: (text: string) => (isSecret(text) ? text : undefined),
}

describe.each(secretTypes)('an AccessKey of type %s', type => {
  const minted = async (spec: object = {}): Promise<Store> => {
    const named = type === 'ClientSecret' ? {} : { services }
    const store = createStore(accessKeyOf({ type, ...named, ...spec }))
    await settle(store)
    return store
  }
  const file = (store: Store, name: string) => (store.secret && secretFile(store.secret, name)) ?? ''
  const secretIn = (store: Store) => bare[type](file(store, 'secret')) ?? ''
  const keysOf = ({ accessKey }: Store) => accessKey.status?.keys ?? []
  const kids = (store: Store) => keysOf(store).map(({ kid, state }) => `${state} ${kid}`)

  test('is minted into the Secret, and published as its hash', async () => {
    const store = await minted()
    const secretHash = hashOf(secretIn(store))
    const kid = keyIdOf(secretHash)
    expect(store.writes).toEqual(['create', 'status'])
    expect(Object.keys(store.secret?.data ?? {}).sort()).toEqual([
      'ca.crt',
      'client-id',
      'issuer',
      'key-id',
      'provider',
      'secret',
      'type',
    ])
    expect(file(store, 'key-id')).toBe(kid)
    expect(keysOf(store)).toMatchObject([{ kid, secretHash, state: 'Active' }])
    expect(keysOf(store)[0]).not.toHaveProperty('publicKey')
    expect(store.accessKey.status).toMatchObject({ keyId: kid, state: 'Active' })
    expect(JSON.stringify([store.accessKey, store.events])).not.toContain(secretIn(store))
  })

  test('is another one for each', async () => {
    expect(secretIn(await minted())).not.toBe(secretIn(await minted()))
  })

  test('does not rotate by itself', async () => {
    const store = await minted()
    store.now += 2_000 * day
    expect(await settle(store)).toEqual([])
    expect(store.accessKey.status).not.toHaveProperty('renewalTime')
    expect(store.accessKey.status).not.toHaveProperty('rotationDefault')
  })

  test('rotates where its spec says so, with two that are live for the overlap', async () => {
    const store = await minted({ rotation: { every: '240h', overlap: '24h' } })
    const [first, old] = [secretIn(store), file(store, 'key-id')]
    store.now += 11 * day
    await settle(store)
    expect(store.next && secretFile(store.next, 'secret')).toBeDefined()
    expect(secretIn(store)).toBe(first)
    store.now += 2 * publishAheadSeconds
    await settle(store)
    const [second, young] = [secretIn(store), file(store, 'key-id')]
    expect(second).not.toBe(first)
    expect(kids(store).sort()).toEqual([`Active ${young}`, `Retiring ${old}`])
    for (const [secret, kid] of [
      [first, old],
      [second, young],
    ] as const) {
      expect(isSecretOf(secret, keysOf(store).find(key => key.kid === kid)?.secretHash ?? '')).toBe(true)
    }
    expect(store.next).toBeUndefined()
    store.now += day + 1
    await settle(store)
    expect(kids(store)).toEqual([`Active ${young}`])
  })

  test('is replaced at once when it leaked', async () => {
    const store = await minted()
    const old = file(store, 'key-id')
    store.now += 100
    store.edit({ keysNotBefore: new Date((start + 100) * 1_000).toISOString() })
    await settle(store)
    expect(file(store, 'key-id')).not.toBe(old)
    expect(kids(store).sort()).toEqual([`Active ${file(store, 'key-id')}`, `Revoked ${old}`])
  })

  test('is revoked for good, and its Secret emptied', async () => {
    const store = await minted()
    const old = file(store, 'key-id')
    store.edit({ revoked: { reason: 'leaked' } })
    await settle(store)
    expect(kids(store)).toEqual([`Revoked ${old}`])
    expect(store.secret?.data).toEqual({})
  })

  test('ends when its spec says so', async () => {
    const store = await minted({ expiresAt: new Date((start + 3_600) * 1_000).toISOString() })
    store.now += 3_600
    await settle(store)
    expect(keysOf(store)).toMatchObject([{ state: 'Expired' }])
    expect(store.accessKey.status?.state).toBe('Expired')
  })

  test('is another one for another client id, which its text may hold', async () => {
    const store = await minted()
    const old = file(store, 'key-id')
    store.client = clientOf({}, { clientId: 'shop.other', issuer: 'https://i/shop.other' })
    await settle(store)
    expect(file(store, 'client-id')).toBe('shop.other')
    expect(kids(store)).toEqual([`Active ${file(store, 'key-id')}`])
    expect(file(store, 'key-id')).not.toBe(old)
  })

  test.each([
    ['the secret of another', 'secret', 'other'],
    ['a secret with a typo', 'secret', 'typo'],
    ['another key id', 'key-id', 'acc_aaaaaaaaaaaaaaaaaaaaaaaaaa'],
    ['another client id', 'client-id', 'sc_other'],
    ['no secret', 'secret', undefined],
  ])('gets a new one when somebody put %s into its Secret', async (_, name, put) => {
    const store = await minted()
    const [old, kid] = [file(store, 'secret'), file(store, 'key-id')]
    const texts: Record<string, string> = { other: file(await minted(), 'secret'), typo: `${old.slice(0, -1)}!` }
    const { [name]: _gone, ...data } = store.secret?.data ?? {}
    const text = put === undefined ? undefined : (texts[put] ?? put)
    const edited = { ...data, ...(text !== undefined && { [name]: Buffer.from(text).toString('base64') }) }
    if (store.secret) store.putSecret({ ...store.secret, data: edited })
    await settle(store)
    expect(file(store, 'secret')).not.toBe(old)
    expect(kids(store).sort()).toEqual([`Active ${file(store, 'key-id')}`, `Retiring ${kid}`])
  })
})
