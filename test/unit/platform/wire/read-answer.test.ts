import { describe, expect, it } from 'vitest'
import { type AnswerHead, readAnswer } from '../../../../platform/wire/read-answer.ts'

/** Reads an answer's head; what stands behind its end is the body. */
function read(fields: string, { line = 'HTTP/1.1 200 OK', method = 'GET' } = {}): AnswerHead | undefined {
  const head = `${line}\r\n${fields}`
  const text = `${head}\r\nX-Body: no\r\n\r\n`
  return readAnswer(Buffer.from(text, 'latin1'), text, head.length - 2, method)
}
const statusOf = (line: string) => read('', { line })?.status

describe('the status line', () => {
  it.each([
    ['HTTP/1.1 200 OK', 200],
    ['HTTP/1.0 404 Not Found', 404],
    ['HTTP/1.1 100 Continue', 100],
    ['HTTP/1.1 599 \xff\ttext', 599],
    ['HTTP/1.1 503', 503],
    ['HTTP/1.1 503 ', 503],
    ['HTTP/1.1 090 OK', undefined],
    ['HTTP/1.1 099 OK', undefined],
    ['HTTP/1.1 600 OK', undefined],
    ['HTTP/1.1 20 OK', undefined],
    ['HTTP/1.1 2000 OK', undefined],
    ['HTTP/1.1 20x OK', undefined],
    ['HTTP/1.1 2x0 OK', undefined],
    ['HTTP/1.1 x00 OK', undefined],
    ['HTTP/1.1 2:0 OK', undefined],
    ['HTTP/1.1 2/0 OK', undefined],
    ['HTTP/1.1 200OK', undefined],
    ['HTTP/1.1 200\tOK', undefined],
    ['HTTP/1.1 200--X-A: b', undefined],
    ['HTTP/1.1 200 O\0K', undefined],
    ['HTTP/1.1 200 OK\n', undefined],
    ['HTTP/1.1  200 OK', undefined],
    ['HTTP/1.2 200 OK', undefined],
    ['HTTP/2.0 200 OK', undefined],
    ['http/1.1 200 OK', undefined],
    [' HTTP/1.1 200 OK', undefined],
    ['ICY 200 OK', undefined],
  ])('%j says %s', (line, status) => {
    expect(statusOf(line)).toBe(status)
  })
})

describe('the fields', () => {
  it.each([
    [
      'pass as they stand',
      'X-A: b\r\nSet-Cookie: a=1\r\nset-cookie: a=2\r\n',
      'X-A: b\r\nSet-Cookie: a=1\r\nset-cookie: a=2\r\n',
    ],
    [
      'are written with one space before a value',
      'X-A:b\r\nX-B: \t c\r\nX-C:\td\r\n',
      'X-A: b\r\nX-B: c\r\nX-C: d\r\n',
    ],
    ['are written with none behind a value', 'X-A: b \t\r\nX-B: c\r\n', 'X-A: b\r\nX-B: c\r\n'],
    ['may be empty', 'X-A:\r\nX-B: \r\nX-C: c\r\n', 'X-A: \r\nX-B: \r\nX-C: c\r\n'],
    ['of the hop stay', 'X-A: b\r\nKeep-Alive: timeout=5\r\nX-B: c\r\nTrailer: x\r\n', 'X-A: b\r\nX-B: c\r\n'],
    ['that would speak for the guard stay', 'Latchkey-Decision: allow\r\nX-A: b\r\n', 'X-A: b\r\n'],
    ['lose the length, which is written anew', 'Content-Length: 5\r\nX-A: b\r\n', 'X-A: b\r\n'],
    ['that Connection lists stay', 'x-hop: 1\r\nConnection: close, X-Hop\r\nX-A: b\r\n', 'X-A: b\r\n'],
    [
      'that Connection lists stay, wherever it stands',
      'Connection: x-a\r\nX-B: c\r\nX-A: b\r\nx-a: d\r\n',
      'X-B: c\r\n',
    ],
    ['that two Connections list stay', 'Connection: x-a\r\nConnection: x-b\r\nX-A: b\r\nX-B: c\r\n', ''],
    ['keep their line ends where Connection lists nothing', 'X-A: b\r\nConnection:\r\n', 'X-A: b\r\n'],
    ['keep their line ends where a part of it is empty', 'X-A: b\r\nConnection: close,\r\n', 'X-A: b\r\n'],
    ['lose no other one to an empty part of it', 'x-b: c\r\nX-A: b\r\nConnection: , x-b ,\r\n', 'X-A: b\r\n'],
    ['of a name like any other pass', 'Undefined: a\r\nConnection: close\r\n', 'Undefined: a\r\n'],
    ['that share the name of an option pass', 'Close: a\r\nConnection: close\r\n', 'Close: a\r\n'],
    ['that only begin as one that is listed pass', 'Connection: x-a\r\nX-Ab: x-a\r\n', 'X-Ab: x-a\r\n'],
    ['are none of the body', '', ''],
  ])('%s', (_, fields, passed) => {
    expect(read(fields)?.fields).toBe(passed)
  })

  it.each([
    'Connection: keep-alive',
    'Connection: close',
    'Connection: upgrade',
    'Connection: Keep-Alive, Close, Upgrade',
  ])('%s takes nothing away', connection => {
    expect(read(`X-A: b\r\n${connection}\r\nClosed: c\r\n`)?.fields).toBe('X-A: b\r\nClosed: c\r\n')
  })

  it.each([
    ['with a bad name', 'X A: b\r\n'],
    ['with a bad value', 'X-A: \0\r\n'],
    ['that fold', 'X-A: b\r\n c\r\n'],
    ['that end in a bare LF', 'X-A: b\nX-B: c\r\n'],
  ])('%s are no answer', (_, fields) => {
    expect(read(fields)).toBeUndefined()
  })

  it('are at most 256', () => {
    expect(read('X-A: b\r\n'.repeat(256))?.fields).toBe('X-A: b\r\n'.repeat(256))
    expect(read('X-A: b\r\n'.repeat(257))).toBeUndefined()
  })

  it('tell whether there is a date', () => {
    expect([read('Date: x\r\n')?.hasDate, read('X-Date: x\r\n')?.hasDate]).toEqual([true, false])
    expect(read('Date: x\r\n')?.fields).toBe('Date: x\r\n')
  })
})

describe('the body', () => {
  type Asked = Parameters<typeof read>[1]
  it.each<[string, string, AnswerHead['framing'], number | undefined, Asked?]>([
    ['has the length that is said', 'Content-Length: 5\r\n', 'sized', 5],
    ['has up to 15 digits of length', `Content-Length: ${'9'.repeat(15)}\r\n`, 'sized', 999_999_999_999_999],
    ['is none of length 0', 'Content-Length: 0\r\n', 'none', 0],
    ['comes in chunks', 'Transfer-Encoding: Chunked\r\n', 'chunked', undefined],
    ['goes on to the end of the connection', '', 'to-close', undefined],
    ['of HTTP/1.0 too', '', 'to-close', undefined, { line: 'HTTP/1.0 200 OK' }],
    ['of HTTP/1.0 may have a length', 'Content-Length: 5\r\n', 'sized', 5, { line: 'HTTP/1.0 200 OK' }],
    ['is none of an answer to HEAD, whatever its length', 'Content-Length: 5\r\n', 'none', 5, { method: 'HEAD' }],
    ['is none of a HEAD that says chunks', 'Transfer-Encoding: chunked\r\n', 'none', undefined, { method: 'HEAD' }],
    ['is none of 101', '', 'none', undefined, { line: 'HTTP/1.1 101 x' }],
    ['is none of 199', '', 'none', undefined, { line: 'HTTP/1.1 199 x' }],
    ['is none of 204, which has no length', 'Content-Length: 5\r\n', 'none', undefined, { line: 'HTTP/1.1 204 x' }],
    ['is none of 304, which may say the length', 'Content-Length: 5\r\n', 'none', 5, { line: 'HTTP/1.1 304 x' }],
    ['is one of 205', 'Content-Length: 5\r\n', 'sized', 5, { line: 'HTTP/1.1 205 x' }],
  ])('%s', (_, fields, framing, length, asked) => {
    expect(read(fields, asked)).toMatchObject({ framing, length })
    expect(read(fields, asked)?.length).toBe(length)
  })

  it.each<[string, string, Asked?]>([
    ['two lengths', 'Content-Length: 5\r\nContent-Length: 5\r\n'],
    ['a length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'],
    ['a length of 0 and chunks', 'Transfer-Encoding: chunked\r\nContent-Length: 0\r\n'],
    ['a signed length', 'Content-Length: +5\r\n'],
    ['a list of lengths', 'Content-Length: 5, 5\r\n'],
    ['a length of letters', 'Content-Length: 5a\r\n'],
    ['a length behind letters', 'Content-Length: a5\r\n'],
    ['a length of 16 digits', `Content-Length: ${'0'.repeat(16)}\r\n`],
    ['no length', 'Content-Length:\r\n'],
    ['another coding', 'Transfer-Encoding: gzip\r\n'],
    ['two codings', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'],
    ['chunks over HTTP/1.0', 'Transfer-Encoding: chunked\r\n', { line: 'HTTP/1.0 200 OK' }],
  ])('with %s is no answer', (_, fields, asked) => {
    expect(read(fields, asked)).toBeUndefined()
  })
})

describe('the connection', () => {
  const old = { line: 'HTTP/1.0 200 OK' }
  it.each<[string, string, boolean, typeof old?]>([
    ['stays open', '', true],
    ['stays open as it says', 'Connection: keep-alive\r\n', true],
    ['is closed as it says', 'Connection: close\r\n', false],
    ['is closed where it says both', 'Connection: Keep-Alive , CLOSE\r\n', false],
    ['is closed where it says so in a second field', 'Connection: x-a\r\nConnection: close\r\n', false],
    ['of HTTP/1.0 is closed', '', false, old],
    ['of HTTP/1.0 stays open as it says', 'Connection: Keep-Alive\r\n', true, old],
    ['of HTTP/1.0 stays open as others say it', 'Connection: keep-alive\r\n', true, old],
    ['of HTTP/1.0 is closed where it says nothing', 'Connection:\r\n', false, old],
    ['of HTTP/1.0 is closed where it says something else', 'Connection: x-a\r\n', false, old],
  ])('%s', (_, fields, keepsOpen, asked) => {
    expect(read(fields, asked)?.keepsOpen).toBe(keepsOpen)
  })

  it.each([
    ['timeout=5', 5],
    ['max=100, timeout=60', 60],
    ['max=100,Timeout=60', 60],
    ['max=1 timeout=7', 7],
    ['xtimeout=5', undefined],
    ['timeout=x', undefined],
    ['timeout=', undefined],
    ['max=5', undefined],
  ])('is kept as Keep-Alive says it: %s', (value, seconds) => {
    expect(read(`Keep-Alive: ${value}\r\n`)?.keepsSeconds).toBe(seconds)
  })

  it('is kept for no time that is said, where none is', () => {
    expect(read('')?.keepsSeconds).toBeUndefined()
  })

  it.each([
    ['that Connection lists is told in lower case', 'Connection: Upgrade\r\nUpgrade: WebSocket\r\n', 'websocket'],
    ['that Connection does not list is none', 'Upgrade: websocket\r\n', undefined],
    ['beside another list is none', 'Connection: close\r\nUpgrade: websocket\r\n', undefined],
    ['that names no protocol is none', 'Connection: upgrade\r\n', undefined],
  ])('an upgrade %s', (_, fields, upgrade) => {
    expect(read(fields, { line: 'HTTP/1.1 101 x' })?.upgrade).toBe(upgrade)
  })
})
