import { describe, expect, test } from 'vitest'
import { compareVersions, dominates } from '../../../../core/rows/seen.ts'

test.each([
  ['1', '2', -1],
  ['9', '10', -1],
  ['10', '9', 1],
  ['2', '1', 1],
  ['7', '7', 0],
  ['007', '7', 0],
  ['99999999999999999999', '100000000000000000000', -1],
  ['a', 'a', 0],
  ['a', '1', undefined],
  ['2a', '1', undefined],
  ['1', '2 ', undefined],
  ['1', '-1', undefined],
  ['', '1', undefined],
] as const)('%s against %s is %s', (a, b, order) => {
  expect(compareVersions(a, b)).toBe(order)
})

describe('dominates', () => {
  test.each([
    [undefined, undefined, true],
    [undefined, { roles: '1' }, false],
    [{ roles: '1' }, undefined, true],
    [{ roles: '2', clients: '5' }, { roles: '2' }, true],
    [{ roles: '2' }, { roles: '2', clients: '5' }, false],
    [{ roles: '3', clients: '4' }, { roles: '2', clients: '5' }, false],
    [{ roles: '10' }, { roles: '9' }, true],
    [{ roles: 'x' }, { roles: '9' }, false],
    [{}, { constructor: '1' }, false],
  ] as const)('%j over %j: %s', (a, b, yes) => {
    expect(dominates(a, b as never)).toBe(yes)
  })
})
