import { expect, test } from 'vitest'
import { isRecord } from '../../../../core/base/is-record.ts'

test('an object with members is one, also without a prototype; lists, null and what is no object are none', () => {
  expect([{}, { a: 1 }, Object.create(null)].map(isRecord)).toEqual([true, true, true])
  expect([[], [{}], null, undefined, 'a', 1, true, () => ({})].map(isRecord)).toEqual(new Array(8).fill(false))
})
