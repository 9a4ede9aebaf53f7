import { describe, expect, it } from 'vitest'
import { createFairQueue } from '../../../issuer/fair-queue.ts'
import { settled } from '../platform/manual-clock.ts'

/** Tasks that end when they are told to, and the order in which they began. */
function work(limits = { running: 4, runningPerPeer: 2, waiting: 8, waitingPerPeer: 5 }) {
  const queue = createFairQueue(limits)
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const bring = (peer: string, name: string) =>
    queue.run(peer, () => {
      begun.push(name)
      return new Promise<string>(resolve => ends.set(name, () => resolve(name)))
    })
  const end = async (name: string) => {
    ends.get(name)?.()
    await settled()
  }
  return { bring, begun, end }
}

describe('a fair queue', () => {
  it('S06 runs a newcomer at once, however many wait of another peer', async () => {
    const { bring, begun } = work()
    for (let n = 0; n < 6; n++) void bring('a', `a${n}`)
    void bring('b', 'b0')
    await settled()
    expect(begun).toEqual(['a0', 'a1', 'b0'])
  })

  it('S06 takes peers in turn', async () => {
    const { bring, begun, end } = work({ running: 1, runningPerPeer: 1, waiting: 9, waitingPerPeer: 9 })
    for (const name of ['a0', 'a1', 'a2', 'a3', 'b0', 'b1', 'c0']) void bring(name.charAt(0), name)
    for (let n = 0; n < 7; n++) {
      await settled()
      await end(begun.at(-1) ?? '')
    }
    expect(begun).toEqual(['a0', 'b0', 'c0', 'a1', 'b1', 'a2', 'a3'])
  })

  it('S06 says that it is busy when too many wait, of one peer or of all', async () => {
    const { bring } = work()
    for (let n = 0; n < 7; n++) void bring('a', `a${n}`)
    expect(await bring('a', 'a7')).toBe('busy')
    for (let n = 0; n < 5; n++) void bring('b', `b${n}`)
    expect(await bring('c', 'c0')).toBe('busy')
  })

  it('goes on after a task that failed', async () => {
    const queue = createFairQueue({ running: 1, runningPerPeer: 1, waiting: 1, waitingPerPeer: 1 })
    const failed = queue.run('a', () => Promise.reject(new Error('no')))
    const next = queue.run('a', async () => 'done')
    await expect(failed).rejects.toThrow('no')
    expect(await next).toBe('done')
  })
})
