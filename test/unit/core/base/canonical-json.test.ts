import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson, canonicalPieces, isSameJson } from '../../../../core/base/canonical-json.ts'
import { anyJson } from '../any-json.ts'

/** The same text, put together in the plainest way. */
function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${sortedJson(member)}`).join(',')}}`
}

test('the text is JSON of the same value, its keys in the order of their UTF-16 units', () => {
  const object = fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 2 }), {
    maxKeys: 24,
    noNullPrototype: true,
  })
  fc.assert(
    fc.property(object, value => {
      expect(canonicalJson(value)).toBe(sortedJson(value))
    }),
  )
})

test('members that are undefined are not there', () => {
  const text = '{"a":[1,{"c":null,"d":"é"}],"b":true}'
  expect(canonicalJson({ b: true, x: undefined, a: [1, { d: 'é', c: null }] })).toBe(text)
})

test('what went through JSON and came back with its members in another order is the same', () => {
  fc.assert(
    fc.property(anyJson(4), value => {
      expect(isSameJson(JSON.parse(sortedJson(JSON.parse(JSON.stringify(value)))), value)).toBe(true)
    }),
  )
  expect(isSameJson({ a: 1, b: { c: [1, 2] } }, { b: { c: [2, 1] }, a: 1 })).toBe(false)
  expect(isSameJson({ a: 1 }, { a: 1, b: null })).toBe(false)
})

test('the text in pieces is the same text', () => {
  const list = fc.array(fc.option(fc.jsonValue({ maxDepth: 1 }), { nil: undefined }), { maxLength: 200, size: 'max' })
  const object = fc.dictionary(fc.string({ maxLength: 3 }), fc.oneof(list, fc.jsonValue({ maxDepth: 2 })), {
    maxKeys: 4,
    noNullPrototype: true,
  })
  fc.assert(
    fc.property(fc.oneof(object, anyJson(3)), value => {
      expect([...canonicalPieces(value)].join('')).toBe(canonicalJson(value))
    }),
  )
})

test('a piece has sixty-four items of a long list, and a short object is one piece', () => {
  const long = { a: 1, keys: Array.from({ length: 1_000 }, (_, at) => `key ${at}`), z: [], zz: undefined }
  const pieces = [...canonicalPieces(long)]
  expect(pieces).toHaveLength(17)
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(1_000)
  expect([...canonicalPieces({ keys: Array(64).fill(1) })]).toHaveLength(1)
})
