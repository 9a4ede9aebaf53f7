import { expect, test } from 'vitest'
import { accessKey as kind } from '../../../../core/api/access-key.ts'
import { retiringSeconds } from '../../../../core/keys/key-ledger.ts'
import { reconcileAccessKey } from '../../../../operator/access-key/access-key.ts'
import { situations } from './access-key-situations.ts'
import { accessKeyOf, at, createStore, settle } from './access-key-store.ts'

const seen = new Set<string>()
for (const [name, situation] of Object.entries(situations)) {
  test(`${name}: ${situation.writes.join(', ') || 'nothing is written'}`, async () => {
    const store = createStore(accessKeyOf(situation.spec))
    if (situation.from !== 'nothing') await settle(store)
    await situation.given?.(store)
    expect(await settle(store)).toEqual(situation.writes)
    const { status } = store.accessKey
    const condition = (type: string) => status?.conditions?.find(one => one.type === type)
    expect(condition('Accepted')?.reason).toBe(situation.accepted ?? 'Accepted')
    expect(condition('Ready')?.reason).toBe(situation.ready)
    expect(status?.state).toBe(situation.state)
    expect((status?.keys ?? []).map(key => key.state)).toEqual(situation.keys)
    for (const { type, reason } of status?.conditions ?? []) {
      expect(Object.keys(kind.conditions[type] ?? {})).toContain(reason)
      seen.add(`${type}/${reason}`)
    }
    // Running again changes nothing.
    expect(await settle(store)).toEqual([])
  })
}

test('every reason of Accepted, Ready and Stalled is produced here', () => {
  const wanted = ['Accepted', 'Ready', 'Stalled'].flatMap(type =>
    Object.keys(kind.conditions[type] ?? {}).map(reason => `${type}/${reason}`),
  )
  // Pending is between two passes: see the next test.
  expect(wanted.filter(reason => !seen.has(reason) && reason !== 'Ready/Pending')).toEqual([])
})

test('a good key stays Ready while its Secret cannot be refreshed', async () => {
  const store = createStore(accessKeyOf())
  await settle(store)
  store.refused = 403
  store.edit({ secretTemplate: { labels: { team: 'a' } } })
  const { length } = store.writes
  await reconcileAccessKey('shop/web', store.io())
  for (let pass = 0; pass < 3; pass++) await expect(reconcileAccessKey('shop/web', store.io())).rejects.toThrow('403')
  expect(store.writes.slice(length)).toEqual(['status'])
  expect(store.accessKey.status?.conditions?.find(one => one.type === 'Ready')?.reason).toBe('Ready')
})

test('while a leaked key is being replaced the key is Pending', async () => {
  const store = createStore(accessKeyOf())
  await settle(store)
  store.now += 10
  store.edit({ keysNotBefore: at(9) })
  await reconcileAccessKey('shop/web', store.io())
  const ready = store.accessKey.status?.conditions?.find(one => one.type === 'Ready')
  expect(ready).toMatchObject({ status: 'False', reason: 'Pending', observedGeneration: 2 })
})

test('a retiring key is dropped when its last token has ended, and not before', async () => {
  const store = createStore(accessKeyOf())
  await settle(store)
  store.putSecret(undefined)
  await settle(store)
  store.now += retiringSeconds - 1
  expect(await settle(store)).toEqual([])
  store.now += 1
  expect(await settle(store)).toEqual(['status'])
  expect(store.accessKey.status?.keys?.map(key => key.state)).toEqual(['Active'])
})

test('a clock that went back does not mint for ever: a new key is never older than what is published (F09)', async () => {
  const store = createStore(accessKeyOf())
  await settle(store)
  store.now -= 3_600
  store.putSecret(undefined)
  expect(await settle(store)).toEqual(['status', 'create', 'status'])
  expect(store.accessKey.status?.state).toBe('Active')
})

test('a key that is narrowed to roles of which none exists says that it opens nothing; else that the others count', async () => {
  const roles = ['reader', 'writer'].map(name => ({ namespace: 'shop', name }))
  const messageOf = async (missing: string[]): Promise<string | undefined> => {
    const store = createStore(accessKeyOf({ roles }))
    store.missingRoles = missing
    await settle(store)
    return store.accessKey.status?.conditions?.find(({ type }) => type === 'Ready')?.message
  }
  expect(await messageOf(['shop/reader'])).toContain('shop/reader; the others of spec.roles count')
  expect(await messageOf(['shop/reader', 'shop/writer'])).toContain(
    'the key opens nothing, for spec.roles names no other role',
  )
})
