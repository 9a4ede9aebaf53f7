import { expect, test } from 'vitest'
import type { AccessKey, AccessKeyStatus } from '../../../../core/api/access-key.ts'
import { firstEnds, keyExpiry } from '../../../../core/status/key-expiry.ts'

const now = Date.parse('2026-11-25T00:00:00Z') / 1_000
const day = 86_400
const at = (days: number): string => new Date((now + days * day) * 1_000).toISOString()
const key = (status: Partial<AccessKeyStatus>): AccessKey => ({
  metadata: { name: 'k' },
  spec: { clientRef: { name: 'c' } },
  status: { conditions: [], state: 'Active', ...status },
})

test('counts keys in use by when they end, and names the first end', () => {
  expect(keyExpiry([key({ expiresAt: at(0.5) }), key({ expiresAt: at(10) }), key({ expiresAt: at(90) })], now)).toEqual(
    {
      soonest: now + day / 2,
      within: [
        { days: 1, count: 1 },
        { days: 7, count: 1 },
        { days: 14, count: 2 },
        { days: 30, count: 2 },
      ],
    },
  )
})

test('leaves out keys that never end, have ended, are revoked, are not yet observed, or are renewed before they end', () => {
  const { status: _, ...unseen } = key({})
  const keys = [
    key({}),
    unseen,
    key({ state: 'Expired', expiresAt: at(-1) }),
    key({ state: 'Revoked', expiresAt: at(1) }),
    key({ expiresAt: at(1), renewalTime: at(0.5) }),
  ]
  expect(keyExpiry(keys, now).soonest).toBeUndefined()
  expect(keyExpiry(keys, now).within.map(({ count }) => count)).toEqual([0, 0, 0, 0])
})

test('counts one that rotates before where every key ends with the object', () => {
  const rotating = key({ expiresAt: at(1), renewalTime: at(0.5) })
  const ending = { ...rotating, spec: { ...rotating.spec, expiresAt: at(1) } }
  expect(keyExpiry([ending], now).soonest).toBe(now + day)
})

test('names those that end first, as many as asked for', () => {
  const keys = [5, 1, 3, 2, 4].map(days => key({ expiresAt: at(days) }))
  expect(firstEnds([...keys, key({})], 3).map(({ end }) => (end - now) / day)).toEqual([1, 2, 3])
  const many = Array.from({ length: 1_000 }, (_, index) => key({ expiresAt: at(((index * 7) % 1_000) + 1) }))
  expect(firstEnds(many, 5).map(({ end }) => (end - now) / day)).toEqual([1, 2, 3, 4, 5])
})

test('counts one whose rotation is planned but held up, and one that a fault leaves published', () => {
  const planned = { expiresAt: at(1), renewalTime: at(0.5) }
  const said = (type: string, reason: string, status: 'True' | 'False' = 'True') =>
    [{ type, reason, status, message: '', lastTransitionTime: at(0) }] as const
  const held = [
    key({ ...planned, conditions: [...said('Paused', 'Paused')] }),
    key({ ...planned, conditions: [...said('Stalled', 'SecretConflict')] }),
    key({
      ...planned,
      state: 'Refused',
      conditions: [...said('Accepted', 'Invalid', 'False')],
      keyId: 'a',
      keys: [{ kid: 'a', state: 'Active', publicKey: { kty: 'OKP' } } as never],
    }),
  ]
  for (const one of held) expect(keyExpiry([one], now).soonest).toBe(now + day)
  const fine = [
    key({ ...planned, conditions: [...said('Accepted', 'RoleNotFound', 'False')] }),
    key({ ...planned, conditions: [...said('Accepted', 'Accepted')] }),
    key({ ...planned, state: 'Refused', conditions: [...said('Accepted', 'Invalid', 'False')] }),
  ]
  for (const one of fine) expect(keyExpiry([one], now).soonest).toBeUndefined()
})

test('names of each namespace in turn, so that the many ends of one hide none of another', () => {
  const of = (namespace: string, days: number): AccessKey => {
    const one = key({ expiresAt: at(days) })
    return { ...one, metadata: { ...one.metadata, namespace } }
  }
  const many = Array.from({ length: 5_000 }, (_, index) => of('many', 1 + index / 5_000))
  const few = [of('few', 80), of('few', 90), of('one', 85)]
  const found = firstEnds([...many, ...few], 10)
  expect(
    found.filter(({ key: { metadata } }) => metadata.namespace !== 'many').map(({ end }) => (end - now) / day),
  ).toEqual([80, 85, 90])
  expect(found).toHaveLength(10)
  expect(found.map(({ end }) => end)).toEqual(found.map(({ end }) => end).toSorted((a, b) => a - b))
  expect(found[0]?.end).toBe(now + day)
})
