import fc from 'fast-check'
import { expect, test } from 'vitest'
import { secondsOfTime } from '../../../../core/base/time.ts'
import { reconcileAccessKey } from '../../../../operator/access-key/access-key.ts'
import { proveSecretKey } from '../../../../operator/access-key/key-material.ts'
import { at, publishAheadSeconds, type Store, settle, start } from './access-key-store.ts'
import { day, keysOf, storeOf } from './clock-rig.ts'
import { kidOf } from './rotation-rig.ts'

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
