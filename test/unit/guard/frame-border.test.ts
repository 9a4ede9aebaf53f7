import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { closeFrame, createFrameBorder } from '../../../guard/http1/frame-border.ts'

const anyFrame = fc
  .tuple(fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536, 70_000), fc.boolean(), fc.constantFrom(0x81, 0x02, 0x89))
  .map(([length, isMasked, first]) => {
    const mask = isMasked ? 0x80 : 0
    const size =
      length < 126
        ? [mask | length]
        : length < 65_536
          ? [mask | 126, length >> 8, length & 0xff]
          : [mask | 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 0xff, length & 0xff]
    return Buffer.concat([
      Buffer.from([first, ...size]),
      Buffer.alloc(isMasked ? 4 : 0, 0xff),
      Buffer.alloc(length, 0x7f),
    ])
  })

describe('the border between frames', () => {
  test('is where a frame ends and nowhere else, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { minLength: 1, maxLength: 4 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 }),
        (frames, cuts) => {
          const bytes = Buffer.concat(frames)
          const ends = new Set<number>([0])
          let end = 0
          for (const { length } of frames) {
            end += length
            ends.add(end)
          }
          const places = [...cuts.map(cut => Math.floor(cut * bytes.length)), bytes.length].sort((a, b) => a - b)
          const border = createFrameBorder()
          let at = 0
          for (const place of places) {
            border.pass(bytes.subarray(at, place))
            at = place
            expect(border.isAt()).toBe(ends.has(place))
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('is not there any more after a frame that nobody can send to its end', () => {
    const border = createFrameBorder()
    border.pass(Buffer.from([0x82, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]))
    expect(border.isAt()).toBe(false)
  })
})

test('a close frame says 1008 and why, and fits into a control frame', () => {
  expect(closeFrame('key_revoked')).toEqual(Buffer.from('\x88\x0d\x03\xf0key_revoked', 'latin1'))
  expect(closeFrame('x'.repeat(200))).toHaveLength(127)
})
