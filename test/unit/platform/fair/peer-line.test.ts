import { describe, expect, it } from 'vitest'
import { createPeerLine } from '../../../../platform/fair/peer-line.ts'

const start = (bounds = { perPeer: 3, sum: 4 }) => createPeerLine<string>(bounds)

describe('a fair queue', () => {
  it('gives the peers their turns, and each peer what it put first', () => {
    const queue = start({ perPeer: 9, sum: 9 })
    for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) queue.put(item.charAt(0), item)
    const taken = Array.from({ length: 7 }, () => queue.take())
    expect(taken).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', undefined])
    expect(queue.size()).toBe(0)
  })
  it('S06 refuses a peer more than its part, and sheds the newest of the greediest for one of which less waits', () => {
    const queue = start()
    const put = (item: string) => queue.put(item.charAt(0), item)
    expect(['a1', 'a2', 'a3', 'a4'].map(put)).toEqual([...Array(3).fill({ shed: undefined }), 'refused'])
    expect([put('b1'), put('c1'), put('d1')]).toEqual([{ shed: undefined }, { shed: 'a3' }, { shed: 'a2' }])
    // Of nobody waits more than would of the one that asks.
    expect([put('e1'), put('a2'), queue.size()]).toEqual(['refused', 'refused', 4])
  })
})
