import { describe, expect, it } from 'vitest'
import type { Clock } from '../../../../platform/clock.ts'
import { noteArrival } from '../../../../platform/fair/arrivals.ts'
import { createTurns, type TurnBounds } from '../../../../platform/fair/turns.ts'
import { createQuietLog } from '../quiet-log.ts'

/** Work takes as long as it says. */
function start(bounds: Partial<TurnBounds> = {}) {
  let now = 0
  const { log, lines } = createQuietLog()
  const clock = { now: () => now } as Clock
  const turns = createTurns({ sliceMs: 2, perPeer: 3, sum: 5, ...bounds }, { clock, log })
  const done: string[] = []
  const lost: string[] = []
  const take = (peer: string, name: string, ms = 1): string =>
    turns.take(peer, turn => {
      if (turn === 'lost') return void lost.push(name)
      now += ms
      done.push(name)
    })
  return { turns, take, done, lost, lines }
}
const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('turns', () => {
  it('do at once what fits the slice, and let the rest wait', async () => {
    const { take, done, turns } = start()
    expect([take('a', 'a1'), take('a', 'a2'), take('a', 'a3')]).toEqual(['done', 'done', 'waits'])
    expect(done).toEqual(['a1', 'a2'])
    await nextTurn()
    expect(done).toEqual(['a1', 'a2', 'a3'])
    expect(turns.waiting()).toBe(0)
  })
  it('are as long as ever while connections come, unless they are to give way', async () => {
    const { take, done } = start({ sliceMs: 3, perPeer: 9, sum: 9 })
    noteArrival()
    for (let at = 1; at <= 4; at++) take('a', `a${at}`)
    expect(done).toEqual(['a1', 'a2', 'a3'])
  })
  it('are a piece of work long while connections come, for each waits for a turn of its own', async () => {
    const { take, done } = start({ sliceMs: 3, perPeer: 9, sum: 9, givesWay: true })
    noteArrival()
    for (let at = 1; at <= 7; at++) take('a', `a${at}`)
    expect(done).toEqual(['a1'])
    await nextTurn()
    expect(done).toEqual(['a1', 'a2'])
    noteArrival()
    await nextTurn()
    expect(done).toEqual(['a1', 'a2', 'a3'])
    await nextTurn()
    expect(done).toEqual(['a1', 'a2', 'a3', 'a4', 'a5', 'a6'])
  })
  it('go round the peers that wait', async () => {
    const { take, done } = start({ sliceMs: 1 })
    take('a', 'a1')
    for (const [peer, name] of [
      ['a', 'a2'],
      ['a', 'a3'],
      ['b', 'b1'],
      ['c', 'c1'],
    ] as const)
      take(peer, name)
    for (let turn = 0; turn < 5; turn++) await nextTurn()
    expect(done).toEqual(['a1', 'a2', 'b1', 'c1', 'a3'])
  })
  it('S06 refuse what is beyond the part of a peer, and of all', () => {
    const { take, lost } = start({ sliceMs: 1, perPeer: 3, sum: 5 })
    take('a', 'now')
    expect([1, 2, 3, 4].map(at => take('a', `a${at}`))).toEqual(['waits', 'waits', 'waits', 'refused'])
    expect(['b', 'c', 'd'].map(peer => take(peer, peer))).toEqual(['waits', 'waits', 'waits'])
    expect(lost).toEqual(['a3'])
    // Of nobody waits more than would of the one that asks.
    expect([take('b', 'b2'), take('a', 'a5')]).toEqual(['refused', 'refused'])
    expect([take('e', 'e'), lost.at(-1), take('f', 'f')]).toEqual(['waits', 'a2', 'refused'])
  })
  it('S06 let in a peer of which little waits, however many others fill the line; what it costs is told once', async () => {
    const { take, turns, done, lost } = start({ sliceMs: 1, perPeer: 8, sum: 64 })
    take('first', 'now')
    let count = 0
    const flood = (): void => {
      for (let at = 0; at < 320; at++) take(`p${at % 16}`, `p${count++}`)
    }
    flood()
    for (let at = 0; at < 20; at++) {
      expect(take(`good${at}`, `good${at}`)).toBe('waits')
      flood()
      for (let turn = 0; turn < 40; turn++) await nextTurn()
      expect(done).toContain(`good${at}`)
      expect(turns.waiting()).toBeLessThanOrEqual(64)
    }
    expect(lost.filter(name => name.startsWith('good'))).toEqual([])
    expect(new Set([...done, ...lost]).size).toBe(done.length + lost.length)
  })
  it('lose nothing and grow no further when the one that is told asks again at once', () => {
    const { take, turns } = start({ sliceMs: 1 })
    take('x', 'now')
    const told: string[] = []
    const again = (turn: 'come' | 'lost'): void => void (turn === 'lost' && told.push(turns.take('a', again)))
    for (let at = 0; at < 3; at++) turns.take('a', again)
    for (const peer of ['b', 'c', 'd']) take(peer, peer)
    expect([told, turns.waiting()]).toEqual([['refused'], 5])
  })
  it('S06 leave a place to who comes with nothing, however many peers take all they can get', () => {
    const { take } = start({ sliceMs: 1, perPeer: 25, sum: 100 })
    take('a', 'now')
    for (let round = 0; round < 100; round++)
      for (const peer of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) take(peer, `${peer}${round}`)
    expect(Array.from({ length: 10 }, (_, at) => take(`new ${at}`, 'first'))).toEqual(Array(10).fill('waits'))
  })
  it('count what work costs: dear work leaves less for others in a turn', async () => {
    const { take, done } = start()
    take('a', 'a1', 10)
    for (const name of ['b1', 'b2', 'b3']) take('b', name, 1)
    await nextTurn()
    expect(done).toEqual(['a1', 'b1', 'b2'])
  })
  it('go on after work that throws', async () => {
    const { turns, take, done, lines } = start({ sliceMs: 1 })
    take('a', 'a1')
    turns.take('a', () => {
      throw new Error('a bug')
    })
    take('b', 'b1')
    for (let turn = 0; turn < 3; turn++) await nextTurn()
    expect(done).toEqual(['a1', 'b1'])
    expect(lines.map(({ msg }) => msg)).toEqual(['a call could not be handled'])
  })
})
