import { describe, expect, it } from 'vitest'
import { createProofLine } from '../../../authorizer/peers/proof-line.ts'
import type { Clock } from '../../../platform/clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

/** A line where one token is proved in each turn of the event loop. */
function start(bounds: { perPeer?: number; sum?: number } = {}) {
  let now = 0
  const clock = { now: () => now } as Clock
  const context = { clock, log: createQuietLog().log }
  const line = createProofLine(context, { sliceMs: 1, perPeer: 4, sum: 8, ...bounds })
  const proved: string[] = []
  const refused: string[] = []
  const take = (peer: string, caller: string, name: string): void =>
    line.take(peer, () => caller, {
      prove() {
        now += 1
        proved.push(name)
      },
      refuse: () => refused.push(name),
    })
  return { line, take, proved, refused }
}
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => setImmediate(resolve))
}

describe('tokens that were not seen before', () => {
  it('are proved at once while nobody waits, and nobody is asked whose they are', () => {
    const { line } = start()
    const proved: string[] = []
    const callerOf = (): string => {
      throw new Error('it does not wait')
    }
    line.take('edge', callerOf, { prove: () => proved.push('now'), refuse: () => {} })
    expect(proved).toEqual(['now'])
  })
  it('S06 of one proxy leave those of another their turns, and those of one caller another’s behind the same proxy', async () => {
    const { take, proved } = start()
    take('edge', 'a', 'now')
    for (const name of ['a1', 'a2', 'a3']) take('edge', 'a', name)
    take('edge', 'b', 'b1')
    take('gateway', 'c', 'c1')
    await turns(6)
    expect(proved).toEqual(['now', 'a1', 'c1', 'b1', 'a2', 'a3'])
  })
  it('S06 are refused beyond the bound: the newest of the caller that has most, once', async () => {
    const { take, proved, refused } = start()
    take('edge', 'a', 'now')
    for (const name of ['a1', 'a2', 'a3', 'a4']) take('edge', 'a', name)
    take('edge', 'a', 'a5')
    expect(refused).toEqual(['a5'])
    take('edge', 'b', 'b1')
    take('edge', 'c', 'c1')
    expect(refused).toEqual(['a5', 'a4', 'a3'])
    // Nobody has more than the one that asks would have.
    take('edge', 'b', 'b2')
    expect(refused).toEqual(['a5', 'a4', 'a3', 'b2'])
    await turns(8)
    expect(proved).toEqual(['now', 'a1', 'b1', 'c1', 'a2'])
    expect(refused).toHaveLength(4)
    // And there is room again.
    take('edge', 'a', 'a6')
    expect(proved.at(-1)).toBe('a6')
  })
  it('S06 of a proxy behind which little waits are let in where others fill the line: the newest of the greediest goes', async () => {
    const { take, proved, refused } = start({ perPeer: 6, sum: 6 })
    take('edge', 'a', 'now')
    for (const name of ['a1', 'a2', 'a3', 'a4']) take('edge', 'a', name)
    for (const name of ['b1', 'b2']) take('edge', 'b', name)
    take('gateway', 'c', 'c1')
    take('gateway', 'c', 'c2')
    expect(refused).toEqual(['a4', 'a3'])
    await turns(8)
    expect(proved).toEqual(['now', 'a1', 'c1', 'b1', 'c2', 'a2', 'b2'])
    expect(refused).toHaveLength(2)
  })
  it('of all proxies together have a bound too', () => {
    const { take, refused } = start({ sum: 2 })
    for (const peer of ['now', 'a', 'b', 'c']) take(peer, 'x', peer)
    expect(refused).toEqual(['c'])
  })
})
