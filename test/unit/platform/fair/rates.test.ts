import { expect, test } from 'vitest'
import { createRates, takeOne } from '../../../../platform/fair/rates.ts'

function start() {
  let now = 0
  const rates = createRates({ perSecond: 100, burst: 400 }, { now: () => now })
  return {
    rates,
    pass(ms: number): void {
      now += ms
    },
  }
}

test('what is taken at once costs no time, and what is beyond it is waited for', () => {
  const { rates } = start()
  expect([rates.spend('a', 400), rates.spend('a', 50), rates.spend('a', 50)]).toEqual([0, 500, 1_000])
})

test('whoever waited may take so much again, and never more than at once', () => {
  const { rates, pass } = start()
  rates.spend('a', 500)
  pass(1_000)
  expect([rates.spend('a', 0), rates.spend('a', 10)]).toEqual([0, 100])
  pass(3_600_000)
  expect([rates.spend('a', 400), rates.spend('a', 1)]).toEqual([0, 10])
})

test('what one takes costs nobody else', () => {
  const { rates } = start()
  rates.spend('a', 10_000)
  expect(rates.spend('b', 400)).toBe(0)
})

test('a peer is remembered while it owes something, and forgotten afterwards', () => {
  const { rates, pass } = start()
  rates.spend('greedy', 4_000)
  for (let at = 0; at < 1_000; at++) rates.spend(`p${at}`, 1)
  pass(4_000)
  rates.spend('b', 1)
  expect(rates.size()).toBe(2)
  expect(rates.spend('greedy', 0)).toBe(32_000)
  pass(60_000)
  rates.spend('b', 1)
  expect(rates.size()).toBe(1)
})

test('gives one that asks too often what it may have, whatever it asks beyond', () => {
  let now = 0
  const rates = createRates({ perSecond: 10, burst: 10 }, { now: () => now })
  let taken = 0
  for (now = 0; now < 10_000; now += 10) if (takeOne(rates, 'a') === 0) taken++
  expect(taken).toBeGreaterThanOrEqual(105)
  expect(taken).toBeLessThanOrEqual(111)
  expect(takeOne(rates, 'b')).toBe(0)
})
