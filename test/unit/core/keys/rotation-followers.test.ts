import { expect, test } from 'vitest'
import type { AccessKey, PublishedKey } from '../../../../core/api/access-key.ts'
import { maxLifetimeSeconds } from '../../../../core/credential/client-token-claims.ts'
import { publishAheadSeconds, type Store, settle, start } from './access-key-store.ts'
import { at, hour, kidOf, minted } from './rotation-rig.ts'

/** A pod reads its mounted file for each token; the kubelet may bring it this late, seconds. */
const kubeletLate = 180
const stepSeconds = 30

/** The key of each pod's file, with when it was put into the Secret and when another one took its place. */
interface Mounted {
  readonly kid: string
  readonly from: number
  until: number
}

const verifies = ({ state, notAfter }: PublishedKey, now: number) =>
  (state === 'Active' || state === 'Retiring') && (notAfter === undefined || Date.parse(notAfter) / 1_000 > now)

/** Lets time go by; what pods signed last with each key must be good until that token ends. @returns how often the Secret changed */
async function follow(store: Store, seconds: number, meanwhile = (_after: number) => {}): Promise<number> {
  const held: Mounted[] = []
  const end = store.now + seconds
  for (; store.now < end; store.now += stepSeconds) {
    meanwhile(store.now - end + seconds)
    await settle(store)
    const kid = kidOf(store.secret) ?? ''
    if (held.at(-1)?.kid !== kid) held.push({ kid, from: store.now, until: Number.POSITIVE_INFINITY })
    const previous = held.at(-2)
    if (previous && previous.until === Number.POSITIVE_INFINITY) previous.until = store.now
    const published = store.accessKey.status?.keys ?? []
    for (const { kid: used, until } of held) {
      if (store.now >= until + kubeletLate + maxLifetimeSeconds) continue
      const key = published.find(one => one.kid === used)
      expect(key && verifies(key, store.now), `${store.now - until} s after ${used} left the Secret`).toBe(true)
    }
  }
  return held.length - 1
}

test.each<[string, Partial<AccessKey['spec']>, number, number]>([
  ['by the default of a key that lives for an hour', { validity: '1h' }, 6, 7],
  ['each hour, without an overlap', { rotation: { every: '1h', overlap: '0s' } }, 6, 5],
  ['each hour, where a key ends an hour later', { validity: '2h', rotation: { every: '1h', overlap: '0s' } }, 6, 5],
  [
    'each two hours, where a key ends an hour later',
    { validity: '3h', rotation: { every: '2h', overlap: '10m' } },
    9,
    3,
  ],
])(
  'a pod whose files come late signs for a quarter of an hour, and no token of it is refused: %s',
  async (_, spec, hours, rotations) => {
    expect(await follow(await minted(spec), hours * hour)).toBeGreaterThanOrEqual(rotations)
  },
)

test('nor is one where rotation is asked for again before the pods have the key of the last one', async () => {
  const store = await minted({ rotation: { overlap: '0s' } })
  const ask = (after: number) => {
    if (after % (publishAheadSeconds + 2 * stepSeconds) !== 0 || after > hour) return
    store.edit({ rotation: { overlap: '0s', requestedAt: at(store.now - start) } })
  }
  expect(await follow(store, 3 * hour, ask)).toBe(2)
})
