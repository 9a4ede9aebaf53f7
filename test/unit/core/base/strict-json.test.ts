import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseStrictJson } from '../../../../core/base/strict-json.ts'
import { anyObject } from '../any-json.ts'

const parse = (text: string, maxDepth = 3) => parseStrictJson(text, maxDepth)

test.each([
  ['{}', 1],
  ['[]', 1],
  ['"a"', 1],
  ['null', 1],
  ['[1,null,true]', 4],
  ['{"a":1}', 3],
  ['{"a":{"a":[]},"b":[{"a":1}]}', 10],
  ['{"a":"\\u0041\\"\\\\","b":"{[:"}', 5],
])('reads %s, made of %i values and names', (text, nodes) => {
  expect(parse(text)).toEqual({ value: JSON.parse(text), nodes })
})

test('reads every object whose names need no escapes', () => {
  fc.assert(
    fc.property(anyObject(3), value => {
      const text = JSON.stringify(value)
      expect(parse(text, 9)?.value).toEqual(JSON.parse(text))
    }),
  )
})

describe('refuses', () => {
  test.each([
    ['an empty text', ''],
    ['what is no JSON', '{"a":1}}'],
    ['a string without an end', '"a'],
    ['a string whose last quote is escaped', '["a\\"]'],
    ['a member twice', '{"a":1,"a":1}'],
    ['a member twice, further in', '[{"b":{"a":1,"a":2}}]'],
    ['a member named __proto__ twice', '{"__proto__":1,"__proto__":2}'],
    ['a name with an escape', '{"\\u0061":1}'],
    ['a name with an escape at its end', '{"a":"b","c\\n":1}'],
    ['a name with an escape behind a value without one', '{"a":"b","c":{"\\/":1}}'],
  ])('%s', (_, text) => {
    expect(parse(text)).toBeUndefined()
  })

  test.each(['[[[]]]', '{"a":{"a":{}}}', '[{"a":[]}]'])('%s where only two levels are taken', text => {
    expect(parse(text, 3)).toBeDefined()
    expect(parse(text, 2)).toBeUndefined()
  })

  test('what is so deep that JSON.parse would exhaust the stack', () => {
    expect(parse('['.repeat(10_000_000))).toBeUndefined()
  })
})

test('brackets that were closed count no more', () => {
  expect(parse('[[],[],{},{}]', 2)).toBeDefined()
})

test('an escape in a value is no escape in the name behind it', () => {
  expect(parse('{"a":"\\n","b":1}')).toEqual({ value: { a: '\n', b: 1 }, nodes: 5 })
})
