import { describe, expect, test } from 'vitest'
import { accessKeyOf, createStore, publishAheadSeconds, type Store, settle, start } from './access-key-store.ts'
import { at, conditionOf, hour, kidOf, minted, staged, states } from './rotation-rig.ts'

describe('when a key rotates', () => {
  const renewalHours = ({ accessKey: { status } }: Store) =>
    status?.renewalTime && (Date.parse(status.renewalTime) / 1_000 - start) / hour

  test('by default: of a Workload after 720h give or take a twentieth, or two thirds of its validity', async () => {
    const plain = renewalHours(await minted()) as number
    expect(plain).toBeGreaterThan(684)
    expect(plain).toBeLessThan(757)
    const short = renewalHours(await minted({ validity: '300h' })) as number
    expect(short).toBeGreaterThan(190)
    expect(short).toBeLessThan(211)
  })

  test('by default: of a Partner and of a Person never, and on request', async () => {
    for (const type of ['Partner', 'Personal'] as const) {
      const store = await minted({ validity: '2160h' }, type)
      expect(renewalHours(store)).toBeUndefined()
      expect(store.accessKey.status?.rotates).toBeUndefined()
      store.now += 10
      store.edit({ rotation: { requestedAt: at(10) } })
      expect(await settle(store)).toEqual(['create next', 'status'])
    }
  })

  test('by default: never one that its owner brings, and never one whose every key ends before', async () => {
    const publicKey = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' } as const
    expect(renewalHours(await minted({ publicKey }))).toBeUndefined()
    expect(renewalHours(await minted({ expiresAt: at(100 * hour) }))).toBeUndefined()
  })

  test('keys made together do not rotate together, and a key always at the same time', async () => {
    const times = new Set<number>()
    for (const uid of ['a', 'b', 'c', 'a']) {
      const key = accessKeyOf()
      const store = createStore({ ...key, metadata: { ...key.metadata, uid } })
      await settle(store)
      times.add(renewalHours(store) as number)
    }
    expect(times.size).toBe(3)
  })

  test('it is staged before it is due, so that it takes its place when it is', async () => {
    const store = await minted({ rotation: { every: '48h' } })
    const due = Date.parse(store.accessKey.status?.renewalTime ?? '') / 1_000
    const first = kidOf(store.secret)
    store.now = due - publishAheadSeconds * 1.1 - 1
    expect(await settle(store)).not.toContain('create next')
    store.now += 1
    expect(await settle(store)).toContain('create next')
    store.now = due - 1
    await settle(store)
    expect(kidOf(store.secret)).toBe(first)
    store.now = due
    expect(await settle(store)).toContain('update')
  })

  test('ROTATES says the day, from 30 days on within how many days it comes, and the time on the last day', async () => {
    const store = await minted({ rotation: { every: '1440h' } })
    const due = Date.parse(store.accessKey.status?.renewalTime ?? '') / 1_000
    const day = store.accessKey.status?.renewalTime?.slice(0, 10)
    const said = new Set([store.accessKey.status?.rotates])
    for (; store.now < due - 2 * publishAheadSeconds; store.now += 2 * hour) {
      await settle(store)
      said.add(store.accessKey.status?.rotates)
    }
    expect([...said]).toEqual([
      day,
      ...[30, 14, 7].map(days => `${day} (within ${days}d)`),
      `${day} ${store.accessKey.status?.renewalTime?.slice(11, 16)}Z`,
    ])
  })

  test('a key that rotates every hour does so for days, with nothing left over', async () => {
    const store = await minted({ validity: '3h', rotation: { every: '1h', overlap: '30m' } })
    const seen = new Set<string | undefined>()
    for (const end = store.now + 24 * hour; store.now < end; store.now += 120) {
      await settle(store)
      seen.add(kidOf(store.secret))
      expect(states(store).filter(state => state === 'Active')).toHaveLength(1)
      expect(states(store).length).toBeLessThanOrEqual(3)
    }
    expect(seen.size).toBeGreaterThanOrEqual(22)
    expect(seen.size).toBeLessThanOrEqual(26)
  })

  test('one that is due while the operator was away for long rotates then, without a wait where its key has ended', async () => {
    const store = await minted({ validity: '3h', rotation: { every: '1h', overlap: '30m' } })
    store.now += 5 * hour
    const writes = await settle(store)
    expect(writes).toContain('update')
    expect(states(store)).toEqual(['Active'])
  })
})

describe('windows', () => {
  // `start` is a Friday, 2027-01-15, 08:00 UTC.
  const windows = [{ days: ['Sun' as const], start: '02:00', duration: '1h' }]

  test('a rotation that is due waits for the next one, with its key published before', async () => {
    const store = await minted({ rotation: { every: '24h', windows } })
    const opens = Date.parse('2027-01-17T02:00:00Z') / 1_000
    expect(store.accessKey.status?.renewalTime).toBe('2027-01-17T02:00:00Z')
    store.now = opens - publishAheadSeconds * 1.1
    await settle(store)
    expect(states(store)).toEqual(['Active', 'Pending'])
    store.now = opens - 1
    expect(await settle(store)).toEqual(['status'])
    expect(conditionOf(store, 'Rotating')?.reason).toBe('WaitingForWindow')
    store.now = opens
    expect(await settle(store)).toContain('update')
  })

  test('one that was missed is waited for until the next, and the condition says so', async () => {
    const store = await minted({ rotation: { every: '24h', windows } })
    store.now = Date.parse('2027-01-17T03:00:00Z') / 1_000
    await settle(store)
    expect(store.accessKey.status?.renewalTime).toBe('2027-01-24T02:00:00Z')
    expect(store.next).toBeUndefined()
  })

  test('a key that was staged when its window passed waits for the next one', async () => {
    const store = await minted({ rotation: { every: '24h', windows } })
    store.now = Date.parse('2027-01-17T01:50:00Z') / 1_000
    await settle(store)
    store.now = Date.parse('2027-01-17T03:00:00Z') / 1_000
    await settle(store)
    expect(conditionOf(store, 'Rotating')?.reason).toBe('WaitingForWindow')
    store.now = Date.parse('2027-01-24T02:00:00Z') / 1_000
    expect(await settle(store)).toContain('update')
  })

  test('are not waited for by one that was requested', async () => {
    const store = await staged({ rotation: { every: '24h', windows } })
    store.now += publishAheadSeconds
    expect(await settle(store)).toContain('update')
  })

  test('that are shorter than the publishing ahead do', async () => {
    const store = await minted({ rotation: { every: '24h', windows: [{ start: '02:00', duration: '1m' }] } })
    const opens = Date.parse(store.accessKey.status?.renewalTime ?? '') / 1_000
    for (store.now = opens - 2 * publishAheadSeconds; store.now < opens; store.now += 60) await settle(store)
    store.now = opens
    expect(await settle(store)).toContain('update')
  })
})

describe('what was requested', () => {
  test('before the key was minted is done already', async () => {
    const store = await minted()
    store.edit({ rotation: { every: '240h', requestedAt: at(0) } })
    expect(await settle(store)).toEqual(['status'])
    expect(store.next).toBeUndefined()
  })

  test('within the second in which the key was minted is not done', async () => {
    const store = await minted()
    store.now += 1
    store.edit({ rotation: { requestedAt: new Date(start * 1_000 + 1).toISOString() } })
    expect(await settle(store)).toEqual(['create next', 'status'])
  })

  test('ahead begins at that moment', async () => {
    const store = await minted()
    store.edit({ rotation: { requestedAt: at(hour) } })
    await settle(store)
    expect(conditionOf(store, 'Rotating')?.reason).toBe('Requested')
    expect(store.accessKey.status?.renewalTime).toBe(at(hour))
    store.now += hour - 1
    expect(await settle(store)).not.toContain('create next')
    store.now += 1
    expect(await settle(store)).toContain('create next')
    store.now += publishAheadSeconds
    await settle(store)
    expect(conditionOf(store, 'Rotating')).toBeUndefined()
    expect(await settle(store)).toEqual([])
  })

  test('while another one is under way is done after it', async () => {
    const store = await staged()
    store.now += 30
    store.edit({ rotation: { requestedAt: at(store.now - start) } })
    await settle(store)
    expect(states(store)).toEqual(['Active', 'Pending'])
    store.now += publishAheadSeconds
    const writes = await settle(store)
    expect(writes).toEqual(['update', 'status', 'delete next', 'create next', 'status'])
    store.now += publishAheadSeconds
    await settle(store)
    expect(states(store)).toEqual(['Active', 'Retiring', 'Retiring'])
    expect(conditionOf(store, 'Rotating')).toBeUndefined()
  })
})
