import { describe, expect, test } from 'vitest'
import { retiringSeconds } from '../../../../core/keys/key-ledger.ts'
import type { SecretObject } from '../../../../core/keys/secret-data.ts'
import { proveSecretKey } from '../../../../operator/access-key/key-material.ts'
import { accessKeyOf, createStore, publishAheadSeconds, settle, start } from './access-key-store.ts'
import { at, conditionOf, hour, kidOf, minted, staged, states } from './rotation-rig.ts'

describe('a rotation', () => {
  test('mints, publishes, waits, hands over, deletes the copy, and retires: one write a pass', async () => {
    const store = await minted()
    const first = kidOf(store.secret)
    store.now += 10
    store.edit({ rotation: { requestedAt: at(10) } })
    expect(await settle(store)).toEqual(['create next', 'status'])
    expect(conditionOf(store, 'Rotating')?.reason).toBe('Publishing')
    const next = kidOf(store.next)
    expect(next).not.toBe(first)
    expect(states(store)).toEqual(['Active', 'Pending'])
    store.now += publishAheadSeconds - 1
    expect(await settle(store)).toEqual([])
    expect(kidOf(store.secret)).toBe(first)
    store.now += 1
    expect(await settle(store)).toEqual(['update', 'status', 'delete next'])
    expect(kidOf(store.secret)).toBe(next)
    expect(store.next).toBeUndefined()
    expect(store.accessKey.status?.keys).toMatchObject([
      { kid: next, state: 'Active' },
      {
        kid: first,
        state: 'Retiring',
        notAfter: new Date((store.now + 24 * hour) * 1_000).toISOString().replace('.000Z', 'Z'),
      },
    ])
    expect(conditionOf(store, 'Rotating')).toBeUndefined()
    store.now += 24 * hour - 1
    expect(await settle(store)).toEqual([])
    store.now += 1
    expect(await settle(store)).toEqual(['status'])
    expect(states(store)).toEqual(['Active'])
    expect(store.events.map(({ reason }) => reason)).toEqual(['RotationStarted', 'Rotated'])
  })

  test('updates the Secret in place, and labels, annotations and files of others stay', async () => {
    const annotations = { 'reloader.stakater.com/match': 'true' }
    const store = await minted({ secretTemplate: { annotations }, rotation: { every: '24h' } })
    const { uid } = (store.secret as SecretObject).metadata
    store.putSecret({ ...(store.secret as SecretObject), data: { ...store.secret?.data, theirs: 'eg==' } })
    store.now += 10
    store.edit({ rotation: { requestedAt: at(10) } })
    await settle(store)
    store.now += publishAheadSeconds
    await settle(store)
    expect(store.secret?.metadata.uid).toBe(uid)
    expect(store.secret?.metadata.annotations).toMatchObject(annotations)
    expect(store.secret?.data).toMatchObject({ theirs: 'eg==' })
    expect(proveSecretKey(store.secret as SecretObject, 'Ed25519')?.kid).toBe(store.accessKey.status?.keyId)
  })

  test('keeps the old key for the kubelet’s delay and the longest life of a token where the overlap is shorter', async () => {
    const store = await staged({ rotation: { overlap: '0s' } })
    store.now += publishAheadSeconds
    await settle(store)
    const old = store.accessKey.status?.keys?.find(({ state }) => state === 'Retiring')
    expect(Date.parse(old?.notAfter ?? '') / 1_000 - store.now).toBe(retiringSeconds)
  })

  test('of a key with Orphan leaves no second Secret: the next one has an owner, the mounted one has none', async () => {
    const store = await staged({ deletionPolicy: 'Orphan' })
    expect(store.secret?.metadata.ownerReferences).toBeUndefined()
    expect(store.next?.metadata.ownerReferences).toMatchObject([{ uid: 'key-uid', controller: true }])
  })

  test('that is over can be followed by the end of the old key alone, without its overlap', async () => {
    const store = await staged()
    const next = kidOf(store.next)
    store.now += publishAheadSeconds
    await settle(store)
    store.edit({ keysNotBefore: store.accessKey.spec.rotation?.requestedAt ?? '' })
    expect(await settle(store)).toEqual(['status'])
    expect(kidOf(store.secret)).toBe(next)
    expect(states(store)).toEqual(['Active', 'Revoked'])
  })

  test('that has begun is finished, whatever becomes of spec.rotation', async () => {
    const store = await staged()
    const next = kidOf(store.next)
    store.accessKey = { ...store.accessKey, spec: { clientRef: { name: 'web' } } }
    store.edit({})
    store.now += publishAheadSeconds
    await settle(store)
    expect(kidOf(store.secret)).toBe(next)
  })

  test('does not begin before the key in use is published', async () => {
    const store = createStore(accessKeyOf({ rotation: { requestedAt: at(-1) } }))
    expect(await settle(store)).toEqual(['create', 'status'])
  })

  test('waits while eight earlier keys are in their overlap, and says so', async () => {
    const store = await minted()
    for (let round = 0; round < 8; round++) {
      store.now += publishAheadSeconds
      store.edit({ rotation: { requestedAt: at(store.now - start) } })
      await settle(store)
      store.now += publishAheadSeconds
      await settle(store)
    }
    expect(states(store).filter(state => state === 'Retiring')).toHaveLength(8)
    store.now += 10
    store.edit({ rotation: { requestedAt: at(store.now - start) } })
    expect(await settle(store)).toEqual(['status'])
    expect(conditionOf(store, 'Rotating')?.reason).toBe('TooManyRetiring')
    store.now += 24 * hour
    expect(await settle(store)).toContain('create next')
  })
})

describe('guards', () => {
  const waiting = { state: 'waiting', message: 'Guards hold it at shop/api (2 of 3).' } as const

  test('that do not hold the next key hold it up; the condition counts them, and warns once when it takes long', async () => {
    const store = await staged()
    store.enforced = waiting
    store.now += publishAheadSeconds
    expect(await settle(store)).toEqual(['status'])
    expect(conditionOf(store, 'Rotating')).toMatchObject({
      reason: 'WaitingForGuards',
      message: expect.stringContaining('2 of 3'),
    })
    store.events.splice(0)
    store.now += 9 * publishAheadSeconds
    expect(await settle(store)).toEqual(['status'])
    expect(conditionOf(store, 'Rotating')?.reason).toBe('GuardsBehind')
    store.now += 60
    expect(await settle(store)).toEqual([])
    expect(store.events).toMatchObject([{ type: 'Warning', reason: 'GuardsBehind' }])
    store.enforced = { state: 'enforced' }
    expect(await settle(store)).toEqual(['update', 'status', 'delete next'])
  })

  test('that were not asked yet are waited for', async () => {
    const store = await staged()
    store.enforced = { state: 'unknown' }
    store.now += publishAheadSeconds
    expect(await settle(store)).toEqual(['status'])
    expect(conditionOf(store, 'Rotating')?.message).toContain('not been asked')
  })

  test('that never take it hold it up until they deny everything anyway', async () => {
    const store = await staged()
    store.enforced = waiting
    store.stalenessSeconds = 48 * hour
    store.now += 48 * hour - 1
    expect(await settle(store)).not.toContain('update')
    store.now += 1
    expect(await settle(store)).toContain('update')
  })

  test('that never take it do not let the key in use end', async () => {
    const store = await minted({ validity: '3h', rotation: { every: '2h', overlap: '30m' } })
    store.enforced = waiting
    const end = Date.parse(store.accessKey.status?.expiresAt ?? '') / 1_000
    const first = kidOf(store.secret)
    for (; store.now < end - retiringSeconds; store.now += 60) await settle(store)
    expect(kidOf(store.secret)).toBe(first)
    store.now = end - retiringSeconds
    await settle(store)
    expect(kidOf(store.secret)).not.toBe(first)
    expect(states(store)[0]).toBe('Active')
  })
})
