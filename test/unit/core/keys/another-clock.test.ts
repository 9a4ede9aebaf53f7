import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { AccessKey, PublishedKey } from '../../../../core/api/access-key.ts'
import { secondsOfTime } from '../../../../core/base/time.ts'
import { keyNumberOf, type SecretObject, secretAnnotations } from '../../../../core/keys/secret-data.ts'
import { reconcileAccessKey } from '../../../../operator/access-key/access-key.ts'
import { proveSecretKey } from '../../../../operator/access-key/key-material.ts'
import { accessKeyOf, at, createStore, publishAheadSeconds, type Store, settle, start } from './access-key-store.ts'
import { kidOf, states } from './rotation-rig.ts'

const day = 86_400

/** A store whose AccessKey the API server says it made at the start. */
function storeOf(spec: Partial<AccessKey['spec']> = {}): Store {
  const key = accessKeyOf(spec)
  return createStore({ ...key, metadata: { ...key.metadata, creationTimestamp: at(0) } })
}

/** One whose key was minted, and published, by a leader whose clock is so far ahead. */
async function mintedAhead(seconds: number, spec: Partial<AccessKey['spec']> = {}): Promise<Store> {
  const store = storeOf(spec)
  store.now += seconds
  await settle(store)
  store.now -= seconds
  return store
}

const keysOf = (store: Store) => store.accessKey.status?.keys ?? []
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
    expect(told).toMatchObject([{ type: 'Warning', note: expect.stringContaining('290 s from now') }])
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
    await settle(store)
    expect(keysOf(store)).toMatchObject([{ kid, state: 'Active' }])
    expect(keysOf(store).map(bornOf)).toEqual([0])
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
    store.now += wait - 1
    await settle(store)
    expect(kidOf(store.secret)).not.toBe(next)
    store.now += 1
    await settle(store)
    expect(kidOf(store.secret)).toBe(next)
    expect(states(store)).toEqual(['Active', 'Retiring'])
  })
})

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('ahead' as const, 'ours' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('lose' as const, 'rotate' as const, 'renew' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(1, 60, 1_300) }) },
  ),
  { maxLength: 40 },
)
const skews = fc.oneof(
  fc.integer({ min: -300, max: 300 }),
  fc.constantFrom(-day, -3_600, -600, 600, 3_600, day, 366 * day),
)

const pass = (store: Store, skew: number) =>
  reconcileAccessKey('shop/web', { ...store.io(), now: () => (store.now + skew) * 1_000 })

/** All that counts; how many days are left is told by each clock's own reckoning. */
const present = ({ secret, next, accessKey: { status } }: Store): string =>
  JSON.stringify([secret, next, status?.keys, status?.keyId])

/** Both go on until nothing changes: they must not undo each other's work for ever. */
async function bothSettle(store: Store, skew: number): Promise<void> {
  for (let quiet = 0, passes = 0; quiet < 4; passes++) {
    expect(passes, 'two clocks write against each other').toBeLessThan(60)
    const before = present(store)
    await pass(store, passes % 2 === 0 ? skew : 0)
    quiet = present(store) === before ? quiet + 1 : 0
  }
}

test('two leaders whose clocks differ come to rest, and then nothing is of the future, a leak is ended and a request is heard (F09)', async () => {
  const property = fc.asyncProperty(skews, steps, async (skew, history) => {
    const store = storeOf({ rotation: {} })
    for (const step of history) {
      if (step.do === 'wait') store.now += step.seconds
      else if (step.do === 'lose') store.putSecret(undefined)
      else if (step.do === 'rotate') store.edit({ rotation: { requestedAt: at(store.now - start) } })
      else if (step.do === 'renew') store.edit({ keysNotBefore: at(store.now - start) })
      else await pass(store, step.do === 'ahead' ? skew : 0)
    }
    // Farther apart they do not agree on what is due: one of the two has to go.
    if (Math.abs(skew) <= 600) await bothSettle(store, skew)
    await settle(store)
    // A next key that was published by a clock that is ahead waits for that one's time, or a day.
    store.now += day + 2 * publishAheadSeconds
    await settle(store)
    const active = keysOf(store).filter(({ state }) => state === 'Active')
    const held = store.secret && proveSecretKey(store.secret, 'Ed25519')
    expect(active.map(({ kid }) => kid)).toEqual([held?.kid])
    for (const key of keysOf(store)) expect(secondsOfTime(key.notBefore)).toBeLessThanOrEqual(store.now + 30)

    store.now += 60
    const asked = at(store.now - start)
    store.edit({ rotation: { requestedAt: asked } })
    await settle(store)
    store.now += publishAheadSeconds
    await settle(store)
    const rotated = kidOf(store.secret)
    expect(rotated).not.toBe(held?.kid)

    store.now += 60
    store.edit({ keysNotBefore: at(store.now - start) })
    await settle(store)
    expect(keysOf(store).find(({ kid }) => kid === rotated)?.state).toBe('Revoked')
    expect(kidOf(store.secret)).not.toBe(rotated)
  })
  await fc.assert(property, { numRuns: 100 })
}, 60_000)

test('two leaders whose clocks are five minutes apart mint one key, whoever is stopped after which write (F09)', async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: -300, max: 300 }),
    fc.array(fc.boolean()),
    async (skew, order) => {
      const store = storeOf()
      const kids = new Set<string | undefined>()
      for (const isOurs of order) {
        await pass(store, isOurs ? 0 : skew)
        kids.add(kidOf(store.secret))
      }
      await bothSettle(store, skew)
      kids.add(kidOf(store.secret))
      kids.delete(undefined)
      expect(kids.size).toBe(1)
    },
  )
  await fc.assert(property, { numRuns: 100 })
})
