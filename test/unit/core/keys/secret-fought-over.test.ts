import { expect, test } from 'vitest'
import type { SecretObject } from '../../../../core/keys/secret-data.ts'
import { reconcileAccessKey } from '../../../../operator/access-key/access-key.ts'
import { accessKeyOf, clientOf, createStore, type Store, settle } from './access-key-store.ts'
import { conditionOf, hour, kidOf, minted, staged } from './rotation-rig.ts'

type Mutable = { -readonly [name in keyof SecretObject]: SecretObject[name] } & {
  metadata: { labels?: Record<string, string>; annotations?: Record<string, string>; ownerReferences?: unknown }
  data?: Record<string, string>
}

/** What an admission policy does to every write of a Secret, and the field that the condition has to name. */
const policies: Record<string, { change: (secret: Mutable) => void; field: string }> = {
  'another value of a label of ours': {
    change: ({ metadata }) => Object.assign(metadata.labels ?? {}, { 'app.kubernetes.io/managed-by': 'platform' }),
    field: 'metadata.labels[app.kubernetes.io/managed-by]',
  },
  'a label of the template in lower case': {
    change: ({ metadata }) => Object.assign(metadata.labels ?? {}, { team: 'payments' }),
    field: 'metadata.labels[team]',
  },
  'an annotation of the template away': {
    change: ({ metadata }) => void delete metadata.annotations?.['example.com/replicate'],
    field: 'metadata.annotations[example.com/replicate]',
  },
  'the owner references away': {
    change: ({ metadata }) => void delete metadata.ownerReferences,
    field: 'metadata.ownerReferences',
  },
  'another bundle of authorities': {
    change: ({ data }) => data && Object.assign(data, { 'ca.crt': 'b3RoZXI=' }),
    field: 'data[ca.crt]',
  },
}
const template = { labels: { team: 'Payments' }, annotations: { 'example.com/replicate': 'x' } }

/** A store whose API server changes what is written. */
function behind(change: (secret: Mutable) => void, store: Store): Store {
  const plain = store.io.bind(store)
  store.io = () => {
    const io = plain()
    const changed =
      (write: typeof io.writes.createSecret): typeof write =>
      (secret, place) => {
        const copy = structuredClone(secret)
        change(copy as Mutable)
        return write(copy, place)
      }
    const writes = {
      ...io.writes,
      createSecret: changed(io.writes.createSecret),
      updateSecret: changed(io.writes.updateSecret),
    }
    return { ...io, writes }
  }
  return store
}

/** Passes for so many seconds, each when the one before asked for it, or when somebody has changed something. */
async function run(store: Store, seconds: number, meanwhile?: () => void): Promise<void> {
  const changeSeconds = seconds > 600 ? 60 : 5
  const most = meanwhile ? changeSeconds : 600
  for (const end = store.now + seconds; store.now < end; ) {
    const { length } = store.writes
    const requeue = await reconcileAccessKey('shop/web', store.io())
    const due = Math.ceil((requeue?.requeueAfterMs ?? Number.POSITIVE_INFINITY) / 1_000)
    // The watch tells of a status that was written.
    const after = store.writes.length > length ? 0 : Math.min(most, due)
    if (after > 0) meanwhile?.()
    store.now += after
  }
}
const secretWrites = (store: Store, from = 0) => store.writes.slice(from).filter(write => write !== 'status').length

test.each(Object.entries(policies))(
  'a policy sets %s: it is told with the field, and written less and less often',
  async (_, { change, field }) => {
    const store = behind(change, createStore(accessKeyOf({ secretTemplate: template })))
    store.client = clientOf({ type: 'Partner' })
    await run(store, 60)
    expect(conditionOf(store, 'Ready')).toMatchObject({ status: 'True', reason: 'SecretAltered' })
    expect(conditionOf(store, 'Ready')?.message).toContain(field)
    expect(conditionOf(store, 'Stalled')).toBeUndefined()
    expect(store.accessKey.status).toMatchObject({ state: 'Active', keyId: kidOf(store.secret) })
    // The first, two more at once, and one after half a minute.
    expect(secretWrites(store)).toBeLessThanOrEqual(4)
    const [told, ready] = [store.writes.length, conditionOf(store, 'Ready')]
    await run(store, 24 * hour)
    expect(secretWrites(store, told)).toBeLessThanOrEqual(32)
    expect(store.writes.slice(told)).not.toContain('status')
    expect(conditionOf(store, 'Ready')).toEqual(ready)
  },
)

test('once the policy is gone, the next time puts it right, and the condition says so', async () => {
  let isThere = true
  const { change } = policies['another value of a label of ours'] ?? {}
  const store = behind(secret => isThere && change?.(secret), createStore(accessKeyOf()))
  await run(store, 60)
  isThere = false
  await run(store, hour)
  expect(store.secret?.metadata.labels).toMatchObject({ 'app.kubernetes.io/managed-by': 'latchkey' })
  expect(conditionOf(store, 'Ready')).toMatchObject({ status: 'True', reason: 'Ready' })
})

test('another wish is written at once, however often an earlier one was undone', async () => {
  const store = behind(
    ({ metadata }) => void delete metadata.labels?.team,
    createStore(accessKeyOf({ secretTemplate: template })),
  )
  await run(store, 300)
  const from = store.writes.length
  store.edit({ secretTemplate: { ...template, annotations: { 'example.com/replicate': 'y' } } })
  await reconcileAccessKey('shop/web', store.io())
  await reconcileAccessKey('shop/web', store.io())
  expect(secretWrites(store, from)).toBe(1)
  expect(store.secret?.metadata.annotations).toMatchObject({ 'example.com/replicate': 'y' })
})

test("a template that is edited again and again is nobody else's doing", async () => {
  const store = await minted()
  for (const team of ['a', 'b', 'c', 'd', 'e']) {
    store.edit({ secretTemplate: { labels: { team } } })
    await settle(store)
    expect(store.secret?.metadata.labels).toMatchObject({ team })
    expect(conditionOf(store, 'Ready')?.reason).toBe('Ready')
  }
})

const overwrite = (store: Store) => {
  if (!store.secret || !kidOf(store.secret)) return
  store.putSecret({ ...store.secret, data: { password: 'Zm9v' } })
}
const fights: Record<string, (store: Store) => void> = {
  'overwrites the Secret': overwrite,
  'deletes the Secret': store => store.putSecret(undefined),
}

test.each(Object.entries(fights))(
  'somebody who %s each time: keys come less and less often, and the one that pods have stays',
  async (_, fight) => {
    const store = await minted({ rotation: { overlap: '12h' } })
    const held = kidOf(store.secret)
    const from = store.writes.length
    await run(store, 60, () => fight(store))
    expect(conditionOf(store, 'Ready')).toMatchObject({ status: 'False', reason: 'SecretContended' })
    expect(conditionOf(store, 'Stalled')).toMatchObject({ status: 'True', reason: 'SecretContended' })
    expect(secretWrites(store, from)).toBeLessThanOrEqual(4)
    const reported = store.events.length
    for (let hours = 0; hours < 11; hours++) {
      await run(store, hour, () => fight(store))
      expect(conditionOf(store, 'Ready')).toMatchObject({ status: 'False', reason: 'SecretContended' })
      expect(store.accessKey.status?.keys?.find(({ kid }) => kid === held)?.state).toBe('Retiring')
      expect(store.accessKey.status?.keys?.length).toBeLessThanOrEqual(10)
    }
    expect(secretWrites(store, from)).toBeLessThanOrEqual(24)
    expect(store.events.length - reported).toBeLessThanOrEqual(24)
    await run(store, 2 * hour, () => fight(store))
    expect(store.accessKey.status?.keys?.some(({ kid }) => kid === held)).toBe(false)
  },
)

test('once it is over, the Secret gets a key and is said to be well when it has kept it for a while', async () => {
  const store = await minted()
  await run(store, 120, () => overwrite(store))
  await run(store, 300)
  expect(kidOf(store.secret)).toBe(store.accessKey.status?.keyId)
  expect(conditionOf(store, 'Ready')?.reason).toBe('SecretContended')
  await run(store, hour)
  expect(conditionOf(store, 'Ready')).toMatchObject({ status: 'True', reason: 'Ready' })
  expect(conditionOf(store, 'Stalled')).toBeUndefined()
  expect(await settle(store)).toEqual([])
})

test('a fight does not hold up a revocation of older keys', async () => {
  const store = await minted()
  await run(store, 120, () => overwrite(store))
  const kids = store.accessKey.status?.keys?.map(({ kid }) => kid) ?? []
  store.edit({ keysNotBefore: new Date((store.now + 1) * 1_000).toISOString() })
  store.now += 1
  await settle(store)
  expect(store.accessKey.status?.keys?.filter(({ kid, state }) => kids.includes(kid) && state !== 'Revoked')).toEqual(
    [],
  )
  expect(kids).not.toContain(kidOf(store.secret))
  expect(kidOf(store.secret)).toBe(store.accessKey.status?.keyId)
})

test('somebody who fills the Secret of a revoked key again is not answered each time', async () => {
  const store = await minted()
  store.edit({ revoked: {} })
  await run(store, 60, () => store.secret && store.putSecret({ ...store.secret, data: { password: 'Zm9v' } }))
  const from = store.writes.length
  await run(store, hour, () => store.secret && store.putSecret({ ...store.secret, data: { password: 'Zm9v' } }))
  expect(secretWrites(store, from)).toBeLessThanOrEqual(8)
  expect(conditionOf(store, 'Ready')).toMatchObject({ status: 'False', reason: 'SecretContended' })
  expect(store.accessKey.status?.state).toBe('Revoked')
})

test('somebody who spoils each next key: none is minted every few seconds, and the key in use stays', async () => {
  const store = await staged()
  const kid = kidOf(store.secret)
  const from = store.writes.length
  const spoil = () => store.next && store.putNext({ ...store.next, data: { password: 'Zm9v' } })
  await run(store, hour, spoil)
  expect(secretWrites(store, from)).toBeLessThanOrEqual(20)
  expect(conditionOf(store, 'Ready')).toMatchObject({ status: 'False', reason: 'SecretContended' })
  expect(conditionOf(store, 'Ready')?.message).toContain('web-next')
  expect(kidOf(store.secret)).toBe(kid)
  expect(store.accessKey.status?.keys?.find(one => one.kid === kid)?.state).toBe('Active')
})

test('a Secret that is deleted or edited by hand twice in a while is put right at once', async () => {
  const store = await minted()
  for (const fight of [overwrite, (one: Store) => one.putSecret(undefined)]) {
    fight(store)
    await settle(store)
    expect(kidOf(store.secret)).toBe(store.accessKey.status?.keyId)
    expect(conditionOf(store, 'Ready')?.reason).toBe('Ready')
    store.now += 60
  }
  store.now += hour
  overwrite(store)
  await settle(store)
  expect(conditionOf(store, 'Ready')?.reason).toBe('Ready')
})
