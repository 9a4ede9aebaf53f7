import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { repositoryRoot } from '../../../cluster/binaries.ts'
import { keepsTheContract, listed } from './contract.ts'
import { keepsTheFeedContract } from './feed-contract.ts'
import type { RedisSettings } from './redis-server.ts'
import { type RedisStorage, startRedisStorage } from './redis-storage.ts'
import { startSpoiler } from './spoiler.ts'

describe('Redis as token store', () => {
  keepsTheContract(() => startRedisStorage())
})

describe('records in Redis that are followed', () => {
  keepsTheFeedContract(() => startRedisStorage())
})

describe('a Redis of its own', () => {
  let storage: RedisStorage | undefined
  afterEach(async () => {
    await storage?.close()
    storage = undefined
  })

  async function start(settings: RedisSettings): Promise<RedisStorage> {
    storage = await startRedisStorage(settings)
    return storage
  }

  const key = { type: 'Assertion', tenant: { uid: randomUUID() }, id: 'a-jti' } as const
  const record = () => ({ endsAt: Math.floor(Date.now() / 1_000) + 60 })

  /** What the documentation tells to give the user, and nothing more. */
  async function documentedRights(): Promise<string> {
    const page = await readFile(join(repositoryRoot, 'docs/token-store.md'), 'utf8')
    const rights = /^ACL SETUSER latchkey on >PASSWORD (.*)$/m.exec(page)?.[1]
    expect(rights).toMatch(/-@all/)
    return rights ?? ''
  }

  it('is used over TLS as an ACL user that may do nothing else', async () => {
    const { open, redis } = await start({ tls: true, acl: await documentedRights() })
    const store = open()
    await expect.poll(() => store.fault()).toBeUndefined()
    const grant = { ...key, type: 'Grant' } as const
    expect(await store.claim(key, record())).toBe('claimed')
    await store.put(grant, { ...record(), value: { client: 'sc_a' } })
    expect(await store.get(grant)).toMatchObject({ value: { client: 'sc_a' } })
    for await (const listed of store.list('Grant', key.tenant)) expect(listed.value).toEqual({ client: 'sc_a' })
    expect(await store.take(grant)).toMatchObject({ value: { client: 'sc_a' } })
    const told: unknown[] = []
    const feed = store.follow('Revocation', ({ value }) => void told.push(value))
    await feed.whenRead(AbortSignal.timeout(15_000))
    await store.put({ ...key, type: 'Revocation' }, { ...record(), value: { clientId: 'sc_a' } })
    await expect.poll(() => told).toEqual([{ clientId: 'sc_a' }])
    await redis.ask('SCRIPT', 'FLUSH')
    expect(await store.claim(key, record())).toBe('held')
  })

  it('is not believed when its certificate is of an authority that was not named', async () => {
    const { open } = await start({ tls: true })
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-redis-'))
    await writeFile(join(folder, 'ca.crt'), '')
    const store = open({ address: { caFile: join(folder, 'ca.crt') } })
    await expect.poll(() => store.fault()).toMatch(/cannot be reached: .*(certificate|self.signed)/i)
    await expect(store.claim(key, record())).rejects.toMatchObject({ reason: 'store_unavailable' })
  })

  it('is not used with a wrong password, and is with the right one once the file has it', async () => {
    const { open } = await start({})
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-redis-'))
    await writeFile(join(folder, 'password'), 'wrong')
    const store = open({ address: { credentials: folder } })
    await expect.poll(() => store.fault()).toMatch(/cannot be reached: WRONGPASS/)
    await expect(store.claim(key, record())).rejects.toMatchObject({ reason: 'store_unavailable' })
    await writeFile(join(folder, 'password'), '')
    await expect.poll(() => store.fault()).toMatch(/cannot be reached: the file of the password is empty/)
    await writeFile(join(folder, 'password'), 'the-admins-password')
    await expect.poll(() => store.fault()).toBeUndefined()
    expect(await store.claim(key, record())).toBe('claimed')
  })

  it.each([
    ['that evicts', { 'maxmemory-policy': 'allkeys-lru' }, /set maxmemory-policy to noeviction \(it is allkeys-lru\)/],
    ['that keeps nothing on its disk', { appendonly: 'no' }, /set appendonly to yes/],
  ])('%s makes nobody ready and is asked nothing, until the setting is changed', async (_, config, fault) => {
    const { open, redis } = await start({ config })
    const store = open()
    await expect.poll(() => store.fault()).toMatch(fault)
    await expect(store.claim(key, record())).rejects.toMatchObject({ reason: 'store_unsafe' })
    await expect(store.take(key)).rejects.toMatchObject({ reason: 'store_unsafe' })
    const [name] = Object.keys(config)
    await redis.ask('CONFIG', 'SET', `${name}`, name === 'appendonly' ? 'yes' : 'noeviction')
    await expect.poll(() => store.fault()).toBeUndefined()
    expect(await store.claim(key, record())).toBe('claimed')
  })

  it('with snapshots alone is used', async () => {
    const { open } = await start({ config: { appendonly: 'no', save: '3600 1' } })
    const store = open()
    await expect.poll(() => store.fault()).toBeUndefined()
    expect(await store.claim(key, record())).toBe('claimed')
  })

  it('knows what was claimed after it lost its power', async () => {
    const { open, redis } = await start({})
    const store = open()
    await expect.poll(() => store.fault()).toBeUndefined()
    expect(await store.claim(key, record())).toBe('claimed')
    await redis.kill()
    await redis.start()
    await expect.poll(() => store.claim(key, record()).catch(() => 'unknown')).toBe('held')
  })

  it('whose memory is used up refuses as a full store, and forgets nothing', async () => {
    const { open, redis } = await start({})
    const store = open()
    await expect.poll(() => store.fault()).toBeUndefined()
    expect(await store.claim(key, record())).toBe('claimed')
    await redis.ask('CONFIG', 'SET', 'maxmemory', '1')
    await expect(store.claim({ ...key, id: 'another' }, record())).rejects.toMatchObject({ reason: 'store_full' })
    expect(await store.claim(key, record())).toBe('held')
  })

  // An answer too many, then one too few: everybody after it would get the answer of somebody else.
  it.each(['$-1\r\n', '+OK\r\n', ''])(
    'whose answers come out of step (%j) is asked again over another connection',
    async answer => {
      const { open, redis } = await start({})
      const proxy = await startSpoiler(redis.url)
      const store = open({ address: { url: proxy.url } })
      await expect.poll(() => store.fault()).toBeUndefined()
      const used = { ...key, id: 'used' }
      const revoked = { ...key, type: 'Revocation' } as const
      await store.claim(used, record())
      await store.put(revoked, { ...record(), value: { jti: 'a' } })
      for (const other of ['one', 'two', 'three']) {
        proxy.spoilNext(answer)
        const asked = [store.claim({ ...key, id: other }, record()), store.claim(used, record()), store.get(revoked)]
        const [, second, third] = await Promise.allSettled(asked)
        expect(second).not.toMatchObject({ value: 'claimed' })
        expect(third).not.toMatchObject({ status: 'fulfilled', value: undefined })
        await expect.poll(() => store.claim(used, record()).catch(() => 'unknown')).toBe('held')
        expect(await store.get(revoked)).toMatchObject({ value: { jti: 'a' } })
      }
      expect(proxy.connections()).toBeGreaterThan(3)
      await proxy.close()
    },
  )

  it('that answers another question with nothing is not taken to know of no revocation', async () => {
    const { open, redis } = await start({})
    const proxy = await startSpoiler(redis.url)
    const store = open({ address: { url: proxy.url } })
    await expect.poll(() => store.fault()).toBeUndefined()
    const revoked = { ...key, type: 'Revocation' } as const
    await store.put(revoked, { ...record(), value: { jti: 'a' } })
    const read = async () => {
      const [found] = await listed(store, 'Revocation', key.tenant)
      return found
    }
    proxy.spoilNext('$-1\r\n')
    await expect(store.get(revoked)).rejects.toMatchObject({ reason: 'store_unavailable' })
    await expect.poll(() => store.get(revoked).catch(() => 'unknown')).toMatchObject({ value: { jti: 'a' } })
    proxy.spoilNext('*2\r\n$1\r\n0\r\n*0\r\n')
    await expect(read()).rejects.toMatchObject({ reason: 'store_unavailable' })
    await expect.poll(() => read().catch(() => 'unknown')).toMatchObject({ value: { jti: 'a' } })
    await proxy.close()
  })

  it('leaves nothing behind when all has ended: neither records nor what counts them', async () => {
    const { open, redis } = await start({})
    const store = open()
    await expect.poll(() => store.fault()).toBeUndefined()
    const now = Math.floor(Date.now() / 1_000)
    await store.claim(key, { endsAt: now - 59 })
    await store.put({ ...key, type: 'Grant' }, { endsAt: now - 59, value: { client: 'sc_a' } })
    await expect.poll(() => redis.ask('DBSIZE'), { interval: 200 }).toBe(0)
  })
})
