import { describe, expect, it } from 'vitest'
import {
  hexDigit,
  targetCharacter,
  tokenCharacter,
  valueCharacter,
} from '../../../../platform/wire/fields/characters.ts'

const bytes = Array.from({ length: 256 }, (_, byte) => byte)
const marked = (table: Uint8Array) => bytes.filter(byte => table[byte] === 1)
const matching = (pattern: RegExp) => bytes.filter(byte => pattern.test(String.fromCharCode(byte)))

describe('of the 256 bytes', () => {
  it('names and methods take those of a token, RFC 9110 section 5.6.2', () => {
    expect(marked(tokenCharacter)).toEqual(matching(/[0-9A-Za-z!#$%&'*+\-.^_`|~]/))
  })

  it('values take all but control bytes; a tab is none', () => {
    expect(marked(valueCharacter)).toEqual(matching(/[\t\x20-\x7e\x80-\xff]/))
  })

  it('targets take all but control bytes and white space', () => {
    expect(marked(targetCharacter)).toEqual(matching(/[\x21-\x7e\x80-\xff]/))
  })

  it('sizes take hexadecimal digits in both cases, each with its value', () => {
    for (const byte of bytes) {
      const character = String.fromCharCode(byte)
      const isDigit = /[0-9a-fA-F]/.test(character)
      expect(hexDigit[byte]).toBe(isDigit ? Number.parseInt(character, 16) : 0xff)
    }
  })

  it('there are no others: beyond the end nothing is marked', () => {
    for (const table of [tokenCharacter, valueCharacter, targetCharacter, hexDigit]) expect(table).toHaveLength(256)
  })
})
