import { describe, expect, test } from 'vitest'
import { createBudget } from '../../../../platform/http/budget.ts'
import { defaultLimits, limitsOf, sweepMsOf } from '../../../../platform/http/limits.ts'
import { peerKey } from '../../../../platform/http/peer.ts'

describe('a budget', () => {
  test('takes back the newest part of the peer that holds most', () => {
    const budget = createBudget({ sum: 4, perPeer: 4 })
    const shed: string[] = []
    const take = (peer: string, name: string, amount = 1) => budget.take(peer, amount, () => shed.push(name))
    for (const name of ['a1', 'a2', 'a3']) take('a', name)
    take('b', 'b1')
    expect(take('c', 'c1')).toBeDefined()
    expect(shed).toEqual(['a3'])
    expect(budget.held()).toBe(4)
  })

  test('refuses the newcomer where its peer is the greediest, and among equals', () => {
    const budget = createBudget({ sum: 2, perPeer: 2 })
    const never = () => expect.unreachable()
    budget.take('a', 1, never)
    budget.take('a', 1, never)
    expect(budget.take('a', 1, never)).toBeUndefined()
    const equal = createBudget({ sum: 2, perPeer: 2 })
    for (const peer of ['a', 'b']) equal.take(peer, 1, never)
    expect(equal.take('c', 1, never)).toBeUndefined()
  })

  test('gives one peer no more than its part, even alone', () => {
    const budget = createBudget({ sum: 10, perPeer: 5 })
    expect(budget.take('a', 5, () => {})).toBeDefined()
    expect(budget.take('a', 1, () => {})).toBeUndefined()
    expect(budget.take('b', 6, () => {})).toBeUndefined()
    expect(budget.held()).toBe(5)
  })

  test('takes back as many parts as the newcomer needs', () => {
    const budget = createBudget({ sum: 10, perPeer: 10 })
    const shed: number[] = []
    for (let n = 0; n < 10; n++) budget.take('a', 1, () => shed.push(n))
    expect(budget.take('b', 4, () => {})).toBeDefined()
    expect(shed).toEqual([9, 8, 7, 6])
  })

  test('a part is given back once, also after it was taken back', () => {
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

describe('a peer', () => {
  test.each([
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:10.1.2.3', '10.1.2.3'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:2::', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::10.1.2.3', '64:ff9b:0:0::/64'],
    [undefined, 'unknown'],
    ['', 'unknown'],
  ])('S02 %s counts as %s', (address, peer) => {
    expect(peerKey(address)).toBe(peer)
  })
})

describe('the limits of a listener', () => {
  test.each([{ headMs: 0 }, { requestMs: 0 }, { idleMs: Number.NaN }, { answerMs: Infinity }, { bodyBytes: -1 }])(
    'S01 none of them can be switched off: %o',
    limits => {
      expect(() => limitsOf(limits)).toThrow('is none')
    },
  )

  test('S02 no sum can be switched off', () => {
    expect(() => limitsOf({ strangers: { sum: 0, perPeer: 1 } })).toThrow('the limit strangers is none')
  })

  test('a head has no longer than its request', () => {
    expect(limitsOf({ requestMs: 5_000 }).headMs).toBe(5_000)
  })

  test('are looked at once a second', () => {
    expect(sweepMsOf(defaultLimits)).toBe(1_000)
  })
})
