import { expect, it } from 'vitest'
import { guardFlags, guardFlagsWithin } from '../../../platform/guard-process.ts'

const mebibyte = 1_048_576

it.each([
  [128, 64],
  [192, 96],
  [256, 160],
  [768, 576],
  [4_096, 3_072],
])(
  'a guard of %i MiB has %i MiB of heap, and a quarter of its memory or 96 MiB beside, as far as half of it goes',
  (memory, heap) => {
    expect(guardFlagsWithin(memory * mebibyte)).toEqual([...guardFlags, `--max-old-space-size=${heap}`])
  },
)

it('a guard without a limit has the heap that V8 chooses', () => {
  expect(guardFlagsWithin(undefined)).toEqual(guardFlags)
})
