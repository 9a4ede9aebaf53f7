import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newBody, nextData } from '../../../platform/wire/body.ts'
import { cut } from './offline.ts'

interface Read {
  data: string
  done: boolean
  broken: boolean
  /** Bytes that were taken. */
  taken: number
}

function read(pieces: readonly Buffer[], framing: 'sized' | 'chunked' = 'chunked', length = 0): Read {
  const body = newBody(framing, length)
  const result = { data: '', taken: 0 }
  for (const piece of pieces) {
    let at = 0
    while (at < piece.length && !body.done && !body.broken) {
      const next = nextData(body, piece, at, piece.length)
      expect(next).toBeGreaterThan(at)
      at = next
      result.data += piece.toString('latin1', body.dataStart, body.dataEnd)
    }
    result.taken += at
  }
  return { ...result, done: body.done, broken: body.broken }
}

const text = (chunks: string): Read => read([Buffer.from(chunks, 'latin1')])
const places = fc.array(fc.nat({ max: 400 }), { maxLength: 8 })

describe('chunks', () => {
  it('give their data, however they are cut and however their bytes are split', () => {
    const data = fc.string({ minLength: 1, maxLength: 40, unit: 'binary-ascii' })
    fc.assert(
      fc.property(fc.array(data), places, fc.boolean(), (parts, at, upper) => {
        const sizes = parts.map(part => part.length.toString(16)).map(size => (upper ? size.toUpperCase() : size))
        const bytes = Buffer.from(`${parts.map((part, n) => `${sizes[n]}\r\n${part}\r\n`).join('')}0\r\n\r\n`, 'latin1')
        const whole = { data: parts.join(''), done: true, broken: false, taken: bytes.length }
        expect(read(cut(bytes, at))).toEqual(whole)
      }),
    )
  })
  it('that are none are refused at the same byte, however the bytes are split', () => {
    const piece = fc.constantFrom('5', 'a', '0', '\r\n', '\r', '\n', 'hello', ';x', ' ', 'X: y', ':', 'ffffffff')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), places, (pieces, at) => {
        const bytes = Buffer.from(pieces.join(''), 'latin1')
        expect(read(cut(bytes, at))).toEqual(read([bytes]))
      }),
      { numRuns: 2_000 },
    )
  })
  it.each([
    ['an extension', '5;a=b\r\nhello\r\n0\r\n\r\n'],
    ['an extension on the last chunk', '0;a\r\n\r\n'],
    ['a space behind the size', '5 \r\nhello\r\n0\r\n\r\n'],
    ['a space before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
    ['no size', '\r\nhello\r\n0\r\n\r\n'],
    ['a prefix', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['a sign', '+5\r\nhello\r\n0\r\n\r\n'],
    ['nine digits', '000000005\r\nhello\r\n0\r\n\r\n'],
    ['a bare line feed behind the size', '5\nhello\r\n0\r\n\r\n'],
    ['a bare carriage return behind the size', '5\rhello\r\n0\r\n\r\n'],
    ['more data than its size', '5\r\nhello!\r\n0\r\n\r\n'],
    ['a bare line feed behind the data', '5\r\nhello\n0\r\n\r\n'],
    ['a trailer without a colon', '0\r\nX\r\n\r\n'],
    ['a trailer with a space before the colon', '0\r\nX : a\r\n\r\n'],
    ['a folded trailer', '0\r\nX: a\r\n b\r\n\r\n'],
    ['a control byte in a trailer', '0\r\nX: \0\r\n\r\n'],
    ['a bare line feed behind a trailer', '0\r\nX: a\n\r\n'],
    ['a bare line feed at the end', '0\r\nX: a\r\n\n'],
    ['9 KiB of trailers', `0\r\n${'X: a\r\n'.repeat(1_600)}\r\n`],
  ])('with %s are refused', (_what, chunks) => {
    expect(text(chunks)).toMatchObject({ broken: true, done: false })
  })
  it('may have leading zeros, capital digits and trailers, which are lost', () => {
    expect(text('0005\r\nhello\r\nA\r\n0123456789\r\n0\r\nX: a\r\nY:\r\n\r\nnext')).toEqual({
      data: 'hello0123456789',
      done: true,
      broken: false,
      taken: 43,
    })
  })
})

it('a sized body takes its bytes and not one more', () => {
  fc.assert(
    fc.property(fc.nat({ max: 300 }), fc.nat({ max: 300 }), places, (length, more, at) => {
      const bytes = Buffer.alloc(length + more, 'x')
      const result = read(length === 0 ? [] : cut(bytes, at), 'sized', length)
      expect(result).toEqual({ data: 'x'.repeat(length), done: true, broken: false, taken: length })
    }),
  )
})
