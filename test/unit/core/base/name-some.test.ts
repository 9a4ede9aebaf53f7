import { expect, test } from 'vitest'
import { nameSome } from '../../../../core/base/name-some.ts'

test.each<[string[], number, number | undefined, string]>([
  [[], 2, undefined, ''],
  [['a'], 2, undefined, 'a'],
  [['a', 'b'], 2, undefined, 'a, b'],
  [['a', 'b', 'c', 'd'], 2, undefined, 'a, b and 2 more'],
  [['a', 'b'], 2, 9, 'a, b and 7 more'],
])('of %j at most %i are named: %s %s', (names, most, count, text) => {
  expect(nameSome(names, most, count)).toBe(text)
})
