import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maxTokenLength, parseCompact } from '../../../../core/credential/compact.ts'
import { anyObject } from '../any-json.ts'
import { anyText } from '../any-text.ts'
import { part } from '../fixture.ts'

const header = { alg: 'EdDSA', typ: 'at+jwt', kid: 'k' }
const token = (head: unknown = header, payload: unknown = { iss: 'i' }, signature = 'AAAA') =>
  `${part(head)}.${part(payload)}.${signature}`

test('takes a token apart and keeps the signed bytes', () => {
  const text = token()
  expect(parseCompact(text)).toEqual({
    header,
    payload: { iss: 'i' },
    signingInput: Buffer.from(text.slice(0, text.lastIndexOf('.'))),
    signature: Buffer.from('AAAA', 'base64url'),
  })
})

test('takes every object whose members differ, and none of those with one of them once more', () => {
  const object = anyObject(3).filter(value => Object.keys(value).length > 0)
  fc.assert(
    fc.property(object, fc.nat(), (value, at) => {
      const text = JSON.stringify(value)
      expect(parseCompact(token(header, text))?.payload).toEqual(JSON.parse(text))
      const names = Object.keys(value)
      const twice = `${text.slice(0, -1)},${JSON.stringify(names[at % names.length])}:0}`
      expect(parseCompact(token(header, twice))).toBeUndefined()
    }),
  )
})

describe('refuses', () => {
  const good = token()
  test.each([
    ['an empty text', ''],
    ['no dots', 'abc'],
    ['no dots in what is an object without its last character', 'e30A'],
    ['two parts', 'e30.e30'],
    ['four parts', `${good}.AAAA`],
    ['an empty header', '.e30.AAAA'],
    ['an empty signature (J01)', good.slice(0, good.lastIndexOf('.') + 1)],
    ['padding', `${good}=`],
    ['standard base64', token(header, { iss: 'i' }, 'A+/A')],
    ['a line break inside the signature', `${good.slice(0, -1)}\n${good.slice(-1)}`],
    ['a space in front', ` ${good}`],
    ['set trailing bits', token(header, { iss: 'i' }, 'AB')],
    ['a length of base64 that cannot be', token(header, { iss: 'i' }, 'AAAAA')],
    ['a byte order mark (probe 2)', token(header, '\ufeff{}')],
    ['a payload that is an array', token(header, [])],
    ['a payload that is null', token(header, 'null')],
    ['a payload that is a number', token(header, '1')],
    ['a payload that is a text', token(header, '"a"')],
    ['a payload that is true', token(header, 'true')],
    ['a payload that is no JSON', token(header, '{"a":1}}')],
    [
      'a payload that is not UTF-8',
      `${part(header)}.${Buffer.from('7b2261223a22ff227d', 'hex').toString('base64url')}.AAAA`,
    ],
    ['a member twice', token(header, '{"iss":"a","iss":"b"}')],
    ['a member twice, once in escapes', token(header, '{"iss":"a","\\u0069ss":"b"}')],
    ['a name in escapes', token(header, '{"\\u0069ss":"a"}')],
    ['a name with an escaped quote before its colon', token(header, '{"a":"b","c\\"" :1}')],
    ['a name in escapes in the header', token('{"\\u0061lg":"EdDSA"}')],
    ['a name in escapes, deep', token(header, '{"a":[{"b":{"\\n":1}}]}')],
    ['a member twice, deep', token(header, '{"a":[{"b":1,"b":2}]}')],
    ['a member twice that objects have by themselves', token(header, '{"__proto__":1,"__proto__":2}')],
    ['a member twice beside colons in strings', token(header, '{"a:":"::","a:":"b"}')],
    ['a member twice in the header', token('{"alg":"EdDSA","alg":"none"}')],
    ['nine levels', token(header, `{"a":${'['.repeat(8)}${']'.repeat(8)}}`)],
    ['J07: crit', token({ ...header, crit: ['x'] })],
    ['J07: an empty crit', token({ ...header, crit: [] })],
    ['J07: crit as a text', token({ ...header, crit: 'exp' })],
    ['J08: b64 without crit', token({ ...header, b64: false })],
    ['J08: b64 true', token({ ...header, b64: true })],
  ])('%s', (_, text) => {
    expect(parseCompact(text)).toBeUndefined()
  })

  test('J10: JSON that is nested 200,000 deep or has very many members, without an exception', () => {
    expect(parseCompact(token(header, `{"a":${'['.repeat(200_000)}`))).toBeUndefined()
    expect(parseCompact(token(header, `{"a":${'['.repeat(5_000)}`))).toBeUndefined()
    expect(parseCompact(token(header, { aud: new Array(1_000_000).fill('a') }))).toBeUndefined()
  })

  test('J11: by length, before anything is read', () => {
    const payload = { iss: 'ii' }
    const rest = maxTokenLength - token(header, payload, '').length
    const longest = token(header, payload, 'A'.repeat(rest))
    expect([longest.length, rest % 4]).not.toEqual([maxTokenLength, 1])
    expect(parseCompact(longest)).toBeDefined()
    expect(parseCompact(`${longest}A`)).toBeUndefined()
    expect(parseCompact('.'.repeat(1_000_000))).toBeUndefined()
    expect(parseCompact('A'.repeat(10_000_000))).toBeUndefined()
  })
})

test('takes eight levels, the same member in different objects, and texts that look like structure', () => {
  const payload = { a: [[[[[[[]]]]]]], b: { a: 1 }, c: [{ a: 1 }, { a: 2 }], d: '{"a":1,"a":2}', e: '\\' }
  expect(parseCompact(token(header, payload))?.payload).toEqual(payload)
})

test('a name in escapes is refused also after a token with a name that looks like it', () => {
  // What V8 takes the second name for, once it has read the first.
  expect(parseCompact(token(header, { iss: 'a', '\\u0': 'b' }))).toBeUndefined()
  JSON.parse('{"iss":"a","\\\\u0":"b"}')
  expect(parseCompact(token(header, '{"iss":"a","\\u0069ss":"b"}'))).toBeUndefined()
})

test('texts with escapes are read as they are', () => {
  const payload = { iss: 'a"b:\\', list: ['\\', '"', '\n:'] }
  expect(parseCompact(token(header, payload))?.payload).toEqual(payload)
})

test('J26: a member called __proto__ is only a member', () => {
  const payload = parseCompact(token(header, '{"__proto__":{"iss":"evil"}}'))?.payload
  expect(payload?.iss).toBeUndefined()
  expect(Object.getPrototypeOf(payload)).toBe(Object.prototype)
})

test('reads every JSON object of at most eight levels whose names need no escapes, as JSON.parse does', () => {
  const object = anyObject(4)
  fc.assert(
    fc.property(object, fc.constantFrom(undefined, 1, '\t'), (payload, space) => {
      const text = JSON.stringify(payload, null, space)
      fc.pre(text.length < 4_000)
      expect(parseCompact(token(header, text))?.payload).toEqual(JSON.parse(text))
    }),
  )
})

test('never throws, whatever it is given', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), anyText(200)), fc.string(), (a, b) => {
      parseCompact(a)
      parseCompact(token(a, b))
    }),
  )
})
