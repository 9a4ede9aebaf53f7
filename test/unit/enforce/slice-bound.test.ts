import { describe, expect, it } from 'vitest'
import { maxSliceBytes } from '../../../core/rows/frames.ts'
import { sliceBound } from '../../../enforce/policy/slice-bound.ts'

const mebibyte = 1_048_576

describe('how large a policy is taken', () => {
  it.each([
    ['the chart’s limit', 192, 1, 8],
    ['more memory', 512, 1, 40],
    ['much more', 1_024, 1, 64],
    ['services that share it', 512, 10, 4],
    ['hardly any', 64, 1, 1],
  ])('follows the memory: %s', (_what, memory, slices, bound) => {
    expect(sliceBound(memory * mebibyte, slices)).toBe(bound * mebibyte)
  })

  it('is what the issuer sends at most where there is no limit', () => {
    for (const none of [0, 2 ** 64, Number.MAX_SAFE_INTEGER]) expect(sliceBound(none)).toBe(maxSliceBytes)
  })
})
