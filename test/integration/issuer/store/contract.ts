import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { RecordType } from '../../../../core/base/record-types.ts'
import {
  type Bounds,
  graceSeconds,
  type RecordKey,
  type StoredRecord,
  type Tenant,
  type TokenStore,
} from '../../../../issuer/store/store.ts'
import type { Clock } from '../../../../platform/clock.ts'

export interface ReplicaOptions {
  readonly bounds?: Bounds
  readonly clock?: Clock
  readonly pageSize?: number
  /** Only for one that is to give up: a busy machine may take long for anything. */
  readonly deadlineMs?: number
}

/** A real server with any number of replicas at it. */
export interface Storage {
  /** Another replica, started. It stops with the storage. */
  open(options?: ReplicaOptions): TokenStore
  /** Refuses connections, and breaks those that are open. */
  goAway(): Promise<void>
  /** Takes what it is sent and says nothing. */
  goSilent(): Promise<void>
  comeBack(): Promise<void>
  /** Everything that was written, as text. */
  written(): Promise<string>
  close(): Promise<void>
}

const nowSeconds = (): number => Math.floor(Date.now() / 1_000)
const inAMinute = () => ({ endsAt: nowSeconds() + 60 })
const service = () => ({ uid: randomUUID() })
const secret = () => randomBytes(32).toString('base64url')
const key = (type: RecordType, tenant: Tenant = service(), id = secret()): RecordKey => ({ type, tenant, id })
const refused = (reason: string) => ({ name: 'StoreError', reason })

/** What each was refused for; what was not refused is told as it is. */
async function reasons(done: readonly Promise<unknown>[]): Promise<unknown[]> {
  const results = await Promise.allSettled(done)
  return results.map(result => (result.status === 'rejected' ? (result.reason as { reason?: string }).reason : result))
}

/** Uses a store that was just opened. */
async function ready(store: TokenStore): Promise<TokenStore> {
  await vi.waitFor(() => expect(store.fault()).toBeUndefined(), { timeout: 15_000 })
  return store
}

export async function listed(store: TokenStore, type: RecordType, tenant: Tenant): Promise<StoredRecord[]> {
  const records: StoredRecord[] = []
  for await (const record of store.list(type, tenant)) records.push(record)
  return records
}

/** What every store promises, whatever it stands on. */
export function keepsTheContract(start: () => Promise<Storage>): void {
  let storage: Storage
  let one: TokenStore
  let other: TokenStore

  beforeAll(async () => {
    storage = await start()
    one = await ready(storage.open())
    other = await ready(storage.open())
  })
  afterAll(() => storage?.close())

  it('O01 lets exactly one of 50 claims at two replicas through, and none that comes later at a third', async () => {
    const jti = key('Assertion')
    const claims = Array.from({ length: 50 }, (_, at) => (at % 2 === 0 ? one : other).claim(jti, inAMinute()))
    const results = await Promise.all(claims)
    expect(results.filter(result => result === 'claimed')).toHaveLength(1)
    expect(results.filter(result => result === 'held')).toHaveLength(49)
    const later = await ready(storage.open())
    expect(await later.claim(jti, inAMinute())).toBe('held')
  })

  it('gives a record to exactly one of 50 who take it at two replicas', async () => {
    const code = key('Code')
    const record = { ...inAMinute(), value: { client: 'sc_a', scopes: ['orders.read'] } }
    await one.put(code, record)
    const takes = Array.from({ length: 50 }, (_, at) => (at % 2 === 0 ? one : other).take(code))
    const taken = (await Promise.all(takes)).filter(result => result !== undefined)
    expect(taken).toEqual([record])
    expect(await one.get(code)).toBeUndefined()
    expect(await other.take(code)).toBeUndefined()
  })

  it('gives at another replica what was put, and what was put in its place', async () => {
    const grant = key('Grant', 'installation')
    const first = { ...inAMinute(), value: { scopes: ['a'], nested: { deep: [1, null, 'ü€'] } } }
    await one.put(grant, first)
    expect(await other.get(grant)).toEqual(first)
    const second = { endsAt: first.endsAt + 60 }
    await other.put(grant, second)
    expect(await one.get(grant)).toEqual({ ...second, value: undefined })
    await one.put(grant, first)
    expect(await one.take(grant)).toEqual(first)
  })

  it('takes nothing and reads nothing where nothing is', async () => {
    expect(await one.get(key('Code'))).toBeUndefined()
    expect(await one.take(key('Code'))).toBeUndefined()
    expect(await listed(one, 'Revocation', service())).toEqual([])
  })

  it('knows a record by its type, its tenant and its id: a service that was made anew inherits nothing', async () => {
    const held = key('Assertion')
    expect(await one.claim(held, inAMinute())).toBe('claimed')
    expect(await one.claim({ ...held, tenant: service() }, inAMinute())).toBe('claimed')
    expect(await one.claim({ ...held, tenant: 'installation' }, inAMinute())).toBe('claimed')
    expect(await one.claim({ ...held, type: 'Revocation' }, inAMinute())).toBe('claimed')
    expect(await one.claim({ ...held, id: `${held.id} ` }, inAMinute())).toBe('claimed')
    expect(await one.claim(held, inAMinute())).toBe('held')
  })

  it('neither reads nor gives out what has ended, and lets nobody claim it for a minute more', async () => {
    const wallMs = () => Date.now() + 61_000
    const later = await ready(storage.open({ clock: { ...realClock, wallMs } }))
    const code = key('Code')
    await one.put(code, { ...inAMinute(), value: { client: 'sc_a' } })
    expect(await later.get(code)).toBeUndefined()
    expect(await later.take(code)).toBeUndefined()
    expect(await listed(later, 'Code', code.tenant)).toEqual([])
    expect(await later.claim(code, { endsAt: nowSeconds() + 120 })).toBe('held')
    expect(await one.get(code)).toMatchObject({ value: { client: 'sc_a' } })
  })

  it('lets go of a record some time after its end, and of its place', async () => {
    const bounds = { tenant: 1, sum: 1_000 }
    const store = await ready(storage.open({ bounds }))
    const ending = key('Assertion')
    const another = { ...ending, id: secret() }
    expect(await store.claim(ending, { endsAt: nowSeconds() - graceSeconds + 1 })).toBe('claimed')
    const claim = () => store.claim(another, inAMinute()).catch(error => (error as { reason?: string }).reason)
    await expect.poll(claim, { interval: 200 }).toBe('claimed')
    await expect(store.claim(ending, inAMinute())).rejects.toMatchObject(refused('tenant_full'))
  })

  it('refuses what a tenant has no place for, forgets nothing, and leaves other tenants and types their places', async () => {
    const store = await ready(storage.open({ bounds: { tenant: 3, sum: 1_000 } }))
    const tenant = service()
    const held = Array.from({ length: 3 }, () => key('Grant', tenant))
    const value = { client: 'sc_a' }
    await Promise.all(held.map(grant => store.put(grant, { ...inAMinute(), value })))
    const beyond = Array.from({ length: 5 }, () => store.put(key('Grant', tenant), inAMinute()))
    expect(await reasons(beyond)).toEqual(beyond.map(() => 'tenant_full'))
    await expect(store.claim(key('Grant', tenant), inAMinute())).rejects.toMatchObject(refused('tenant_full'))
    expect(await store.claim(key('Grant'), inAMinute())).toBe('claimed')
    expect(await store.claim(key('Revocation', tenant), inAMinute())).toBe('claimed')
    // What is there can be changed, and is.
    await store.put(held[0] as RecordKey, { ...inAMinute(), value: { client: 'sc_b' } })
    expect(await store.get(held[0] as RecordKey)).toMatchObject({ value: { client: 'sc_b' } })
    for (const grant of held.slice(1)) expect(await store.get(grant)).toMatchObject({ value })
  })

  it('never takes in more than a tenant may have, however many claims come at once', async () => {
    const store = await ready(storage.open({ bounds: { tenant: 5, sum: 1_000 } }))
    const tenant = service()
    const claims = Array.from({ length: 30 }, () => store.claim(key('Revocation', tenant), inAMinute()))
    const results = await Promise.allSettled(claims)
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
    expect(await listed(one, 'Revocation', tenant)).toHaveLength(5)
  })

  it('refuses what the whole store has no place for, and forgets nothing', async () => {
    const [held, another] = [key('Grant'), key('Grant')]
    await one.put(held, inAMinute())
    const full = await ready(storage.open({ bounds: { tenant: 1_000, sum: 1 } }))
    expect(await reasons([full.claim(another, inAMinute()), full.put(another, inAMinute())])).toEqual([
      'store_full',
      'store_full',
    ])
    expect(await one.get(another)).toBeUndefined()
    expect(await full.get(held)).toBeDefined()
  })

  it('gives the place of a record that was taken to another one', async () => {
    const store = await ready(storage.open({ bounds: { tenant: 1, sum: 1_000 } }))
    const code = key('Code')
    await store.put(code, inAMinute())
    expect(await store.take(code)).toBeDefined()
    const claim = () => store.claim({ ...code, id: secret() }, inAMinute()).catch(() => 'refused')
    await expect.poll(claim, { interval: 200 }).toBe('claimed')
  })

  it('lists the records of one type and tenant, however many pages they are', async () => {
    const store = await ready(storage.open({ pageSize: 40 }))
    const tenant = service()
    const numbers = Array.from({ length: 140 }, (_, number) => number)
    const write = (number: number) => store.put(key('Revocation', tenant), { ...inAMinute(), value: { number } })
    await Promise.all([
      ...numbers.map(write),
      store.put(key('Revocation'), { ...inAMinute(), value: { number: 'another tenant' } }),
      store.put(key('Grant', tenant), { ...inAMinute(), value: { number: 'another type' } }),
    ])
    const found = (await listed(store, 'Revocation', tenant)).map(({ value }) => value?.number as number)
    expect(found.toSorted((a, b) => a - b)).toEqual(numbers)
  })

  it('writes no id, so that nobody who reads the storage can use what a code stands for', async () => {
    const ids = [secret(), secret(), secret()] as const
    const tenant = service()
    await one.put({ type: 'Code', tenant, id: ids[0] }, { ...inAMinute(), value: { client: 'sc_visible' } })
    await one.claim({ type: 'Assertion', tenant, id: ids[1] }, inAMinute())
    await one.put({ type: 'Grant', tenant, id: ids[2] }, inAMinute())
    await one.take({ type: 'Code', tenant, id: ids[0] })
    await one.put({ type: 'Code', tenant, id: ids[0] }, { ...inAMinute(), value: { client: 'sc_visible' } })
    const text = await storage.written()
    expect(text).toContain('sc_visible')
    expect(ids.filter(id => text.includes(id))).toEqual([])
  })

  it('refuses what no record may be before it is sent anywhere', async () => {
    const code = key('Code')
    const value = { text: 'x'.repeat(16_384) }
    await expect(one.put(code, { ...inAMinute(), value })).rejects.toMatchObject(refused('value_too_large'))
    await expect(one.put(code, { ...inAMinute(), value: { jti: code.id } })).rejects.toThrow(TypeError)
    for (const endsAt of [Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY]) {
      await expect(one.claim(code, { endsAt })).rejects.toThrow(TypeError)
      await expect(one.put(code, { endsAt })).rejects.toThrow(TypeError)
    }
    for (const tenant of [{}, { uid: '' }])
      await expect(one.claim({ ...code, tenant }, inAMinute())).rejects.toThrow(TypeError)
    expect(await one.get(code)).toBeUndefined()
  })

  const unavailable = Array.from({ length: 5 }, () => 'store_unavailable')
  const operations = (store: TokenStore, of: RecordKey) => [
    store.claim(of, inAMinute()),
    store.put(of, inAMinute()),
    store.get(of),
    store.take(of),
    listed(store, of.type, of.tenant),
  ]

  it('says that it does not know while the storage is away, stays ready, and knows all afterwards', async () => {
    const before = key('Assertion')
    expect(await one.claim(before, inAMinute())).toBe('claimed')
    await storage.goAway()
    const fresh = storage.open()
    expect(await reasons(operations(one, before))).toEqual(unavailable)
    expect(await reasons(operations(fresh, before))).toEqual(unavailable)
    expect(one.fault()).toBeUndefined()
    await expect.poll(() => fresh.fault()).toMatch(/^the token store (was not|cannot be) /)
    await storage.comeBack()
    await ready(fresh)
    await expect.poll(() => one.claim(before, inAMinute()).catch(() => 'unknown')).toBe('held')
    expect(await fresh.claim(before, inAMinute())).toBe('held')
  })

  it('says that it does not know when the storage does not answer, and knows all afterwards', async () => {
    const before = key('Assertion')
    expect(await one.claim(before, inAMinute())).toBe('claimed')
    const impatient = await ready(storage.open({ deadlineMs: 500 }))
    await storage.goSilent()
    expect(await reasons(operations(impatient, before))).toEqual(unavailable)
    await storage.comeBack()
    await expect.poll(() => impatient.claim(before, inAMinute()).catch(() => 'unknown')).toBe('held')
  })
}

const realClock = { now: () => performance.now(), after: afterReal }

function afterReal(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms)
  return () => clearTimeout(timer)
}
