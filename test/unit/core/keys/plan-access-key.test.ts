import { expect, test } from 'vitest'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import { accessKey as kind } from '../../../../core/api/access-key.ts'
import { desiredSecret, type SecretObject, secretAnnotations, secretFile } from '../../../../core/keys/secret-data.ts'
import { reconcileAccessKey } from '../../../../operator/access-key/access-key.ts'
import { generateKeyMaterial, proveSecretKey } from '../../../../operator/access-key/key-material.ts'
import { accessKeyOf, clientOf, createStore, type Store, settle, start } from './access-key-store.ts'

const ed25519 = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' } as const
const at = (seconds: number): string => new Date((start + seconds) * 1_000).toISOString()

interface Situation {
  readonly spec?: Partial<AccessKey['spec']>
  /** Makes the situation, from a key that was minted and published before, or from nothing. */
  readonly given?: (store: Store) => Promise<void> | void
  readonly from?: 'minted' | 'nothing'
  /** The writes until there is nothing left to write. */
  readonly writes: string[]
  readonly accepted?: string
  readonly ready: string
  readonly state: string
  readonly keys: string[]
}

const foreign: SecretObject = { type: 'Opaque', metadata: { name: 'web', namespace: 'shop' }, data: { a: 'Yg==' } }
const changed = (store: Store, data: Record<string, string>): SecretObject => ({
  ...(store.secret as SecretObject),
  data: { ...store.secret?.data, ...data },
})

const situations: Record<string, Situation> = {
  'a new key': { from: 'nothing', writes: ['create', 'status'], ready: 'Ready', state: 'Active', keys: ['Active'] },
  'a key that is as it should be': { writes: [], ready: 'Ready', state: 'Active', keys: ['Active'] },
  'a crash after the Secret was created': {
    from: 'nothing',
    given: async store => void (await reconcileAccessKey('shop/web', store.io())),
    writes: ['status'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active'],
  },
  'a Secret that was deleted': {
    given: store => store.putSecret(undefined),
    writes: ['create', 'status'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active', 'Retiring'],
  },
  'a Secret whose key-id was edited': {
    given: store => store.putSecret(changed(store, { 'key-id': 'eA==' })),
    writes: ['update', 'status'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active', 'Retiring'],
  },
  'a Secret without its key number': {
    given(store) {
      const { [secretAnnotations.keyNumber]: _, ...annotations } = store.secret?.metadata.annotations ?? {}
      const secret = store.secret as SecretObject
      store.putSecret({ ...secret, metadata: { ...secret.metadata, annotations } })
    },
    writes: ['update'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active'],
  },
  'a file that can be computed again': {
    given: store => store.putSecret(changed(store, { issuer: 'eA==' })),
    writes: ['update'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active'],
  },
  'a Secret of somebody else': {
    from: 'nothing',
    given: store => store.putSecret(foreign),
    writes: ['status'],
    ready: 'SecretConflict',
    state: 'Pending',
    keys: [],
  },
  'Secrets that are forbidden': {
    from: 'nothing',
    given: store => {
      store.forbidden = true
    },
    writes: ['status'],
    ready: 'SecretForbidden',
    state: 'Pending',
    keys: [],
  },
  'a role that does not exist: the key is minted all the same': {
    from: 'nothing',
    spec: { roles: [{ namespace: 'shop', name: 'reader' }] },
    given: store => {
      store.missingRoles = ['shop/reader']
    },
    writes: ['create', 'status'],
    accepted: 'RoleNotFound',
    ready: 'RoleNotFound',
    state: 'Active',
    keys: ['Active'],
  },
  'a Secret that a policy refuses': {
    from: 'nothing',
    given: store => {
      store.refused = 422
    },
    writes: ['status'],
    ready: 'SecretRefused',
    state: 'Pending',
    keys: [],
  },
  'a Secret that is over a quota: revocation is published all the same': {
    given: store => {
      store.refused = 403
      store.edit({ revoked: {} })
    },
    writes: ['status', 'status'],
    ready: 'SecretRefused',
    state: 'Revoked',
    keys: ['Revoked'],
  },
  'a revocation is published before the Secret is emptied': {
    given: store => store.edit({ revoked: {} }),
    writes: ['status', 'update', 'status'],
    ready: 'Revoked',
    state: 'Revoked',
    keys: ['Revoked'],
  },
  'a revocation where the client is gone': {
    given(store) {
      store.client = undefined
      store.edit({ revoked: {} })
    },
    writes: ['status', 'update', 'status'],
    accepted: 'ClientNotFound',
    ready: 'Revoked',
    state: 'Revoked',
    keys: ['Revoked'],
  },
  'a leak: older keys are revoked before the new one is minted': {
    given(store) {
      store.now += 10
      store.edit({ keysNotBefore: at(9) })
    },
    writes: ['status', 'update', 'status'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active', 'Revoked'],
  },
  'a moment of revocation that is still to come': {
    given: store => store.edit({ keysNotBefore: at(100) }),
    writes: ['status'],
    accepted: 'Invalid',
    ready: 'Invalid',
    state: 'Refused',
    keys: ['Revoked'],
  },
  'a key that has ended': {
    spec: { expiresAt: at(50) },
    given: store => {
      store.now += 60
    },
    writes: ['status'],
    ready: 'Expired',
    state: 'Expired',
    keys: ['Expired'],
  },
  'a key that had ended before it was minted': {
    from: 'nothing',
    spec: { expiresAt: at(-1) },
    writes: ['status'],
    ready: 'Expired',
    state: 'Expired',
    keys: [],
  },
  'a key that ended within this second, whose Secret was deleted': {
    spec: { expiresAt: new Date(start * 1_000 + 50_500).toISOString() },
    given(store) {
      store.now += 50
      store.putSecret(undefined)
    },
    writes: ['status'],
    ready: 'Expired',
    state: 'Expired',
    keys: ['Expired'],
  },
  'an ended key whose Secret was deleted': {
    spec: { validity: '1h' },
    given(store) {
      store.client = clientOf({ type: 'Partner' })
      store.now += 3_700
      store.putSecret(undefined)
    },
    writes: ['status'],
    ready: 'Expired',
    state: 'Expired',
    keys: ['Expired'],
  },
  'an ended key after a leak': {
    spec: { validity: '1h' },
    given(store) {
      store.now += 3_700
      store.edit({ keysNotBefore: at(3_700) })
    },
    writes: ['status', 'update', 'status'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active', 'Revoked'],
  },
  'a brought key': {
    from: 'nothing',
    spec: { publicKey: ed25519 },
    writes: ['status'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active'],
  },
  'a brought key after a leak': {
    spec: { publicKey: ed25519 },
    given(store) {
      store.now += 10
      store.edit({ keysNotBefore: at(5) })
    },
    writes: ['status'],
    ready: 'Revoked',
    state: 'Revoked',
    keys: ['Revoked'],
  },
  'a brought key with a private member': {
    from: 'nothing',
    spec: { publicKey: { ...ed25519, d: 'x' } },
    writes: ['status'],
    accepted: 'PublicKeyInvalid',
    ready: 'PublicKeyInvalid',
    state: 'Refused',
    keys: [],
  },
  'a client that is gone keeps what is published': {
    given: store => {
      store.client = undefined
    },
    writes: ['status'],
    accepted: 'ClientNotFound',
    ready: 'ClientNotFound',
    state: 'Refused',
    keys: ['Active'],
  },
  'a client that is refused': {
    given: store => {
      store.client = clientOf({}, { accepted: false })
    },
    writes: ['status'],
    accepted: 'ClientRefused',
    ready: 'ClientRefused',
    state: 'Refused',
    keys: ['Active'],
  },
  'a client that is suspended: its key reads as dead, and is minted all the same': {
    from: 'nothing',
    given: store => {
      store.client = clientOf({ suspended: true }, { suspended: true })
    },
    writes: ['create', 'status'],
    ready: 'ClientSuspended',
    state: 'Suspended',
    keys: ['Active'],
  },
  'a client that became Personal: a key without end is withdrawn': {
    given: store => {
      store.client = clientOf({ type: 'Personal' })
    },
    writes: ['status'],
    accepted: 'ExpiryRequired',
    ready: 'ExpiryRequired',
    state: 'Refused',
    keys: [],
  },
  'a client of another id: the old key is withdrawn before another is minted': {
    given: store => {
      store.client = clientOf({}, { clientId: 'shop.other', issuer: 'https://i/shop.other' })
    },
    writes: ['status', 'update', 'status'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active'],
  },
  'what this version does not make': {
    from: 'nothing',
    spec: { type: 'StaticSecret' },
    writes: ['status'],
    accepted: 'Unsupported',
    ready: 'Unsupported',
    state: 'Refused',
    keys: [],
  },
}

const seen = new Set<string>()
for (const [name, situation] of Object.entries(situations)) {
  test(`${name}: ${situation.writes.join(', ') || 'nothing is written'}`, async () => {
    const store = createStore(accessKeyOf(situation.spec))
    if (situation.from !== 'nothing') await settle(store)
    await situation.given?.(store)
    expect(await settle(store)).toEqual(situation.writes)
    const { status } = store.accessKey
    const condition = (type: string) => status?.conditions?.find(one => one.type === type)
    expect(condition('Accepted')?.reason).toBe(situation.accepted ?? 'Accepted')
    expect(condition('Ready')?.reason).toBe(situation.ready)
    expect(status?.state).toBe(situation.state)
    expect((status?.keys ?? []).map(key => key.state)).toEqual(situation.keys)
    for (const { type, reason } of status?.conditions ?? []) {
      expect(Object.keys(kind.conditions[type] ?? {})).toContain(reason)
      seen.add(`${type}/${reason}`)
    }
    // Running again changes nothing.
    expect(await settle(store)).toEqual([])
  })
}

test('every reason of Accepted, Ready and Stalled is produced here', () => {
  const wanted = ['Accepted', 'Ready', 'Stalled'].flatMap(type =>
    Object.keys(kind.conditions[type] ?? {}).map(reason => `${type}/${reason}`),
  )
  // Pending is between two passes: see the next test.
  expect(wanted.filter(reason => !seen.has(reason) && reason !== 'Ready/Pending')).toEqual([])
})

test('a good key stays Ready while its Secret cannot be refreshed', async () => {
  const store = createStore(accessKeyOf())
  await settle(store)
  store.refused = 403
  store.edit({ secretTemplate: { labels: { team: 'a' } } })
  const { length } = store.writes
  await reconcileAccessKey('shop/web', store.io())
  for (let pass = 0; pass < 3; pass++) await expect(reconcileAccessKey('shop/web', store.io())).rejects.toThrow('403')
  expect(store.writes.slice(length)).toEqual(['status'])
  expect(store.accessKey.status?.conditions?.find(one => one.type === 'Ready')?.reason).toBe('Ready')
})

test('while a leaked key is being replaced the key is Pending', async () => {
  const store = createStore(accessKeyOf())
  await settle(store)
  store.now += 10
  store.edit({ keysNotBefore: at(9) })
  await reconcileAccessKey('shop/web', store.io())
  const ready = store.accessKey.status?.conditions?.find(one => one.type === 'Ready')
  expect(ready).toMatchObject({ status: 'False', reason: 'Pending', observedGeneration: 2 })
})

test('a retiring key is dropped when its last token has ended, and not before', async () => {
  const store = createStore(accessKeyOf())
  await settle(store)
  store.putSecret(undefined)
  await settle(store)
  store.now += 929
  expect(await settle(store)).toEqual([])
  store.now += 1
  expect(await settle(store)).toEqual(['status'])
  expect(store.accessKey.status?.keys?.map(key => key.state)).toEqual(['Active'])
})

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

test('a clock that went back does not mint for ever: a new key is never older than what is published (F09)', async () => {
  const store = createStore(accessKeyOf())
  await settle(store)
  store.now -= 3_600
  store.putSecret(undefined)
  expect(await settle(store)).toEqual(['create', 'status'])
  expect(store.accessKey.status?.state).toBe('Active')
})

test('an orphan is adopted only with the right name, client id and key', async () => {
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
  for (const secret of [await left(renamed), await left(accessKeyOf(), 'shop.other'), owned]) {
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

test('a key that is narrowed to roles of which none exists says that it opens nothing; else that the others count', async () => {
  const roles = ['reader', 'writer'].map(name => ({ namespace: 'shop', name }))
  const messageOf = async (missing: string[]): Promise<string | undefined> => {
    const store = createStore(accessKeyOf({ roles }))
    store.missingRoles = missing
    await settle(store)
    return store.accessKey.status?.conditions?.find(({ type }) => type === 'Ready')?.message
  }
  expect(await messageOf(['shop/reader'])).toContain('shop/reader; the others of spec.roles count')
  expect(await messageOf(['shop/reader', 'shop/writer'])).toContain(
    'the key opens nothing, for spec.roles names no other role',
  )
})
