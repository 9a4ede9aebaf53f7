import { expect, test } from 'vitest'
import { median, middle, quantile, slope } from '../../../bench/statistics.ts'

test('the median is the middle value, or the mean of the two in the middle', () => {
  expect(median([9, 1, 5])).toBe(5)
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(middle([{ ms: 3 }, { ms: 1 }, { ms: 2 }], run => run.ms)).toBe(2)
})

test('the median leaves its values as they are', () => {
  const values = [3, 1, 2]
  median(values)
  expect(values).toEqual([3, 1, 2])
})

test('a quantile lies between its neighbours', () => {
  expect(quantile([10, 20], 0.25)).toBe(12.5)
  expect(quantile([7], 0.99)).toBe(7)
})

test('nothing has no median', () => {
  expect(() => median([])).toThrow('no values')
})

test('the slope is that of the line that fits best', () => {
  const points = [0, 1, 2, 3].map(x => ({ x, y: 5 + 2 * x }))
  expect(slope(points)).toBeCloseTo(2)
  expect(
    slope([
      { x: 0, y: 1 },
      { x: 1, y: 3 },
      { x: 2, y: 2 },
    ]),
  ).toBeCloseTo(0.5)
  expect(
    slope([
      { x: 4, y: 1 },
      { x: 4, y: 9 },
    ]),
  ).toBe(0)
})
