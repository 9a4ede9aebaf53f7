import { expect, it } from 'vitest'
import { lastUse, laterUse } from '../../../../core/status/last-use.ts'
import { planAccessGrant } from '../../../../core/status/plan-access-grant.ts'
import { planRole } from '../../../../core/status/plan-role.ts'
import { reconcileAccessKey } from '../../../../operator/access-key/access-key.ts'
import { accessKeyOf, createStore } from '../keys/access-key-store.ts'

const noon = Date.UTC(2026, 0, 1, 12) / 1_000
const told = { lastUsedAt: '2026-01-01T12:00:00Z' }

it.each<[string, { lastUsedAt?: string } | undefined, number, number, string | undefined]>([
  ['the first use at once', undefined, noon, noon, '2026-01-01T12:00:00Z'],
  ['the first use of a status without one', {}, noon - 60, noon, '2026-01-01T11:59:00Z'],
  ['a use that is five minutes later', told, noon + 300, noon + 300, '2026-01-01T12:05:00Z'],
  ['no use that is a second less later', told, noon + 299, noon + 400, undefined],
  ['not the same use again', told, noon, noon + 9_999, undefined],
  ['no earlier use: it never goes back', told, noon - 86_400, noon, undefined],
  ['no use in the future, but that it was now', told, noon + 9_999, noon + 600, '2026-01-01T12:10:00Z'],
  ['a use where what was told is no time', { lastUsedAt: 'yesterday' }, noon, noon, '2026-01-01T12:00:00Z'],
])('a status tells %s', (_, status, used, now, expected) => {
  expect(laterUse(status, used, now)).toBe(expected)
})

it('a pass keeps the last use as it is, and makes none', () => {
  expect(lastUse(told)).toEqual(told)
  expect(lastUse({})).toEqual({})
  expect(lastUse(undefined)).toEqual({})
})

it('a pass over an AccessKey keeps it, and writes nothing for it', async () => {
  const store = createStore(accessKeyOf())
  for (let pass = 0; pass < 3; pass++) await reconcileAccessKey('shop/web', store.io())
  store.writes.splice(0)
  store.accessKey = { ...store.accessKey, status: { ...store.accessKey.status, ...told } }
  await reconcileAccessKey('shop/web', store.io())
  expect(store.writes).toEqual([])
  store.edit({ validity: '720h' })
  for (let pass = 0; pass < 3; pass++) await reconcileAccessKey('shop/web', store.io())
  expect([store.writes.includes('status'), store.accessKey.status?.lastUsedAt]).toEqual([true, told.lastUsedAt])
})

it('a pass over a Role or an AccessGrant keeps it', () => {
  const enforced = { state: 'no-guards' } as const
  const role = { metadata: { namespace: 'shop', name: 'reader' }, spec: { rules: [] }, status: told }
  expect(planRole({ object: role, missing: [], idle: [], grants: 0, enforced }, told.lastUsedAt)).toMatchObject(told)
  const object = { ...role, spec: { roleRef: { name: 'reader' }, clients: [] } }
  const { status } = planAccessGrant({ object, clients: new Map(), roleExists: true, enforced }, noon)
  expect(status).toMatchObject(told)
})
