import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Frame } from '../../core/rows/frames.ts'
import { createFrameReader } from '../../enforce/policy/frame-reader.ts'

/** Everything that comes of these bytes, cut into pieces of the sizes given, in turn. */
function read(text: string, sizes: readonly number[] = [65_536], maxBytes = 1_000_000) {
  const frames: Frame[] = []
  const faults: string[] = []
  const feed = createFrameReader(maxBytes)
  const bytes = Buffer.from(text)
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    const { frames: more, fault } = feed(bytes.subarray(at, at + size))
    frames.push(...more)
    if (fault) faults.push(fault)
    at += size
  }
  return { frames, faults }
}

const row = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })).map(value => JSON.parse(JSON.stringify(value)))
const meta = { seen: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.string()), hash: fc.string() }
const frame = fc.oneof(
  fc.record({ full: fc.record({ rows: fc.array(row) }), ...meta }),
  fc.record({ delta: fc.record({ upsert: fc.array(row), remove: fc.array(fc.string()) }), ...meta }),
  fc.record({ heartbeat: fc.constant(true), ...meta }),
  fc.constant({ behind: true }),
  fc.record({ end: fc.record({ code: fc.string(), message: fc.string() }) }),
)

describe('frames on a stream', () => {
  it('are read as JSON.parse reads them, however they are cut', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 })
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 4 }), sizes, (sent, cuts) => {
        const text = sent.map(one => `${JSON.stringify(one)}\n`).join('')
        const plain = text.split('\n').filter(line => line !== '')
        const { frames, faults } = read(text, cuts)
        expect(faults).toEqual([])
        expect(frames).toEqual(plain.map(line => JSON.parse(line)))
      }),
    )
  })

  it('are read with white space where JSON has it', () => {
    const text = ' { "delta" : { "upsert" : [ ] , "remove" : [ "a" , "b" ] } , "seen" : { } , "hash" : "x" }\n'
    expect(read(text.trimStart(), [1]).frames).toEqual([JSON.parse(text)])
  })

  it.each([
    ['a word', 'hello\n'],
    ['a list', '[1]\n'],
    ['half a frame', '{"full":{"rows":[{"a":1},\n{"heartbeat":true}\n'],
    ['a line that ends in a text', '{"hash":"a\nb"}\n'],
    ['an element that is no JSON', '{"full":{"rows":[{"a":1},{b}]},"hash":""}\n'],
    ['an empty place in a list', '{"full":{"rows":[{"a":1},,{"a":2}]},"hash":""}\n'],
    ['an empty place at the end', '{"full":{"rows":[{"a":1},]},"hash":""}\n'],
    ['an empty place at the begin', '{"full":{"rows":[,{"a":1}]},"hash":""}\n'],
    ['brackets that do not fit', '{"full":{"rows":[{"a":1}},"hash":""]\n'],
    ['a bracket too many', '{"behind":true}}\n'],
    ['what is no JSON around the rows', '{"full":{"rows":[{"a":1}]},"hash":x}\n'],
  ])('%s is refused, and nothing after it is taken', (_what, text) => {
    for (const sizes of [[65_536], [1], [7]]) {
      const { frames, faults } = read(`${text}{"behind":true}\n`, sizes)
      expect(new Set(faults)).toEqual(new Set(['malformed']))
      expect(frames.filter(one => !('behind' in one))).toEqual([])
    }
  })

  it('beyond the bound are refused before they end', () => {
    const text = `{"full":{"rows":[${'{"a":1},'.repeat(200)}`
    expect(read(text, [700], 1_000)).toEqual({ frames: [], faults: ['too_long', 'too_long'] })
  })

  it('are bounded one by one', () => {
    expect(read('{"behind":true}\n'.repeat(200), [100], 1_000).frames).toHaveLength(200)
  })
})
