import { expect, test } from 'vitest'
import { takeTurns } from '../../../bench/turns.ts'

test('every contestant has its turn in every round, in the same order', async () => {
  const order: string[] = []
  const results = await takeTurns(['a', 'b', 'c'], 2, async (contestant, round) => {
    order.push(contestant + round)
    return order.length
  })
  expect(order).toEqual(['a0', 'b0', 'c0', 'a1', 'b1', 'c1'])
  expect([...results]).toEqual([
    ['a', [1, 4]],
    ['b', [2, 5]],
    ['c', [3, 6]],
  ])
})

test('a turn ends before the next one begins', async () => {
  let running = 0
  await takeTurns(['a', 'b'], 3, async () => {
    expect(++running).toBe(1)
    await new Promise(resolve => setImmediate(resolve))
    running--
  })
})

test('a turn that fails ends them all', async () => {
  const turns: string[] = []
  const failing = takeTurns(['a', 'b'], 2, name => {
    turns.push(name)
    if (name === 'b') throw new Error('refused')
  })
  await expect(failing).rejects.toThrow('refused')
  expect(turns).toEqual(['a', 'b'])
})
