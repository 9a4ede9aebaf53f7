import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { createThread, type Thread, type ThreadOptions } from '../../../platform/thread/thread.ts'
import { createManualClock } from './manual-clock.ts'

const file = fileURLToPath(new URL('./stubborn-worker.ts', import.meta.url))
const bounds = { perPeer: 3, sum: 4 }
const order = (text: string) => ({ content: { text } })
const answer = { reading: '{"routes":[]}', ofAll: true }
const fine = { answer, spentMs: 1 }

let thread: Thread<object, unknown>
afterEach(() => thread.stop())
const start = (more: Partial<ThreadOptions> = {}) => {
  thread = createThread({ file, budgetMs: 300, lookMs: 50, heapMb: 24, bounds, ...more })
  return (text: string, asker?: string) => thread.ask(order(text), asker)
}

describe('a thread', () => {
  it('does orders, the askers by turns', async () => {
    const ask = start({ bounds: { perPeer: 9, sum: 9 } })
    const done: string[] = []
    const asks = ['a1', 'a2', 'a3', 'b1', 'c1'].map(name => ask('fine', name.charAt(0)).then(() => done.push(name)))
    await Promise.all(asks)
    expect(done).toEqual(['a1', 'a2', 'b1', 'c1', 'a3'])
  })

  it.each([
    ['exit', 'the thread ended'],
    ['throw', 'of its own'],
  ])('that dies costs the order that it died of, and says so: %s', async (text, message) => {
    const ask = start()
    const [dead, next] = await Promise.all([ask(text), ask('fine')])
    expect(dead).toEqual({ lost: 'died', error: expect.objectContaining({ message }) })
    expect(next).toEqual(fine)
  })

  it('that did thousands of orders has as much for the next one as for the first', async () => {
    const ask = start({ budgetMs: 400, bounds: { perPeer: 6_000, sum: 6_000 } })
    await Promise.all(Array.from({ length: 5_000 }, () => ask('fine')))
    expect(await ask('work')).toEqual(fine)
  })

  it('that cannot be started answers each order that it died, and holds none', async () => {
    const ask = start({ file: '/nowhere.ts' })
    for (let at = 0; at < 2; at++) expect(await ask('fine')).toMatchObject({ lost: 'died' })
  })

  it.each(['loop', 'memory'])('S06 ends with an order that is too costly, and the next one is done: %s', async text => {
    const ask = start()
    const [costly, next] = await Promise.all([ask(text), ask('fine')])
    expect(costly).toMatchObject({ lost: 'too_costly' })
    expect(next).toEqual(fine)
  })

  it('S06 refuses at once what is beyond the part of an asker, and takes from the greediest', async () => {
    const ask = start()
    const running = ask('loop', 'a')
    const waiting = ['a', 'a', 'a'].map(asker => ask('fine', asker))
    expect(await ask('fine', 'a')).toEqual({ lost: 'refused' })
    const others = ['b', 'c'].map(asker => ask('fine', asker))
    expect(await waiting[2]).toEqual({ lost: 'refused' })
    expect(await running).toMatchObject({ lost: 'too_costly' })
    expect(await Promise.all([...waiting.slice(0, 2), ...others])).toEqual(Array(4).fill(fine))
  })

  it('moves what it is given to move, when its turn has come', async () => {
    start()
    const bytes = new Uint8Array(70_000)
    const running = thread.ask(order('fine'))
    const moved = thread.ask({ bytes }, '', [bytes.buffer])
    expect(bytes.length).toBe(70_000)
    await running
    expect(await moved).toEqual({ answer: { fault: 'fine' }, spentMs: 1 })
    expect(bytes.length).toBe(0)
  })

  it('ends after a time without work, and another one begins with the next order', async () => {
    const clock = createManualClock()
    const ask = start({ clock, idleMs: 1_000 })
    const who = async () => ((await ask('whoami')) as { answer: number }).answer
    const first = await who()
    await clock.advance(999)
    expect(await who()).toBe(first)
    await clock.advance(1_000)
    expect(await who()).not.toBe(first)
  })

  it('that was stopped gives up what waits, and takes no more', async () => {
    const ask = start()
    const given = [ask('loop'), ask('fine')].map(one => expect(one).rejects.toThrow('stopped'))
    thread.stop()
    await Promise.all(given)
    await expect(ask('fine')).rejects.toThrow('stopped')
  })
})
