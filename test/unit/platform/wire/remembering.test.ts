import { describe, expect, it } from 'vitest'
import { free, joined, kept, partOf } from '../../../../platform/wire/connection/kept-bytes.ts'
import { isPreface, prefaceLength } from '../../../../platform/wire/connection/preface.ts'
import { ticksOf } from '../../../../platform/wire/connection/ticks.ts'
import { boundedMemo } from '../../../../platform/wire/fields/bounded-memo.ts'
import { inOnePiece } from '../../../../platform/wire/fields/one-piece.ts'
import { nothingBefore, recall, remember } from '../../../../platform/wire/read-before.ts'
import { newRequestId } from '../../../../platform/wire/request-id.ts'

describe('what was read before', () => {
  const before = (text: string) => {
    const state = nothingBefore<string>()
    remember(state, text, Buffer.from(`--${text}--`), 2, 2 + text.length)
    return state
  }
  const find = (state: ReturnType<typeof before>, text: string, at = 0, length = text.length) =>
    recall(state, Buffer.from(text), at, length)

  it('is nothing at first', () => {
    expect(recall(nothingBefore(), Buffer.from('abc'), 0, 3)).toBeUndefined()
  })

  it.each<[string, [string, number?, number?], string | undefined]>([
    ['known by the same bytes', ['abc'], 'abc'],
    ['known where they stand', ['xxabcx', 2], 'abc'],
    ['known when they are the last ones that came', ['xxabcx', 2, 5], 'abc'],
    ['not known before all of them came', ['xxabcx', 2, 4], undefined],
    ['not known by others', ['abd'], undefined],
    ['not known by the first of them', ['ab'], undefined],
    ['not known elsewhere', ['xabc'], undefined],
  ])('is %s', (_, [text, at, length], expected) => {
    expect(find(before('abc'), text, at, length)).toBe(expected)
  })

  it('is another after another one', () => {
    const state = before('abc')
    remember(state, 'new', Buffer.from('xyz'), 0, 3)
    expect([find(state, 'abc'), find(state, 'xyz')]).toEqual([undefined, 'new'])
  })

  it('is kept up to 2,048 bytes from the beginning of what was read, and forgotten beyond', () => {
    const large = Buffer.alloc(4_096, 'a')
    const state = before('abc')
    remember(state, 'large', large, 1, 2_048)
    expect(recall(state, large, 0, 4_096)).toBe('large')
    remember(state, 'larger', large, 1, 2_049)
    expect([state.bytes, state.value]).toEqual([undefined, undefined])
    expect(recall(state, large, 0, 4_096)).toBeUndefined()
  })

  it('is compared no more with who said something else 16 times in a row; one hit begins anew', () => {
    const state = nothingBefore<number>()
    const say = (count: number) => {
      for (let one = 0; one < count; one++) remember(state, one, Buffer.from('abc'), 0, 3)
    }
    say(16)
    expect(recall(state, Buffer.from('abc'), 0, 3)).toBe(15)
    say(16)
    expect(state.value).toBe(15)
    const other = nothingBefore<number>()
    for (let one = 0; one < 17; one++) remember(other, one, Buffer.from('abc'), 0, 3)
    expect(other.value).toBeUndefined()
    say(1)
    expect(state.value).toBeUndefined()
    say(1)
    expect(state.value).toBeUndefined()
  })
})

describe('a memo', () => {
  function counted(entries: number) {
    const made: string[] = []
    const memo = boundedMemo(entries, text => {
      made.push(text)
      return { text }
    })
    return { memo, made }
  }

  it('makes a value once and gives the same one again', () => {
    const { memo, made } = counted(4)
    expect(memo('a')).toEqual({ text: 'a' })
    expect(memo('a')).toBe(memo('a'))
    expect(made).toEqual(['a'])
  })

  it('keeps what is used while others come and go, and forgets what is not', () => {
    const { memo, made } = counted(2)
    for (const text of ['used', 'a', 'b', 'used', 'c', 'd', 'used', 'e', 'f', 'used']) memo(text)
    expect(made.filter(text => text === 'used')).toHaveLength(1)
    memo('a')
    expect(made.filter(text => text === 'a')).toHaveLength(2)
  })

  it('holds two generations and no more', () => {
    const { memo, made } = counted(2)
    for (const text of ['a', 'b', 'c', 'd', 'd', 'c', 'a']) memo(text)
    expect(made).toEqual(['a', 'b', 'c', 'd'])
    for (const text of ['e', 'f', 'g', 'h', 'a']) memo(text)
    expect(made).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'a'])
  })

  it('is full with as many texts as it was made for', () => {
    const { memo, made } = counted(2)
    for (const text of ['a', 'b', 'c', 'd', 'e', 'a']) memo(text)
    expect(made).toEqual(['a', 'b', 'c', 'd', 'e', 'a'])
  })

  it('remembers no text above 64 characters', () => {
    const { memo, made } = counted(4)
    for (const length of [64, 64, 65, 65]) memo('x'.repeat(length))
    expect(made.map(({ length }) => length)).toEqual([64, 65, 65])
  })
})

describe('bytes that are kept', () => {
  it('are a copy in memory of their own', () => {
    const bytes = Buffer.from('abcd')
    const copy = kept(bytes, 1, 3)
    bytes.fill(0)
    expect(copy.toString()).toBe('bc')
    expect(copy.buffer.byteLength).toBe(2)
  })

  it('are joined with those that come, and gone then', () => {
    const first = kept(Buffer.from('ab'), 0, 2)
    const both = joined(first, Buffer.from('cdxx'), 2)
    expect(both.toString()).toBe('abcd')
    expect(both.buffer.byteLength).toBe(4)
    expect(first).toHaveLength(0)
  })

  it('have parts that are no copies', () => {
    const bytes = kept(Buffer.from('abcd'), 0, 4)
    const part = partOf(bytes, 1, 3)
    bytes[1] = 0x78
    expect(part.toString()).toBe('xc')
  })

  it('are given back at once', () => {
    const bytes = kept(Buffer.from('abcd'), 0, 4)
    const { buffer } = bytes
    free(bytes)
    expect([bytes.length, buffer.byteLength]).toEqual([0, 0])
  })
})

describe('the preface of HTTP/2', () => {
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
  it.each([
    ['itself', preface, true],
    ['with more behind it', `${preface}xyz`, true],
    ['its beginning', 'PRI', true],
    ['nothing yet', '', true],
    ['another method', 'GET / HTTP/1.1', false],
    ['almost itself', `${preface.slice(0, -1)}x`, false],
    ['almost its beginning', 'PRX', false],
  ])('is told, or is not, by %s', (_, text, expected) => {
    // What stands behind `length` was read before.
    expect(isPreface(Buffer.from(`${text}garbage`), text.length)).toBe(expected)
  })

  it('has 24 bytes', () => {
    expect(prefaceLength).toBe(24)
  })
})

describe('ids of requests', () => {
  const ids = Array.from({ length: 2_000 }, newRequestId)

  it('are UUIDs of version 4, each another one', () => {
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).not.toContain('00000000-0000-4000-8000-000000000000')
  })

  it('take every digit in every place that is free', () => {
    for (let at = 0; at < 36; at++) {
      const digits = new Set(ids.map(id => id[at]))
      expect(digits.size).toBe([8, 13, 18, 23, 14].includes(at) ? 1 : at === 19 ? 4 : 16)
    }
  })
})

it.each([
  [-1, -1],
  [0, 0],
  [1, 1],
  [100, 1],
  [101, 2],
  [10_000, 100],
])('%i ms are %i ticks; a negative time is none', (ms, ticks) => {
  expect(ticksOf(ms)).toBe(ticks)
})

it('a text in one piece is the same text, one character per byte', () => {
  expect(inOnePiece(`a${'\xff'}`)).toBe('a\xff')
})
