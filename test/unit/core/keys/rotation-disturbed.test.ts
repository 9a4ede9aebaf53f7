import { describe, expect, test } from 'vitest'
import { type SecretObject, secretAnnotations } from '../../../../core/keys/secret-data.ts'
import { reconcileAccessKey } from '../../../../operator/access-key/access-key.ts'
import { clientOf, publishAheadSeconds, type Store, settle, start } from './access-key-store.ts'
import { at, conditionOf, minted, staged, states } from './rotation-rig.ts'

describe('a rotation under way, and', () => {
  interface Fault {
    readonly given: (store: Store) => void | Promise<void>
    readonly writes: string[]
    readonly ready?: string
    /** What the message must name. */
    readonly says?: string
    readonly keys: string[]
    readonly next?: 'there' | 'gone'
  }
  const foreign = (name: string): SecretObject => ({
    type: 'Opaque',
    metadata: { name, namespace: 'shop' },
    data: { a: 'Yg==' },
  })
  const emptied = (secret: SecretObject | undefined): SecretObject => ({ ...(secret as SecretObject), data: {} })
  const edited = (secret: SecretObject | undefined): SecretObject => ({
    ...(secret as SecretObject),
    data: { ...secret?.data, 'key-id': 'eA==' },
  })

  const faults: Record<string, Fault> = {
    'the next Secret deleted: another one is minted': {
      given: store => store.putNext(undefined),
      writes: ['status', 'create next', 'status'],
      keys: ['Active', 'Pending'],
      next: 'there',
    },
    'the next Secret edited: it is replaced': {
      given: store => store.putNext(edited(store.next)),
      writes: ['status', 'delete next', 'create next', 'status'],
      keys: ['Active', 'Pending'],
      next: 'there',
    },
    'the next Secret emptied: it is replaced': {
      given: store => store.putNext(emptied(store.next)),
      writes: ['status', 'delete next', 'create next', 'status'],
      keys: ['Active', 'Pending'],
      next: 'there',
    },
    'the next Secret made anew by somebody else: it stays untouched': {
      given: store => store.putNext(foreign('web-next')),
      writes: ['status'],
      ready: 'SecretConflict',
      says: 'web-next',
      keys: ['Active'],
    },
    'the next Secret made anew with another uid and the same content: it goes on': {
      given: store =>
        store.putNext({
          ...(store.next as SecretObject),
          metadata: { ...store.next?.metadata, name: 'web-next', uid: 'other' },
        }),
      writes: [],
      keys: ['Active', 'Pending'],
      next: 'there',
    },
    'the mounted Secret deleted: it gets the next key, at once': {
      given: store => store.putSecret(undefined),
      writes: ['status', 'create', 'status', 'delete next'],
      keys: ['Active', 'Retiring'],
      next: 'gone',
    },
    'the mounted Secret edited: it gets the next key, at once': {
      given: store => store.putSecret(edited(store.secret)),
      writes: ['status', 'update', 'status', 'delete next'],
      keys: ['Active', 'Retiring'],
      next: 'gone',
    },
    'both Secrets deleted: one key is minted': {
      given(store) {
        store.putSecret(undefined)
        store.putNext(undefined)
      },
      writes: ['status', 'create', 'status'],
      keys: ['Active', 'Retiring'],
    },
    'both Secrets emptied: one key is minted': {
      given(store) {
        store.putSecret(emptied(store.secret))
        store.putNext(emptied(store.next))
      },
      writes: ['status', 'update', 'status', 'delete next'],
      keys: ['Active', 'Retiring'],
      next: 'gone',
    },
    'the two Secrets swapped: the next key is in use, the other one retires': {
      given(store) {
        const [mounted, next] = [store.secret as SecretObject, store.next as SecretObject]
        store.putSecret({
          ...mounted,
          data: next.data as never,
          metadata: { ...mounted.metadata, annotations: next.metadata.annotations ?? {} },
        })
        store.putNext({
          ...next,
          data: mounted.data as never,
          metadata: { ...next.metadata, annotations: mounted.metadata.annotations ?? {} },
        })
      },
      writes: ['status', 'delete next'],
      keys: ['Active', 'Retiring'],
      next: 'gone',
    },
    'the mounted Secret restored from a backup of itself: nothing happens': {
      given: store => store.putSecret(store.secret),
      writes: [],
      keys: ['Active', 'Pending'],
      next: 'there',
    },
    'the key revoked: both Secrets hold none any more': {
      given: store => store.edit({ revoked: {} }),
      writes: ['status', 'update', 'delete next', 'status'],
      ready: 'Revoked',
      keys: ['Revoked', 'Revoked'],
      next: 'gone',
    },
    'a leak of all keys until now: both are revoked, and one is minted': {
      given(store) {
        store.now += 10
        store.edit({ keysNotBefore: at(store.now - start) })
      },
      writes: ['status', 'update', 'status', 'delete next'],
      keys: ['Active', 'Revoked', 'Revoked'],
      next: 'gone',
    },
    'a leak of the older key: the next one takes its place at once': {
      given: store => store.edit({ keysNotBefore: at(5) }),
      writes: ['status', 'update', 'status', 'delete next'],
      keys: ['Active', 'Revoked'],
      next: 'gone',
    },
    'the client suspended: nothing is handed out, the next key goes': {
      given(store) {
        store.client = clientOf({ suspended: true }, { suspended: true })
      },
      writes: ['status', 'delete next'],
      ready: 'ClientSuspended',
      keys: ['Active'],
      next: 'gone',
    },
    'Secrets forbidden in the namespace': {
      given(store) {
        store.forbidden = true
      },
      writes: ['status'],
      ready: 'SecretForbidden',
      says: 'secrets.namespaceList',
      keys: ['Active', 'Pending'],
    },
    'the next Secret alone forbidden': {
      given(store) {
        store.forbiddenNext = true
      },
      writes: ['status'],
      ready: 'SecretForbidden',
      says: 'secrets.namespaceList',
      keys: ['Active', 'Pending'],
    },
    'a quota reached when another next key is needed': {
      given(store) {
        store.putNext(undefined)
        store.refusedNext = 403
      },
      writes: ['status', 'status'],
      ready: 'SecretRefused',
      says: 'web-next',
      keys: ['Active'],
    },
    'every write of Secrets refused when the next key is due': {
      given(store) {
        store.refused = 422
        store.now += publishAheadSeconds
      },
      writes: ['status'],
      ready: 'SecretRefused',
      says: 'the Secret web.',
      keys: ['Active', 'Pending'],
    },
    'the client gone': {
      given(store) {
        store.client = undefined
      },
      writes: ['status'],
      ready: 'ClientNotFound',
      keys: ['Active', 'Pending'],
      next: 'there',
    },
    'the client of another id: all is minted anew': {
      given(store) {
        store.client = clientOf({}, { clientId: 'shop.other', issuer: 'https://i/shop.other' })
      },
      writes: ['status', 'update', 'status', 'delete next'],
      keys: ['Active'],
      next: 'gone',
    },
  }

  for (const [name, fault] of Object.entries(faults)) {
    test(`${name} (${fault.writes.join(', ') || 'nothing is written'})`, async () => {
      const store = await staged()
      const others = store.next
      await fault.given(store)
      const put = store.next
      expect(await settle(store)).toEqual(fault.writes)
      expect(states(store)).toEqual(fault.keys)
      const ready = conditionOf(store, 'Ready')
      expect(ready?.reason).toBe(fault.ready ?? 'Ready')
      if (fault.says) expect(ready?.message).toContain(fault.says)
      if (fault.next === 'gone') expect(store.next).toBeUndefined()
      if (fault.next === 'there') expect(store.next).toBeDefined()
      if (fault.ready === 'SecretConflict') expect(store.next).toEqual(put)
      expect(others).toBeDefined()
      expect(await settle(store)).toEqual([])
    })
  }

  test('a Secret of the next name that is somebody else’s is nobody’s trouble before a rotation', async () => {
    const store = await minted()
    store.putNext(foreign('web-next'))
    expect(await settle(store)).toEqual([])
    store.now += 10
    store.edit({ rotation: { requestedAt: at(10) } })
    expect(await settle(store)).toEqual(['status'])
    expect(conditionOf(store, 'Stalled')?.reason).toBe('SecretConflict')
    expect(store.accessKey.status).toMatchObject({ state: 'Active', binding: { name: 'web' } })
    store.putNext(undefined)
    expect(await settle(store)).toContain('create next')
  })

  test('a next key that an AccessKey of this name left is deleted, and never handed out', async () => {
    const store = await staged()
    const left = store.next as SecretObject
    const { ownerReferences: _, ...metadata } = left.metadata
    const annotations = { ...metadata.annotations, [secretAnnotations.ownerUid]: 'old-uid' }
    const another = await minted()
    another.putNext({ ...left, metadata: { ...metadata, annotations } })
    expect(await settle(another)).toEqual(['delete next'])
  })

  test('what is left of a rotation that somebody else finished is deleted, unpublished', async () => {
    const store = await staged()
    const paused = store.next as SecretObject
    store.now += publishAheadSeconds
    await settle(store)
    // A leader that was stopped before it created its Secret goes on now.
    store.putNext({ ...paused, metadata: { ...paused.metadata, uid: 'late' } })
    expect(await settle(store)).toEqual(['delete next'])
    expect(states(store)).toEqual(['Active', 'Retiring'])
  })

  test('a clock that goes back and forth by five minutes mints nothing twice', async () => {
    const store = await minted({ rotation: { every: '24h' } })
    const due = Date.parse(store.accessKey.status?.renewalTime ?? '') / 1_000
    const writes: string[] = []
    store.now = due - publishAheadSeconds * 1.1
    for (let round = 0; round < 400; round++) {
      store.now += round % 2 === 0 ? 330 : -300
      // One pass at a time, so that the clock goes wherever a pass can be.
      const before = store.writes.length
      await reconcileAccessKey('shop/web', store.io())
      writes.push(...store.writes.slice(before))
    }
    expect(writes.filter(write => write === 'create next')).toHaveLength(1)
    expect(writes.filter(write => write === 'update')).toHaveLength(1)
  })
})
