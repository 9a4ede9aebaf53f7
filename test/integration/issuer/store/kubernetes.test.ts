import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKubernetesStore } from '../../../../issuer/store/kubernetes/kubernetes-store.ts'
import type { TokenRecord } from '../../../../issuer/store/kubernetes/token-records.ts'
import { systemClock } from '../../../../platform/clock.ts'
import { tokenRecords } from '../../../../platform/kube/resources.ts'
import { createQuietLog } from '../../../unit/platform/quiet-log.ts'
import { keepsTheContract } from './contract.ts'
import { keepsTheFeedContract } from './feed-contract.ts'
import { type KubernetesStorage, namespace, startKubernetesStorage } from './kubernetes-storage.ts'

describe('the Kubernetes API as token store', () => {
  keepsTheContract(startKubernetesStorage)
})

describe('records in the Kubernetes API that are followed', () => {
  keepsTheFeedContract(startKubernetesStorage)
})

describe('objects of the token store', () => {
  let storage: KubernetesStorage
  beforeAll(async () => {
    storage = await startKubernetesStorage()
  })
  afterAll(() => storage?.close())

  /** Sweeps once, at its start. */
  const still = { sweepMs: 3_600_000 }
  const endsAt = () => Math.floor(Date.now() / 1_000) + 60
  const code = () => ({ type: 'Code', tenant: { uid: randomUUID() }, id: randomUUID() }) as const
  const objects = async () => (await storage.admin.list<TokenRecord>(tokenRecords, { namespace })).items

  it('say what they are and whose, in the namespace of the release, and are named by a hash', async () => {
    const key = code()
    const store = storage.openWith(still)
    await store.put(key, { endsAt: 1_900_000_000, value: { client: 'sc_a' } })
    const [found] = (await objects()).filter(({ spec }) => spec.tenant === key.tenant.uid)
    expect(found?.metadata.name).toMatch(/^code-[0-9a-f]{64}$/)
    const spec = { type: 'Code', tenant: key.tenant.uid, endsAt: '2030-03-17T17:46:40Z', value: '{"client":"sc_a"}' }
    expect(found?.spec).toEqual(spec)
  })

  it('are given out as they are last written, also when that happens while they are taken', async () => {
    const key = code()
    const writer = storage.openWith(still)
    await writer.put(key, { endsAt: endsAt(), value: { turn: 1 } })
    let reads = 0
    const client: KubernetesStorage['admin'] = {
      ...storage.admin,
      async get(resource, within, name) {
        const found = await storage.admin.get(resource, within, name)
        if (reads++ === 0) await writer.put(key, { endsAt: endsAt(), value: { turn: 2 } })
        return found as never
      },
    }
    const taker = storage.openWith({ ...still, client })
    expect(await taker.take(key)).toMatchObject({ value: { turn: 2 } })
    expect(reads).toBe(2)
    expect(await writer.get(key)).toBeUndefined()
  })

  it('that somebody keeps from going are gone for the store once they were taken', async () => {
    const key = code()
    const store = storage.openWith(still)
    await store.put(key, { endsAt: endsAt() })
    const name = (await objects()).find(({ spec }) => spec.tenant === key.tenant.uid)?.metadata.name ?? ''
    const finalizers = ['example.org/keep']
    await storage.admin.patch(tokenRecords, namespace, name, { metadata: { finalizers } })
    expect(await store.take(key)).toBeDefined()
    expect(await store.take(key)).toBeUndefined()
    expect(await store.get(key)).toBeUndefined()
    await storage.admin.patch(tokenRecords, namespace, name, { metadata: { finalizers: [] } })
  })

  it('that hold what the issuer never wrote are not taken for anything', async () => {
    const key = code()
    const store = storage.openWith(still)
    await store.put(key, { endsAt: endsAt(), value: { client: 'sc_a' } })
    const name = (await objects()).find(({ spec }) => spec.tenant === key.tenant.uid)?.metadata.name ?? ''
    for (const value of ['{', '[]', 'null', '"text"']) {
      await storage.admin.patch(tokenRecords, namespace, name, { spec: { value } })
      await expect(store.get(key)).rejects.toMatchObject({ reason: 'store_unavailable' })
      await expect(store.take(key)).rejects.toMatchObject({ reason: 'store_unavailable' })
    }
  })

  it('are swept page by page a minute after their end, and those that live stay', async () => {
    const store = storage.openWith(still)
    await expect.poll(() => store.fault()).toBeUndefined()
    const [ended, living] = [randomUUID(), randomUUID()]
    const claims = Array.from({ length: 35 }, (_, at) => {
      const isEnded = at % 5 !== 0
      const key = { type: 'Assertion', tenant: { uid: isEnded ? ended : living }, id: `${at}` } as const
      return store.claim(key, { endsAt: endsAt() - (isEnded ? 121 : 0) })
    })
    await Promise.all(claims)
    const count = async (tenant: string) => (await objects()).filter(({ spec }) => spec.tenant === tenant).length
    storage.openWith({ ...still, pageSize: 10 })
    await expect.poll(() => count(ended), { interval: 200 }).toBe(0)
    expect(await count(living)).toBe(7)
  })

  it('that a sweep sees as ended and somebody writes anew before it deletes them stay', async () => {
    const key = { ...code(), type: 'Grant' } as const
    const writer = storage.openWith(still)
    await expect.poll(() => writer.fault()).toBeUndefined()
    await writer.put(key, { endsAt: endsAt() - 200 })
    let deletions = 0
    const client: KubernetesStorage['admin'] = {
      ...storage.admin,
      async delete(...asked) {
        if (deletions++ === 0) await writer.put(key, { endsAt: endsAt(), value: { turn: 2 } })
        return storage.admin.delete(...asked)
      },
    }
    const sweeper = storage.openWith({ ...still, client })
    await expect.poll(() => sweeper.fault()).toBeUndefined()
    expect(deletions).toBeGreaterThan(0)
    expect(await writer.get(key)).toMatchObject({ value: { turn: 2 } })
  })

  it('of a kind that the API server does not know make nobody ready, and the log says so once', async () => {
    const { log, lines } = createQuietLog()
    const plural = 'tokenrecords-of-another-release'
    const client: KubernetesStorage['admin'] = {
      ...storage.admin,
      scan: (resource, keep, options) => storage.admin.scan({ ...resource, plural }, keep, options),
    }
    const store = createKubernetesStore({ client, namespace, clock: systemClock, log, sweepMs: 100 })
    store.start()
    await expect.poll(() => store.fault()).toMatch(/the token store cannot be read: .*404/)
    await expect.poll(() => lines.length).toBe(1)
    await store.stop()
  })
})
