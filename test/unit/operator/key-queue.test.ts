import { describe, expect, it } from 'vitest'
import type { KeyMaterial } from '../../../core/keys/secret-data.ts'
import { createKeyQueue } from '../../../operator/access-key/key-queue.ts'
import { settled } from '../platform/manual-clock.ts'

/** A queue whose keys are made when the test says so. */
function world() {
  const making: { end: () => void; fail: () => void }[] = []
  const made: string[] = []
  let count = 0
  const queue = createKeyQueue({
    make: algorithm =>
      new Promise((resolve, reject) => {
        const end = () => resolve({ kid: `${algorithm}-${++count}` } as KeyMaterial)
        if (algorithm === 'RS256') making.push({ end, fail: () => reject(new Error('no entropy')) })
        else end()
      }),
    onMade: key => made.push(key),
  })
  return {
    queue,
    made,
    making,
    /** Lets the oldest under way end. */
    async next(how: 'end' | 'fail' = 'end') {
      making.shift()?.[how]()
      await settled()
    },
  }
}

describe('the queue of costly keys', () => {
  it("S06 250 RS256 keys of one namespace delay another's Ed25519 key not at all and its RS256 key by one", async () => {
    const { queue, made, making, next } = world()
    for (let i = 0; i < 250; i++) expect(await queue.take(`greedy/${i}`, 'RS256')).toBeUndefined()
    expect(making).toHaveLength(1)
    expect(await queue.take('other/a', 'Ed25519')).toEqual({ kid: 'Ed25519-1' })
    expect(await queue.take('other/b', 'ES256')).toEqual({ kid: 'ES256-2' })
    expect(await queue.take('other/c', 'RS256')).toBeUndefined()
    // The greedy one's first and this one: nothing else is under way, and two of four threads are left.
    expect(making).toHaveLength(2)
    expect(await queue.take('third/d', 'RS256')).toBeUndefined()
    expect(making).toHaveLength(2)
    for (let i = 0; i < 4; i++) await next()
    expect(made).toEqual(['greedy/0', 'other/c', 'greedy/1', 'third/d'])
    expect(await queue.take('other/c', 'RS256')).toEqual({ kid: 'RS256-4' })
  })

  it('asks once however often it is asked, and gives each key out once', async () => {
    const { queue, made, making, next } = world()
    for (let i = 0; i < 3; i++) expect(await queue.take('a/b', 'RS256')).toBeUndefined()
    await next()
    expect([made, making.length]).toEqual([['a/b'], 0])
    expect(await queue.take('a/b', 'RS256')).toEqual({ kid: 'RS256-1' })
    expect(await queue.take('a/b', 'RS256')).toBeUndefined()
    await next()
    expect(await queue.take('a/b', 'RS256')).toEqual({ kid: 'RS256-2' })
  })

  it('tells why a key could not be made, and makes another when it is asked again', async () => {
    const { queue, made, next } = world()
    await queue.take('a/b', 'RS256')
    await next('fail')
    expect(made).toEqual(['a/b'])
    await expect(queue.take('a/b', 'RS256')).rejects.toThrow('no entropy')
    expect(await queue.take('a/b', 'RS256')).toBeUndefined()
    await next()
    expect(await queue.take('a/b', 'RS256')).toEqual({ kid: 'RS256-1' })
  })

  it('makes nothing for an AccessKey that has gone meanwhile, and keeps nothing of it', async () => {
    const { queue, made, making, next } = world()
    await queue.take('a/first', 'RS256')
    await queue.take('a/second', 'RS256')
    queue.forget('a/first')
    queue.forget('a/second')
    await next()
    expect([made, making.length]).toEqual([[], 0])
  })

  it('does not collect private keys that nobody fetches', async () => {
    const { queue, next } = world()
    for (let i = 0; i < 100; i++) await queue.take(`a/${i}`, 'RS256')
    for (let i = 0; i < 100; i++) await next()
    const kept = await Promise.all(Array.from({ length: 100 }, (_, i) => queue.take(`a/${i}`, 'RS256')))
    expect(kept.filter(key => key !== undefined)).toHaveLength(64)
  })

  it("S06 throws away none of a namespace with few for another's that are not fetched", async () => {
    const { queue, next } = world()
    await queue.take('few/a', 'RS256')
    await next()
    for (let i = 0; i < 100; i++) await queue.take(`greedy/${i}`, 'RS256')
    for (let i = 0; i < 100; i++) await next()
    expect(await queue.take('few/a', 'RS256')).toEqual({ kid: 'RS256-1' })
    expect(await queue.take('greedy/99', 'RS256')).toEqual({ kid: 'RS256-101' })
    expect(await queue.take('greedy/36', 'RS256')).toBeUndefined()
  })
})
