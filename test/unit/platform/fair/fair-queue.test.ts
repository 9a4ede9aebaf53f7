import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFairQueue, type FairQueueLimits } from '../../../../platform/fair/fair-queue.ts'
import { settled } from '../manual-clock.ts'

/** Tasks that end when they are told to, and the order in which they began. */
function work(limits = { running: 4, waiting: 8, waitingPerPeer: 5 }) {
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
    const { bring, begun, end } = work({ running: 1, waiting: 9, waitingPerPeer: 9 })
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
    for (let n = 0; n < 4; n++) void bring('b', `b${n}`)
    expect(await bring('a', 'a8')).toBe('busy')
  })

  it('S06 takes the place of the newest of the peer that has most for one who has less', async () => {
    const { bring } = work({ running: 1, waiting: 4, waitingPerPeer: 4 })
    void bring('a', 'a0')
    const greedy = [1, 2, 3].map(n => bring('a', `a${n}`))
    void bring('b', 'b0')
    void bring('c', 'c0')
    expect(await greedy[2]).toBe('busy')
    void bring('d', 'd0')
    expect(await greedy[1]).toBe('busy')
    // All have the same now, so nobody has to go for somebody.
    expect(await bring('a', 'a4')).toBe('busy')
  })

  it('S06 leaves something to run in, however many peers take all they can get', async () => {
    const { bring, begun } = work({ running: 16, waiting: 256, waitingPerPeer: 32 })
    for (const peer of ['a', 'b', 'c']) for (let n = 0; n < 32; n++) void bring(peer, `${peer}${n}`)
    for (const peer of ['e', 'f']) void bring(peer, peer)
    await settled()
    expect(begun).toContain('e')
    expect(begun).toContain('f')
  })

  it('S06 never refuses one that has fewer waiting than the greediest, whatever the mix of peers', async () => {
    const peer = fc.constantFrom('a', 'a', 'a', 'b', 'b', 'c', 'd', 'e')
    const steps = fc.array(fc.oneof({ weight: 4, arbitrary: peer }, fc.constant('end' as const)), { maxLength: 60 })
    const bounds = fc.record({
      running: fc.integer({ min: 1, max: 4 }),
      waiting: fc.integer({ min: 1, max: 9 }),
      waitingPerPeer: fc.integer({ min: 1, max: 6 }),
    })
    await fc.assert(fc.asyncProperty(bounds, steps, refusesTheGreediestOnly), { numRuns: 300 })
  })

  it('goes on after a task that failed', async () => {
    const queue = createFairQueue({ running: 1, waiting: 1, waitingPerPeer: 1 })
    const failed = queue.run('a', () => Promise.reject(new Error('no')))
    const next = queue.run('a', async () => 'done')
    await expect(failed).rejects.toThrow('no')
    expect(await next).toBe('done')
  })
})

async function refusesTheGreediestOnly(limits: FairQueueLimits, steps: readonly string[]): Promise<void> {
  const { bring, begun, end } = work(limits)
  const waiting = new Map<string, string[]>()
  const refused: string[] = []
  const left: string[] = []
  const most = () => Math.max(0, ...[...waiting.values()].map(names => names.length))
  for (const [at, step] of steps.entries()) {
    if (step === 'end') {
      await end(left.shift() ?? '')
    } else {
      const name = `${step}${at}`
      const mostBefore = most()
      const own = waiting.get(step) ?? []
      waiting.set(step, own)
      const ownBefore = own.length
      own.push(name)
      void bring(step, name).then(fate => fate === 'busy' && refused.push(name))
      await settled()
      if (refused.includes(name)) expect(ownBefore === mostBefore || ownBefore >= limits.waitingPerPeer).toBe(true)
      for (const one of refused) {
        const names = waiting.get(one.charAt(0)) ?? []
        // Its newest, and of one that had most.
        expect(names.pop()).toBe(one)
        if (one !== name) expect(names.length + 1).toBe(mostBefore)
      }
      refused.length = 0
    }
    for (const name of begun.splice(0)) {
      // The oldest of a peer is next.
      expect(waiting.get(name.charAt(0))?.shift()).toBe(name)
      left.push(name)
    }
    expect([...waiting.values()].flat().length).toBeLessThanOrEqual(limits.waiting)
  }
}
