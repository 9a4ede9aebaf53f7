import { expect, test } from 'vitest'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import { looseTimes, unreadTimes } from '../../../builders/times.ts'
import { settle } from './access-key-store.ts'
import { at, conditionOf, kidOf, minted } from './rotation-rig.ts'

const fields: Record<string, (time: string) => Partial<AccessKey['spec']>> = {
  'spec.expiresAt': expiresAt => ({ expiresAt }),
  'spec.keysNotBefore': keysNotBefore => ({ keysNotBefore }),
  'spec.rotation.requestedAt': requestedAt => ({ rotation: { requestedAt } }),
}
const publicKey = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' } as const
const table = Object.keys(fields).flatMap(field => [...looseTimes, ...unreadTimes].map(time => [field, time] as const))

test.each(table)('%s: %o: no pass throws, and the condition names field and remedy', async (field, time) => {
  const store = await minted()
  store.now += 60
  store.edit(fields[field]?.(time) ?? {})
  await settle(store)
  const told = {
    status: 'False',
    reason: 'Invalid',
    message: expect.stringContaining(`${field} is not an RFC 3339 time`),
  }
  expect(conditionOf(store, 'Accepted')).toMatchObject(told)
  expect(conditionOf(store, 'Ready')).toMatchObject(told)
  expect(conditionOf(store, 'Accepted')?.message).toContain('2027-01-31T12:00:00Z')
  expect(await settle(store)).toEqual([])
})

test.each(['spec.expiresAt', 'spec.keysNotBefore'])(
  '%s: once the time can be read, the same key counts',
  async field => {
    const store = await minted()
    const kid = kidOf(store.secret)
    store.edit(fields[field]?.('2027-12-01T09:00:00,5Z') ?? {})
    await settle(store)
    expect(store.accessKey.status?.keys ?? []).toEqual([])
    store.edit(fields[field]?.(field === 'spec.expiresAt' ? at(7_200) : at(0)) ?? {})
    await settle(store)
    expect(store.accessKey.status?.keys).toEqual([expect.objectContaining({ kid, state: 'Active' })])
    expect(kidOf(store.secret)).toBe(kid)
  },
)

test.each(['spec.expiresAt', 'spec.keysNotBefore'])('%s of a key that its owner brings', async field => {
  const store = await minted({ publicKey })
  store.edit(fields[field]?.('2027-12-01T09:00:00+24:00') ?? {})
  await settle(store)
  expect(conditionOf(store, 'Accepted')).toMatchObject({ reason: 'Invalid' })
  expect(store.accessKey.status?.keys ?? []).toEqual([])
})

test.each(Object.keys(fields))('a revocation is carried out beside a %s that nobody can read', async field => {
  const store = await minted()
  store.edit({ ...fields[field]?.('2027-12-01T09:00:00,5Z'), revoked: {} })
  await settle(store)
  expect(store.accessKey.status?.keys?.map(({ state }) => state)).toEqual(['Revoked'])
  expect(store.secret?.data).toEqual({})
})
