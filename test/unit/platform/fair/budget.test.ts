import { describe, expect, it } from 'vitest'
import { createBudget } from '../../../../platform/fair/budget.ts'
import { memoryBounds } from '../../../../platform/fair/memory.ts'

const mebibyte = 1_048_576

describe('a budget', () => {
  it('gives a peer its part and no more', () => {
    const budget = createBudget({ sum: 10, perPeer: 4 })
    const place = budget.enter('a', 3, () => {})
    expect(place).toBeDefined()
    expect(budget.enter('a', 2, () => {})).toBeUndefined()
    expect(place && budget.hold(place, 4)).toBe(true)
    expect(place && budget.hold(place, 5)).toBe(false)
    expect(budget.held()).toBe(4)
  })
  it('sheds the newest places of the greediest peer for one that holds less', () => {
    const budget = createBudget({ sum: 10, perPeer: 10 })
    const shed: string[] = []
    for (const name of ['a1', 'a2', 'a3', 'a4']) budget.enter('a', 2, () => shed.push(name))
    budget.enter('b', 2, () => shed.push('b1'))
    expect(budget.enter('c', 3, () => shed.push('c1'))).toBeDefined()
    expect(shed).toEqual(['a4', 'a3'])
    expect(budget.held()).toBe(9)
  })
  it('refuses the one that would hold the most itself; one that would hold as much is let in where ties are shed', () => {
    const budget = createBudget({ sum: 6, perPeer: 6 }, 'shed')
    const shed: string[] = []
    for (const peer of ['a', 'b']) budget.enter(peer, 3, () => shed.push(peer))
    expect(budget.enter('a', 1, () => {})).toBeUndefined()
    expect(budget.enter('c', 4, () => {})).toBeUndefined()
    expect(budget.enter('c', 3, () => {})).toBeDefined()
    expect(shed).toEqual(['a'])
  })
  it('forgets what has left, once', () => {
    const budget = createBudget({ sum: 4, perPeer: 4 })
    const [first, second] = [budget.enter('a', 2, () => {}), budget.enter('a', 2, () => {})]
    for (const place of [first, first, second, second]) if (place) budget.leave(place)
    expect(budget.held()).toBe(0)
    expect(first && budget.hold(first, 1)).toBe(false)
    expect(budget.enter('b', 4, () => {})).toBeDefined()
  })
  it('stays exact whatever comes and goes', () => {
    const budget = createBudget({ sum: 50, perPeer: 30 })
    const places = new Map<object, number>()
    let seed = 7
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return seed % below
    }
    for (let at = 0; at < 5_000; at++) {
      const known = [...places.keys()]
      const one = known[random(Math.max(1, known.length))] as Parameters<typeof budget.leave>[0] | undefined
      const what = random(3)
      if (what === 0 || !one) {
        const amount = 1 + random(6)
        const place = budget.enter(`p${random(5)}`, amount, () => place && places.delete(place))
        if (place) places.set(place, amount)
      } else if (what === 1) {
        budget.leave(one)
        places.delete(one)
      } else {
        const amount = 1 + random(9)
        if (budget.hold(one, amount)) places.set(one, amount)
      }
      const sum = [...places.values()].reduce((before, amount) => before + amount, 0)
      expect(budget.held()).toBe(sum)
      expect(sum).toBeLessThanOrEqual(50)
    }
  })
})

describe('shares of a budget', () => {
  it('takes back the newest part of the peer that holds most', () => {
    const budget = createBudget({ sum: 4, perPeer: 4 })
    const shed: string[] = []
    const take = (peer: string, name: string, amount = 1) => budget.take(peer, amount, () => shed.push(name))
    for (const name of ['a1', 'a2', 'a3']) take('a', name)
    take('b', 'b1')
    expect(take('c', 'c1')).toBeDefined()
    expect(shed).toEqual(['a3'])
    expect(budget.held()).toBe(4)
  })

  it('refuses the newcomer where its peer is the greediest, and among equals', () => {
    const budget = createBudget({ sum: 2, perPeer: 2 })
    const never = () => expect.unreachable()
    budget.take('a', 1, never)
    budget.take('a', 1, never)
    expect(budget.take('a', 1, never)).toBeUndefined()
    const equal = createBudget({ sum: 2, perPeer: 2 })
    for (const peer of ['a', 'b']) equal.take(peer, 1, never)
    expect(equal.take('c', 1, never)).toBeUndefined()
  })

  it('gives one peer no more than its part, even alone', () => {
    const budget = createBudget({ sum: 10, perPeer: 5 })
    expect(budget.take('a', 5, () => {})).toBeDefined()
    expect(budget.take('a', 1, () => {})).toBeUndefined()
    expect(budget.take('b', 6, () => {})).toBeUndefined()
    expect(budget.held()).toBe(5)
  })

  it('takes back as many parts as the newcomer needs', () => {
    const budget = createBudget({ sum: 10, perPeer: 10 })
    const shed: number[] = []
    for (let n = 0; n < 10; n++) budget.take('a', 1, () => shed.push(n))
    expect(budget.take('b', 4, () => {})).toBeDefined()
    expect(shed).toEqual([9, 8, 7, 6])
  })

  it('a part is given back once, also after it was taken back', () => {
    const budget = createBudget({ sum: 2, perPeer: 2 })
    const first = budget.take('a', 1, () => {})
    const second = budget.take('a', 1, () => {})
    budget.take('b', 1, () => {})
    second?.release()
    first?.release()
    first?.release()
    expect(budget.held()).toBe(1)
  })
})

describe('the memory that is given out', () => {
  it('is two sevenths of what a process has beyond its own needs, half of it to one peer', () => {
    expect(memoryBounds(192 * mebibyte)).toEqual({ sum: 32 * mebibyte, perPeer: 16 * mebibyte })
  })
  it('is some where the limit is small, and bounded where there is none', () => {
    expect(memoryBounds(64 * mebibyte).sum).toBe(8 * mebibyte)
    expect(memoryBounds().sum).toBe(129_424_237)
    expect(memoryBounds(2 ** 40).sum).toBe(512 * mebibyte)
  })
})
