import { describe, expect, it } from 'vitest'
import { endOfHead, placeField } from '../../../../platform/wire/fields/read-fields.ts'

const before = 'before\r\n'

/** What a line behind another one holds, and what stands behind it. */
function read(line: string, cut = line.length) {
  const bytes = Buffer.from(before + line, 'latin1').subarray(0, before.length + cut)
  const place = { nameEnd: 0, valueStart: 0, valueEnd: 0, next: 0 }
  const wrong = placeField(bytes, before.length, place)
  if (wrong) return wrong
  const text = bytes.toString('latin1')
  return [
    text.slice(before.length, place.nameEnd),
    text.slice(place.valueStart, place.valueEnd),
    text.slice(place.next),
  ]
}

describe('a field', () => {
  it.each([
    ['as it is written', 'Host: a\r\nnext', ['Host', 'a', 'next']],
    ['without a space', 'Host:a\r\n', ['Host', 'a', '']],
    ['with much white space around its value', 'Host: \t  a b\t \t\r\n', ['Host', 'a b', '']],
    ['with a tab first', 'Host:\ta\t\r\n', ['Host', 'a', '']],
    ['without a value', 'Host:\r\n', ['Host', '', '']],
    ['with white space for a value', 'Host: \t \r\n', ['Host', '', '']],
    ['of one character', 'a:b\r\n', ['a', 'b', '']],
    ['with a colon in its value', 'a::b:\r\n', ['a', ':b:', '']],
    ['with a tab in its value', 'a: b\tc\r\n', ['a', 'b\tc', '']],
    ['with bytes beyond ASCII', 'a: \x80\xff\r\n', ['a', '\x80\xff', '']],
    ['with the last byte before DEL', 'a: ~\r\n', ['a', '~', '']],
  ])('%s has a name and a value', (_, line, parts) => {
    expect(read(line)).toEqual(parts)
  })

  it.each([
    ['without a name', ': a\r\n'],
    ['without a colon', 'Host\r\n'],
    ['with a space before the colon', 'Host : a\r\n'],
    ['that begins with white space: a fold', ' Host: a\r\n'],
    ['with a character that names cannot have', 'Ho(st: a\r\n'],
    ['with a name beyond ASCII', 'H\xf6st: a\r\n'],
    ['that is an empty line', '\r\n'],
  ])('%s has a bad name', (_, line) => {
    expect(read(line)).toBe('name')
  })

  it.each([
    ['with NUL', 'a: b\0\r\n'],
    ['with an escape', 'a: \x1b\r\n'],
    ['with DEL', 'a: b\x7f\r\n'],
    ['that ends in a bare LF', 'a: b\n'],
    ['that ends in a bare CR', 'a: b\rc'],
    ['that ends in two CRs', 'a: b\r\r\n'],
    ['that ends in two LFs', 'a: b\n\n'],
    ['that ends in LF and CR', 'a: b\n\r'],
    ['that does not end', 'a: b'],
    ['that ends before its LF', 'a: b\r'],
  ])('%s has a bad value', (_, line) => {
    expect(read(line)).toBe('value')
  })
})

describe('the end of a head', () => {
  const bytes = Buffer.from('a\r\n\r\nb\r\n\r\nc', 'latin1')
  it.each([
    [0, bytes.length, 1],
    [1, bytes.length, 1],
    [2, bytes.length, 6],
    [0, 5, 1],
    [0, 4, -1],
    [2, 9, -1],
    [7, bytes.length, -1],
    [0, 0, -1],
  ])('between %i and %i begins at %i', (from, to, expected) => {
    expect(endOfHead(bytes, from, to)).toBe(expected)
  })

  it('at the very beginning is found', () => {
    expect(endOfHead(Buffer.from('\r\n\r\n'), 0, 4)).toBe(0)
  })
})
