import { describe, expect, it } from 'vitest'
import { maxSliceBytes } from '../../../../core/rows/frames.ts'
import { memoryFor, sliceBound } from '../../../../core/rows/slice-bound.ts'

const mebibyte = 1_048_576

describe('how large a policy is taken', () => {
  it.each([
    ['the chart’s limit', 192, 1, 80 / 12],
    ['more memory', 512, 1, 400 / 12],
    ['much more', 1_024, 1, 64],
    ['services that share it', 512, 10, 40 / 12],
    ['hardly any', 64, 1, 1],
  ])('follows the memory: %s', (_what, memory, slices, bound) => {
    expect(sliceBound(memory * mebibyte, slices)).toBe(Math.floor(bound * mebibyte))
  })

  it.each([1, 6.6, 8.01, 12, 33, 51.2, 64])(
    'the memory that is told for %f MiB takes it, and so does no smaller step',
    size => {
      for (const slices of [1, 3]) {
        const bytes = Math.floor(size * mebibyte)
        const memory = memoryFor(bytes, slices) ?? 0
        expect(memory % (64 * mebibyte)).toBe(0)
        expect(sliceBound(memory, slices)).toBeGreaterThanOrEqual(bytes)
        if (bytes > mebibyte) expect(sliceBound(memory - 64 * mebibyte, slices)).toBeLessThan(bytes)
      }
    },
  )

  it('no memory takes a slice that is larger than what is sent', () => {
    expect(memoryFor(maxSliceBytes)).toBe(896 * mebibyte)
    expect(memoryFor(maxSliceBytes + 1)).toBeUndefined()
  })

  it('is what the issuer sends at most where there is no limit', () => {
    for (const none of [0, 2 ** 64, Number.MAX_SAFE_INTEGER]) expect(sliceBound(none)).toBe(maxSliceBytes)
  })
})
