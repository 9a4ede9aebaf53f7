import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { followRecords as followObjects } from '../../../../issuer/store/kubernetes/follow-records.ts'
import { followRecords } from '../../../../issuer/store/redis/follow-records.ts'
import type { StoredRecord } from '../../../../issuer/store/store.ts'
import { systemClock } from '../../../../platform/clock.ts'
import { createQuietLog } from '../../platform/quiet-log.ts'

/** Both clocks are the faked one. */
const clock = { ...systemClock, now: () => Date.now() }

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000_000 }))
afterEach(() => void vi.useRealTimers())

/** A Redis that counts, and can forget or be away. */
function startRedisOf(pageSize = 2) {
  let put: { count: number; name: string }[] = []
  const state = { count: undefined as number | undefined, isAway: false, pages: 0 }
  const told: unknown[] = []
  const answer = async <T>(value: () => T): Promise<T> => {
    if (state.isAway) throw new Error('away')
    return value()
  }
  const records = {
    count: () => answer(() => state.count),
    after: (from: number) =>
      answer(() => {
        state.pages++
        const page = put.filter(({ count }) => count > from).slice(0, pageSize)
        return {
          records: page.map(({ name }) => ({ endsAt: 9e9, value: { name } })),
          count: page.at(-1)?.count ?? from,
          isLast: page.length < pageSize,
        }
      }),
  }
  const { log, lines } = createQuietLog()
  const follower = ({ value }: StoredRecord) => void told.push(value?.name)
  const feed = followRecords(follower, { records, clock, log })
  return {
    ...{ feed, told, state, lines },
    put(name: string, count = (state.count ?? 0) + 1) {
      state.count = count
      put.push({ count, name })
    },
    forget() {
      put = []
      state.count = undefined
    },
  }
}
const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('records in Redis', () => {
  it('are told in pages, in order, each once, and nothing is asked for while nothing was put', async () => {
    const redis = startRedisOf()
    for (const name of ['a', 'b', 'c', 'd', 'e']) redis.put(name)
    await wait(100)
    expect([redis.told, redis.feed.progress()]).toEqual([['a', 'b', 'c', 'd', 'e'], '5'])
    const { pages } = redis.state
    await wait(1_000)
    expect(redis.state.pages).toBe(pages)
    redis.put('f')
    await wait(100)
    expect([redis.told.at(-1), redis.feed.progress()]).toEqual(['f', '6'])
    await redis.feed.stop()
  })

  it('that cannot be said to be known have no version, and are read once it is known that there are none', async () => {
    const redis = startRedisOf()
    expect(redis.feed.unknownSince()).toBe(0)
    await wait(0)
    expect([redis.feed.progress(), redis.feed.unknownSince()]).toEqual([undefined, undefined])
    await redis.feed.stop()
  })

  it('are read again from the first when Redis forgot, and after it was away', async () => {
    const redis = startRedisOf()
    for (const name of ['a', 'b', 'c']) redis.put(name, 1_000)
    await wait(100)
    redis.forget()
    redis.put('new', 5)
    await wait(100)
    expect(redis.told.at(-1)).toBe('new')
    redis.state.isAway = true
    await wait(300)
    redis.state.isAway = false
    await wait(300)
    expect(redis.told.slice(-2)).toEqual(['new', 'new'])
    await redis.feed.stop()
  })

  it('are not known since Redis was heard last, from ten seconds on, and are known again at once', async () => {
    const redis = startRedisOf()
    await wait(0)
    redis.state.isAway = true
    await wait(10_000)
    expect(redis.feed.unknownSince()).toBeUndefined()
    await wait(200)
    expect(redis.feed.unknownSince()).toBe(1_000_000)
    expect(JSON.stringify(redis.lines)).toContain('cannot be followed')
    redis.state.isAway = false
    await wait(200)
    expect(redis.feed.unknownSince()).toBeUndefined()
    await redis.feed.stop()
  })
})

describe('records in the Kubernetes API', () => {
  it('are not known since a watch was heard last, from two minutes on, and not before the first list', async () => {
    const listed = Promise.withResolvers<void>()
    const client = {
      async list() {
        await listed.promise
        return { items: [], resourceVersion: '7' }
      },
      watch: () => ({
        [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: async () => ({ done: true }) }),
      }),
    }
    const { log } = createQuietLog()
    const parts = { client: client as never, namespace: 'latchkey-system', clock, log }
    const feed = followObjects('Revocation', () => {}, parts)
    const versions: string[] = []
    feed.onTold(version => void versions.push(version))
    expect([feed.unknownSince(), feed.progress()]).toEqual([0, undefined])
    listed.resolve()
    await wait(0)
    expect([feed.unknownSince(), feed.progress(), versions]).toEqual([undefined, '7', ['7']])
    await wait(120_000)
    expect(feed.unknownSince()).toBeUndefined()
    await wait(1_000)
    expect(feed.unknownSince()).toBe(1_000_000)
  })
})
