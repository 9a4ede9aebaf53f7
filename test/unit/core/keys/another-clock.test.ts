import { describe, expect, it } from 'vitest'
import type { AccessKey, PublishedKey } from '../../../../core/api/access-key.ts'
import { secondsOfTime } from '../../../../core/base/time.ts'
import { keyNumberOf, type SecretObject, secretAnnotations } from '../../../../core/keys/secret-data.ts'
import { reconcileAccessKey } from '../../../../operator/access-key/access-key.ts'
import { at, publishAheadSeconds, type Store, settle, start } from './access-key-store.ts'
import { day, keysOf, storeOf } from './clock-rig.ts'
import { kidOf, states } from './rotation-rig.ts'

/** One whose key was minted, and published, by a leader whose clock is so far ahead. */
async function mintedAhead(seconds: number, spec: Partial<AccessKey['spec']> = {}): Promise<Store> {
  const store = storeOf(spec)
  store.now += seconds
  await settle(store)
  store.now -= seconds
  return store
}

const bornOf = ({ notBefore }: PublishedKey) => secondsOfTime(notBefore) - start
const renewalOf = (store: Store) => secondsOfTime(store.accessKey.status?.renewalTime ?? '') - start
const numberOf = (secret: SecretObject | undefined) => ((secret && keyNumberOf(secret)) ?? 0) - start
const renumber = (secret: SecretObject | undefined, number: number): SecretObject | undefined => {
  if (!secret) return undefined
  const annotations = { ...secret.metadata.annotations, [secretAnnotations.keyNumber]: String(number) }
  return { ...secret, metadata: { ...secret.metadata, annotations } }
}

describe('a key that was minted by a clock that is ahead (F09)', () => {
  it('counts as minted when a right clock first sees it, and says so once', async () => {
    const store = await mintedAhead(300)
    const kid = kidOf(store.secret)
    store.now += 10
    expect(await settle(store)).toEqual(['status', 'update'])
    expect(keysOf(store)).toMatchObject([{ kid, state: 'Active', notBefore: at(10).replace('.000Z', 'Z') }])
    expect(numberOf(store.secret)).toBe(10)
    expect(renewalOf(store)).toBeLessThan(720 * 3_600 * 1.05 + publishAheadSeconds * 1.1 + 10)
    const told = store.events.filter(({ reason }) => reason === 'ClockAhead')
    const note =
      'A key was published with a time 290 s from now: the clock of an operator was ahead. It counts as minted now.'
    expect(told).toEqual([{ type: 'Warning', reason: 'ClockAhead', action: 'Reconcile', note }])
    store.now += 10
    expect(await settle(store)).toEqual([])
  })

  it('is left as it is within the tolerance that guards have', async () => {
    const store = await mintedAhead(30)
    expect(await settle(store)).toEqual([])
  })

  it('is left as it is by a clock that is behind the making of the AccessKey', async () => {
    const store = await mintedAhead(300)
    store.now = start - 1
    expect(await settle(store)).toEqual([])
  })

  it('is revoked by keysNotBefore, and replaced by a request', async () => {
    for (const spec of [{ keysNotBefore: at(20) }, { rotation: { requestedAt: at(20) } }]) {
      const store = await mintedAhead(366 * day)
      const kid = kidOf(store.secret)
      await settle(store)
      store.now += 20
      store.edit(spec)
      await settle(store)
      store.now += publishAheadSeconds
      await settle(store)
      expect(kidOf(store.secret)).not.toBe(kid)
      expect(keysOf(store).find(key => key.kid === kid)?.state).not.toBe('Active')
    }
  })

  it('ends after its validity, counted from now', async () => {
    const store = await mintedAhead(366 * day, { validity: '24h' })
    await settle(store)
    expect(secondsOfTime(store.accessKey.status?.expiresAt ?? '') - start).toBe(day)
  })

  it('for a request that is younger than our clock is not replaced again', async () => {
    const store = storeOf({ rotation: {} })
    await settle(store)
    store.now += 400
    store.edit({ rotation: { requestedAt: at(400) } })
    await settle(store)
    store.now += publishAheadSeconds
    await settle(store)
    const kid = kidOf(store.secret)
    store.now = start + 10
    await settle(store)
    store.now += 2 * publishAheadSeconds
    await settle(store)
    expect(kidOf(store.secret)).toBe(kid)
  })

  it('and for a keysNotBefore that is younger than our clock is not revoked', async () => {
    const store = storeOf({ keysNotBefore: at(400) })
    store.now += 800
    await settle(store)
    const kid = kidOf(store.secret)
    store.now = start
    await settle(store)
    expect(keysOf(store)).toMatchObject([{ kid, state: 'Active', notBefore: '2027-01-15T08:06:40Z' }])
  })

  it('and was not published yet is published as minted now', async () => {
    const store = storeOf()
    store.now += 300
    await reconcileAccessKey('shop/web', store.io())
    const kid = kidOf(store.secret)
    store.now -= 300
    expect(await settle(store)).toEqual(['status', 'update'])
    expect(keysOf(store)).toMatchObject([{ kid, state: 'Active' }])
    expect(keysOf(store).map(bornOf)).toEqual([0])
    expect(store.events.map(({ reason }) => reason)).not.toContain('ClockAhead')
  })

  it('comes after those that the same clock minted before it', async () => {
    const store = await mintedAhead(300)
    store.now += 310
    store.putSecret(undefined)
    await settle(store)
    store.now -= 310
    await settle(store)
    expect(keysOf(store).map(key => [key.state, bornOf(key)])).toEqual([
      ['Active', 1],
      ['Retiring', 0],
    ])
  })

  it('as a next key that nobody published yet is still the next one', async () => {
    const store = await mintedAhead(300)
    store.now += 301
    store.edit({ rotation: { requestedAt: at(301) } })
    await reconcileAccessKey('shop/web', store.io())
    const next = kidOf(store.next)
    expect([next, states(store)]).toEqual([expect.any(String), ['Active']])
    store.now -= 301
    await settle(store)
    store.now += 302 + publishAheadSeconds
    await settle(store)
    expect(store.writes.filter(write => write === 'create next')).toHaveLength(1)
    store.now += publishAheadSeconds
    await settle(store)
    expect(kidOf(store.secret)).toBe(next)
  })

  it('as a next key is still the next one, and its order is kept', async () => {
    const store = await mintedAhead(300)
    store.now += 300
    store.edit({ rotation: { requestedAt: at(301) } })
    store.now += 1
    await settle(store)
    const [inUse, next] = [kidOf(store.secret), kidOf(store.next)]
    store.now -= 301
    await settle(store)
    expect(keysOf(store).map(({ kid }) => kid)).toEqual([inUse, next])
    expect(keysOf(store).map(bornOf)).toEqual([0, 301])
    store.now += 2 * publishAheadSeconds
    await settle(store)
    expect(kidOf(store.secret)).toBe(next)
  })
})

describe('a Secret whose number no clock of a leader explains (F09)', () => {
  it('is none of a first key: that one is taken', async () => {
    const store = storeOf()
    store.now += 366 * day
    await reconcileAccessKey('shop/web', store.io())
    const kid = kidOf(store.secret)
    store.now = start
    await settle(store)
    expect(keysOf(store)).toMatchObject([{ kid, state: 'Active' }])
    expect(keysOf(store).map(bornOf)).toEqual([0])
  })

  it('holds a key from before, where there were others: it is replaced', async () => {
    const store = await mintedAhead(366 * day)
    const backup = store.secret
    await settle(store)
    for (let count = 1; count <= 6; count++) {
      store.now += 10
      store.edit({ keysNotBefore: at(10 * count) })
      await settle(store)
    }
    const leaked = kidOf(backup)
    expect(keysOf(store).map(({ kid }) => kid)).not.toContain(leaked)
    store.putSecret(backup)
    await settle(store)
    expect(kidOf(store.secret)).not.toBe(leaked)
    expect(keysOf(store).map(({ kid }) => kid)).not.toContain(leaked)
  })

  it('was that of a key that was lost and has retired: it does not come back', async () => {
    const store = await mintedAhead(366 * day)
    const backup = store.secret
    await settle(store)
    store.putSecret(undefined)
    store.now += 10
    await settle(store)
    store.now += 1_000
    await settle(store)
    const kid = kidOf(store.secret)
    store.putSecret(backup)
    await settle(store)
    expect([kidOf(backup), kid]).not.toContain(kidOf(store.secret))
  })

  it('is that of no first key either, where keys were revoked before: another one is minted', async () => {
    const store = storeOf({ keysNotBefore: at(0) })
    store.now += 366 * day
    await reconcileAccessKey('shop/web', store.io())
    const kid = kidOf(store.secret)
    store.now = start
    await settle(store)
    expect(kidOf(store.secret)).not.toBe(kid)
  })

  it('within what the clocks of two leaders explain holds the newest key', async () => {
    const store = await mintedAhead(0)
    const first = store.secret
    store.putSecret(undefined)
    store.now += 600
    await reconcileAccessKey('shop/web', store.io())
    const kid = kidOf(store.secret)
    store.now -= 600
    await settle(store)
    expect(kidOf(store.secret)).toBe(kid)
    expect(kidOf(first)).not.toBe(kid)
    store.putSecret(renumber(store.secret, start + 10_000))
    await settle(store)
    expect(kidOf(store.secret)).toBe(kid)
    expect(numberOf(store.secret)).toBeLessThan(30)
  })
})

describe.each([
  ['of the year 2100', 4_102_444_800],
  ['that is a time of the year 5138', 99_999_999_999],
  ['that is no time', 999_999_999_999],
])('a Secret that somebody put in place of ours, with a number %s (F09)', (_, number) => {
  const other = async () => renumber((await mintedAhead(0, { validity: '9999999h' })).secret, number)

  it('holds no key that is published: another one is minted, and keysNotBefore revokes that one', async () => {
    const store = await mintedAhead(0)
    const swapped = await other()
    store.now += 10
    store.putSecret(swapped)
    await settle(store)
    expect(kidOf(store.secret)).not.toBe(kidOf(swapped))
    expect(keysOf(store).map(bornOf)).toEqual([10, 0])
    const kid = kidOf(store.secret)
    store.now += 10
    store.edit({ keysNotBefore: at(20) })
    await settle(store)
    expect(keysOf(store).map(key => [key.kid === kid, key.state, bornOf(key)])).toContainEqual([true, 'Revoked', 10])
    expect(keysOf(store).map(bornOf)).toContain(20)
  })

  it('as the first key of all is one of now at the most', async () => {
    const store = storeOf({ validity: '9999999h' })
    store.putSecret(await other())
    await settle(store)
    expect(keysOf(store).map(({ state }) => state)).toEqual(['Active'])
    expect(keysOf(store).map(bornOf)).toEqual([0])
  })

  it('breaks no time of the status, though our clock is behind the making of the AccessKey', async () => {
    const store = storeOf({ validity: '9999999h' })
    store.now = start - 1
    store.putSecret(await other())
    await settle(store)
    for (const { notBefore, notAfter } of keysOf(store)) {
      expect([notBefore, notAfter]).toEqual([expect.stringMatching(/^\d{4}-/), expect.stringMatching(/^\d{4}-/)])
    }
    store.now = start + 10
    await settle(store)
    expect(keysOf(store).filter(({ state }) => state === 'Active')).toHaveLength(1)
    expect(Math.max(...keysOf(store).map(bornOf))).toBeLessThanOrEqual(10)
  })
})

describe('when a key was published (F09)', () => {
  const publishedAhead = async (seconds: number): Promise<Store> => {
    const store = storeOf({ rotation: {} })
    await settle(store)
    store.now += 10
    store.edit({ rotation: { requestedAt: at(10) } })
    await settle(store)
    const keys = keysOf(store).map(key =>
      key.state === 'Pending' ? { ...key, publishedAt: at(10 + seconds).replace('.000Z', 'Z') } : key,
    )
    store.accessKey = { ...store.accessKey, status: { ...store.accessKey.status, keys } }
    return store
  }

  it.each([
    ['is believed a day ahead, so that no clock shortens a wait', day, day + publishAheadSeconds],
    ['holds nothing up for longer', day + 1, publishAheadSeconds],
  ])('%s', async (_, ahead, wait) => {
    const store = await publishedAhead(ahead)
    const next = kidOf(store.next)
    await settle(store)
    const told = store.events.filter(({ reason }) => reason === 'ClockAhead').map(({ note }) => note)
    expect(told).toEqual(ahead > day ? [expect.stringContaining(`a time ${ahead} s from now`)] : [])
    store.now += wait - 1
    await settle(store)
    expect(kidOf(store.secret)).not.toBe(next)
    store.now += 1
    await settle(store)
    expect(kidOf(store.secret)).toBe(next)
    expect(states(store)).toEqual(['Active', 'Retiring'])
  })
})
