import { expect, it } from 'vitest'
import { pairedFigures, ratiosOf, sentenceOf } from '../../../bench/previous/paired.ts'

const pairs = { name: 'rps', unit: 'requests/s', ours: [90, 210, 99, 400], theirs: [100, 200, 110, 400] }

it('compares turn by turn, so that a slow minute of the machine is nobody’s fault', () => {
  const { low, middle, high } = ratiosOf(pairs)
  expect([low, middle, high].map(value => value.toFixed(4))).toEqual(['0.9000', '0.9500', '1.0125'])
})

it('keeps the medians of both trees and three ratios, and says them in a line', () => {
  const figures = pairedFigures([pairs], 'abc1234')
  expect(figures.map(({ name }) => name)).toEqual(['rps', 'rps-ratio-q1', 'rps-ratio-median', 'rps-ratio-q3'])
  expect(figures[0]).toMatchObject({ value: 154.5, peer: { name: 'abc1234', value: 155 }, n: 4 })
  expect(sentenceOf(pairs)).toMatch(/0.950 × \(quartiles 0.900 to 1.01[23], 4 turns\)/)
})
