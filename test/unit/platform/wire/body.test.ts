import { describe, expect, it } from 'vitest'
import { type Body, newBody, nextData } from '../../../../platform/wire/body.ts'

/** What comes of a body in these pieces: its data piece by piece, how it ends, and the bytes that are left. */
function read(of: Body['of'], pieces: readonly string[], framing: Body['framing'] = 'chunked', length = 0) {
  const body = newBody(framing, length, of)
  const data: string[] = []
  let left = ''
  for (const piece of pieces) {
    const bytes = Buffer.from(`--${piece}--`, 'latin1')
    const end = bytes.length - 2
    let at = 2
    while (at < end && !body.done && !body.broken) {
      at = nextData(body, bytes, at, end)
      expect(body.dataEnd).toBe(at)
      if (body.dataEnd > body.dataStart) data.push(bytes.toString('latin1', body.dataStart, body.dataEnd))
    }
    left += bytes.toString('latin1', at, end)
  }
  return { data, left, end: body.done ? 'done' : body.broken ? 'broken' : 'open', trailers: body.trailers }
}
const request = (...pieces: string[]) => read('request', pieces)
const answer = (...pieces: string[]) => read('answer', pieces)
const none = { data: [], left: '', trailers: '' }

describe('a sized body', () => {
  const sized = (length: number, ...pieces: string[]) => read('request', pieces, 'sized', length)
  it('is over at once when it has no bytes', () => {
    expect(newBody('sized', 0)).toMatchObject({ done: true, broken: false })
    expect(newBody('sized', 1).done).toBe(false)
  })

  it('has the bytes that were said, whatever stands behind them', () => {
    expect(sized(5, 'he', 'lloGET /')).toEqual({ data: ['he', 'llo'], left: 'GET /', end: 'done', trailers: '' })
    expect(sized(5, 'hell')).toEqual({ ...none, data: ['hell'], end: 'open' })
    expect(sized(5, 'hello')).toEqual({ ...none, data: ['hello'], end: 'done' })
  })
})

it('a body up to the end of its connection has all bytes, and no end of its own', () => {
  expect(read('answer', ['he', 'llo'], 'to-close', 0)).toEqual({ ...none, data: ['he', 'llo'], end: 'open' })
  expect(newBody('to-close', 0).done).toBe(false)
})

describe('chunks', () => {
  it('are taken one by one, and each piece of them', () => {
    expect(request('5\r\nhel', 'lo\r\n1\r\n', '!\r\n0\r\n\r\nGET /')).toEqual({
      data: ['hel', 'lo', '!'],
      left: 'GET /',
      end: 'done',
      trailers: '',
    })
  })

  it('have sizes in hexadecimal digits, eight of them at most', () => {
    expect(request('0000000A\r\n0123456789\r\n').data).toEqual(['0123456789'])
    expect(request('1b\r\n', 'x'.repeat(27), '\r\n0\r\n\r\n')).toEqual({
      ...none,
      data: ['x'.repeat(27)],
      end: 'done',
    })
    expect(request('00000001\r\nx\r\n00000001\r\ny\r\n00000000\r\n\r\n').data).toEqual(['x', 'y'])
    expect(request('000000001\r\nx').end).toBe('broken')
  })

  it.each([
    ['no size', '\r\n'],
    ['no digit', 'g\r\n'],
    ['a space before their size', ' 5\r\n'],
    ['a sign', '-5\r\n'],
    ['no CR behind their size', '5\nhello'],
    ['no LF behind their size', '5\rhello'],
    ['no CR behind their data', '1\r\nxx\r\n'],
    ['no LF behind their data', '1\r\nx\r0\r\n'],
    ['others for CR and LF behind their data', '1\r\nx--0\r\n\r\n'],
    ['another for CR behind their data', '1\r\nx-\n0\r\n\r\n'],
    ['another for LF behind their data', '1\r\nx\r-0\r\n\r\n'],
    ['another for LF behind a trailer', '0\r\nX: a\r-\r\n'],
    ['no size behind their data', '1\r\nx\r\n\r\n'],
    ['no LF at their end', '0\r\n\r\r'],
    ['a trailer that begins with a space', '0\r\n X: a\r\n\r\n'],
    ['a trailer without a name', '0\r\n: a\r\n\r\n'],
    ['a trailer without a colon', '0\r\nX\r\n\r\n'],
    ['a control byte in the name of a trailer', '0\r\nX\x01: a\r\n\r\n'],
    ['a control byte in a trailer', '0\r\nX: \x01\r\n\r\n'],
    ['no LF behind a trailer', '0\r\nX: a\rY: b\r\n\r\n'],
  ])('with %s are broken, of a request and of an answer', (_, bytes) => {
    expect([request(bytes).end, answer(bytes).end]).toEqual(['broken', 'broken'])
  })

  it('end where they are broken', () => {
    expect(request('1\r\nx\r\n2x0\r\n\r\n')).toEqual({ data: ['x'], left: '0\r\n\r\n', end: 'broken', trailers: '' })
  })
})

describe('behind the size of a chunk', () => {
  const extensions = ['5 ', '5\t \t', '5;', '5;a=b', '5 ;a="b c";d', '5;\xff', '5 \t;a\tb']
  it.each(extensions)('an answer may say %j, which is lost', size => {
    expect(answer(`${size}\r\nhello\r\n0\r\n\r\n`)).toEqual({ ...none, data: ['hello'], end: 'done' })
    expect(answer(`5\r\nhello\r\n${size.replace('5', '0')}\r\n\r\n`)).toEqual({ ...none, data: ['hello'], end: 'done' })
  })

  it.each(extensions)('a request may not say %j', size => {
    expect(request(`${size}\r\nhello\r\n0\r\n\r\n`).end).toBe('broken')
  })

  it.each(['5 a', '5=a', '5;\0', '5;a\x7f', '5;a\n', ' ;a', ';a', '5 \n', '5 5'])('no answer may say %j', size => {
    expect(answer(`${size}\r\nhello\r\n0\r\n\r\n`).end).toBe('broken')
  })

  it('an answer may say 4,096 bytes for each chunk, and no more', () => {
    const most = `1;${'a'.repeat(4_095)}`
    expect(answer(`${most}\r\nx\r\n${most}\r\ny\r\n0\r\n\r\n`)).toEqual({ ...none, data: ['x', 'y'], end: 'done' })
    expect(answer(`${most}a\r\nx\r\n0\r\n\r\n`).end).toBe('broken')
    expect(answer(`1${' '.repeat(4_096)}\r\nx\r\n`).data).toEqual(['x'])
    expect(answer(`1${' '.repeat(4_097)}\r\nx\r\n`).end).toBe('broken')
  })
})

describe('trailers', () => {
  const lines = 'X-A: b\r\nY:\tc \xff\r\nZ:\r\n'
  it('of a request are checked and lost', () => {
    expect(request(`0\r\n${lines}\r\nGET /`)).toEqual({ ...none, left: 'GET /', end: 'done' })
  })

  it('of an answer are kept, each with its line end, however they came', () => {
    expect(answer(`1\r\nx\r\n0\r\n${lines}\r\n`)).toEqual({ data: ['x'], left: '', end: 'done', trailers: lines })
    expect(answer('0\r\n', ...lines, '\r', '\n')).toEqual({ ...none, end: 'done', trailers: lines })
  })

  it('take 8,192 bytes together with the CR behind them, and no more', () => {
    const line = (length: number) => `X:${'a'.repeat(length - 4)}\r\n`
    for (const read of [request, answer]) {
      expect(read(`1\r\nx\r\n0\r\n${line(4_000)}${line(4_191)}\r\n`).end).toBe('done')
      expect(read(`1\r\nx\r\n0\r\n${line(4_000)}${line(4_192)}\r\n`).end).toBe('broken')
    }
  })
})
