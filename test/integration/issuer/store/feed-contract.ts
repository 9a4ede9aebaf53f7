import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { Feed, StoredRecord, Tenant, TokenStore } from '../../../../issuer/store/store.ts'
import type { Storage } from './contract.ts'

const inAMinute = () => Math.floor(Date.now() / 1_000) + 60
const service = (): Tenant => ({ uid: randomUUID() })

/** What every store promises to whoever follows a type of its records. */
export function keepsTheFeedContract(start: () => Promise<Storage>): void {
  let storage: Storage
  let writer: TokenStore

  beforeAll(async () => {
    storage = await start()
    writer = storage.open()
    await vi.waitFor(() => expect(writer.fault()).toBeUndefined(), { timeout: 15_000 })
  })
  afterAll(() => storage?.close())

  /** Another replica that follows, from here on. */
  function follow(pageSize?: number) {
    const told = new Map<unknown, StoredRecord>()
    const store = storage.open({ ...(pageSize !== undefined && { pageSize }) })
    const feed = store.follow('Revocation', record => void told.set(record.value?.name, record))
    return { store, feed, told }
  }

  const revoke = (name: string, tenant = service(), endsAt = inAMinute()) =>
    writer.put({ type: 'Revocation', tenant, id: name }, { endsAt, value: { name } })
  const names = (told: Map<unknown, StoredRecord>, prefix: string) =>
    [...told.keys()].filter(name => String(name).startsWith(prefix)).sort()
  const whenRead = (feed: Feed) => feed.whenRead(AbortSignal.timeout(15_000))

  it('tells what is there of all tenants, in however many pages, before it says that it was read', async () => {
    const all = Array.from({ length: 60 }, (_, at) => `before ${String(at).padStart(2, '0')}`)
    await Promise.all([...all.map(name => revoke(name)), revoke('before installation', 'installation')])
    await writer.put({ type: 'Grant', tenant: service(), id: 'x' }, { endsAt: inAMinute(), value: { name: 'before' } })
    const { feed, told } = follow(25)
    expect(feed.unknownSince()).toBe(0)
    await whenRead(feed)
    expect(names(told, 'before')).toEqual([...all, 'before installation'])
    expect(feed.unknownSince()).toBeUndefined()
  })

  it('tells of each that is put, at two replicas, within a fraction of a second, and of one that is put again', async () => {
    const [one, other] = [follow(), follow()]
    await Promise.all([whenRead(one.feed), whenRead(other.feed)])
    const tenant = service()
    for (const at of [1, 2, 3]) {
      await revoke(`put ${at}`, tenant)
      const startedAt = performance.now()
      const both = () => [one, other].map(({ told }) => told.has(`put ${at}`))
      await expect.poll(both, { interval: 5 }).toEqual([true, true])
      // A busy machine takes longer than this does.
      expect(performance.now() - startedAt).toBeLessThan(2_000)
    }
    const later = inAMinute() + 60
    await revoke('put 1', tenant, later)
    await expect.poll(() => [one, other].map(({ told }) => told.get('put 1')?.endsAt)).toEqual([later, later])
  })

  it('lets replicas that were told of the same say the same, and one that was told more say more', async () => {
    const [one, other] = [follow(), follow()]
    await Promise.all([whenRead(one.feed), whenRead(other.feed)])
    const versions: [string[], string[]] = [[], []]
    one.feed.onTold(version => void versions[0].push(version))
    other.feed.onTold(version => void versions[1].push(version))
    await revoke('version 1')
    await expect.poll(() => versions.map(list => list.length)).toEqual([1, 1])
    await revoke('version 2')
    await expect.poll(() => versions.map(list => list.length)).toEqual([2, 2])
    expect(versions[0]).toEqual(versions[1])
    expect(Number(versions[0][1])).toBeGreaterThan(Number(versions[0][0]))
    const fresh = follow()
    await whenRead(fresh.feed)
    expect(Number(fresh.feed.progress())).toBeGreaterThanOrEqual(Number(versions[0][1]))
  })

  it('tells nothing of what has ended', async () => {
    await revoke('ended', service(), Math.floor(Date.now() / 1_000) - 1)
    const { feed, told } = follow()
    await whenRead(feed)
    expect(told.has('ended')).toBe(false)
  })

  it('tells what was put while the storage was away from it, once it is back', async () => {
    const { feed, told } = follow()
    await whenRead(feed)
    await storage.goAway()
    await expect(revoke('lost')).rejects.toMatchObject({ name: 'StoreError' })
    await storage.comeBack()
    await expect
      .poll(
        () =>
          revoke('found').then(
            () => true,
            () => false,
          ),
        { timeout: 15_000 },
      )
      .toBe(true)
    await expect.poll(() => told.has('found'), { timeout: 15_000 }).toBe(true)
  })

  it('ends with its store', async () => {
    const { store, feed, told } = follow()
    await whenRead(feed)
    await store.stop()
    await revoke('after')
    await new Promise(resolve => setTimeout(resolve, 300))
    expect(told.has('after')).toBe(false)
  })
}
