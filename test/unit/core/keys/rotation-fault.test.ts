import { expect, test } from 'vitest'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import { settle } from './access-key-store.ts'
import { at, conditionOf, hour, kidOf, minted } from './rotation-rig.ts'

const nightly = { start: '02:00', duration: '1h' }

/** What is wrong: the field that the condition names. */
const faults: Record<string, { spec: Partial<AccessKey['spec']>; names: string; remedy: string }> = {
  'every below an hour': {
    spec: { rotation: { every: '59m' } },
    names: 'spec.rotation.every',
    remedy: 'Lengthen it',
  },
  'an overlap as long as every': {
    spec: { rotation: { every: '24h', overlap: '24h' } },
    names: 'spec.rotation.overlap',
    remedy: 'Shorten the overlap',
  },
  'an overlap that is longer than the every of the default': {
    spec: { rotation: { overlap: '800h' } },
    names: 'spec.rotation.overlap',
    remedy: 'Shorten the overlap',
  },
  'every as long as validity': {
    spec: { validity: '240h', rotation: { every: '240h' } },
    names: 'spec.rotation.every',
    remedy: 'lengthen validity',
  },
  'an overlap as long as what a key is used for where every is not set': {
    spec: { validity: '24h', rotation: { overlap: '16h' } },
    names:
      'spec.rotation.overlap is not shorter than the 16h for which a key is used where spec.rotation.every is not set',
    remedy: 'Shorten the overlap',
  },
  'an overlap that does not fit into validity beside the publishing ahead': {
    spec: { validity: '3h', rotation: { every: '2h50m', overlap: '2h45m' } },
    names: 'spec.rotation.overlap',
    remedy: 'lengthen validity',
  },
  'a time zone that does not exist': {
    spec: { rotation: { windows: [nightly, { ...nightly, timeZone: 'Europe/Atlantis' }] } },
    names: 'spec.rotation.windows[1].timeZone',
    remedy: 'for example Europe/Berlin',
  },
  'a window of no length': {
    spec: { rotation: { windows: [{ start: '02:00', duration: '0s' }] } },
    names: 'spec.rotation.windows[0].duration',
    remedy: 'Lengthen it',
  },
  'a window of more than a week': {
    spec: { rotation: { windows: [{ start: '02:00', duration: '169h' }] } },
    names: 'spec.rotation.windows[0].duration',
    remedy: 'at most a week',
  },
  'windows of which none may open before a key ends': {
    spec: { validity: '48h', rotation: { every: '24h', windows: [{ ...nightly, days: ['Sun'] }] } },
    names: 'spec.rotation.windows',
    remedy: 'Add windows',
  },
  'a request that is no time': {
    spec: { rotation: { requestedAt: 'now' } },
    names: 'spec.rotation.requestedAt',
    remedy: '2027-01-31T12:00:00Z',
  },
  'a request of more than a day ahead': {
    spec: { rotation: { requestedAt: at(25 * hour) } },
    names: 'spec.rotation.requestedAt',
    remedy: 'earlier time',
  },
  'a rotation of a key that its owner brings': {
    spec: {
      publicKey: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
      rotation: { every: '24h' },
    },
    names: 'spec.rotation',
    remedy: 'Remove spec.rotation',
  },
}

for (const [name, { spec, names, remedy }] of Object.entries(faults)) {
  test(`${name}: the condition names field and remedy, and what is published stays`, async () => {
    const { rotation = {}, ...others } = spec
    const store = await minted(others)
    const kid = kidOf(store.secret)
    store.edit({ rotation })
    await settle(store)
    expect(conditionOf(store, 'Accepted')).toMatchObject({ status: 'False', reason: 'Invalid' })
    expect(conditionOf(store, 'Accepted')?.message).toContain(`${names}`)
    expect(conditionOf(store, 'Accepted')?.message).toContain(remedy)
    expect(conditionOf(store, 'Ready')?.reason).toBe('Invalid')
    expect(store.accessKey.status?.keys?.map(({ state }) => state)).toEqual(['Active'])
    expect(kidOf(store.secret)).toBe(kid)
    expect(store.next).toBeUndefined()
    expect(await settle(store)).toEqual([])
  })
}

test('a Secret that is deleted meanwhile is made anew', async () => {
  const store = await minted()
  store.edit({ rotation: { every: '59m' } })
  await settle(store)
  store.putSecret(undefined)
  expect(await settle(store)).toEqual(['create', 'status'])
  expect(kidOf(store.secret)).toBe(store.accessKey.status?.keyId)
})

test('a request of more than a day ahead is taken once a day is left', async () => {
  const store = await minted()
  store.edit({ rotation: { requestedAt: at(25 * hour) } })
  await settle(store)
  store.now += hour
  await settle(store)
  expect(conditionOf(store, 'Accepted')?.reason).toBe('Accepted')
  expect(conditionOf(store, 'Rotating')?.reason).toBe('Requested')
})

test.each([
  ['the shortest validity', { validity: '1h', rotation: {} }],
  [
    'windows every night for keys that live a month',
    { validity: '720h', rotation: { every: '480h', windows: [nightly] } },
  ],
  ['an overlap of nothing', { rotation: { every: '1h', overlap: '0s' } }],
] as const)('%s is taken', async (_, spec) => {
  const store = await minted()
  store.edit(structuredClone(spec) as Partial<AccessKey['spec']>)
  await settle(store)
  expect(conditionOf(store, 'Accepted')?.reason).toBe('Accepted')
})
