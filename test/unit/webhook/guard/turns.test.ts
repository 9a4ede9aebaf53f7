import { describe, expect, it } from 'vitest'
import type { Clock } from '../../../../platform/clock.ts'
import { createTurns, type TurnBounds } from '../../../../webhook/guard/turns.ts'
import { createQuietLog } from '../../platform/quiet-log.ts'

/** Work takes as long as it says. */
function start(bounds: Partial<TurnBounds> = {}) {
  let now = 0
  const { log, lines } = createQuietLog()
  const clock = { now: () => now } as Clock
  const turns = createTurns({ sliceMs: 2, perPeer: 3, sum: 5, ...bounds }, { clock, log })
  const done: string[] = []
  const take = (peer: string, name: string, ms = 1): string =>
    turns.take(peer, () => {
      now += ms
      done.push(name)
    })
  return { turns, take, done, lines }
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
  it('refuse what is beyond the part of a peer, and of all', () => {
    const { take } = start({ sliceMs: 1 })
    take('a', 'now')
    expect([1, 2, 3, 4].map(at => take('a', `a${at}`))).toEqual(['waits', 'waits', 'waits', 'refused'])
    expect(['b', 'c', 'd'].map(peer => take(peer, peer))).toEqual(['waits', 'waits', 'refused'])
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
