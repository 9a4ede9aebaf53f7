import { describe, expect, it } from 'vitest'
import { readRequests } from '../../fuzz/read-requests.ts'

const head = (fields = '', line = 'POST /x HTTP/1.1'): string => `${line}\r\nHost: a\r\n${fields}\r\n`
const next = head('', 'GET /y HTTP/1.1')
const brief = (text: string): string => {
  const { requests, end } = readRequests(text)
  return [...requests.map(({ method, target, body }) => `${method} ${target} ${JSON.stringify(body)}`), end].join(', ')
}

describe('the strict reading', () => {
  it.each([
    ['two requests', head() + next, 'POST /x "", GET /y "", clean'],
    ['empty lines before a request line', `\r\n\r\n${next}`, 'GET /y "", clean'],
    ['a sized body', `${head('Content-Length: 3\r\n')}abc${next}`, 'POST /x "abc", GET /y "", clean'],
    [
      'chunks, extensions and trailers',
      `${head('Transfer-Encoding: chunked\r\n')}3;a="b"\r\nabc\r\n00\r\nT: v\r\n\r\n${next}`,
      'POST /x "abc", GET /y "", clean',
    ],
    ['the end that Connection announces', head('Connection: close\r\n') + next, 'POST /x "", closed'],
    ['the end of HTTP/1.0', head('', 'GET /x HTTP/1.0') + next, 'GET /x "", closed'],
    ['a body that is not all there', `${next}${head('Content-Length: 9\r\n')}abc`, 'GET /y "", incomplete'],
    ['a chunk that no text can fill', `${head('Transfer-Encoding: chunked\r\n')}ffffffffffffffff\r\na`, 'incomplete'],
  ])('takes %s', (_, text, expected) => {
    expect(brief(text)).toBe(expected)
  })

  it.each([
    ['both framings', head('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n')],
    ['two lengths', head('Content-Length: 3\r\nContent-Length: 3\r\n')],
    ['a signed length', head('Content-Length: +3\r\n')],
    ['a list of lengths', head('Content-Length: 3, 3\r\n')],
    ['another coding', head('Transfer-Encoding: gzip, chunked\r\n')],
    ['a coding with a control byte', head('Transfer-Encoding: \x0bchunked\r\n')],
    ['a coding over HTTP/1.0', head('Transfer-Encoding: chunked\r\n', 'POST /x HTTP/1.0')],
    ['folding', head('X: a\r\n b\r\n')],
    ['a space before a colon', head('X : a\r\n')],
    ['a bare LF', head('X: a\nY: b\r\n')],
    ['a bare CR', head('X: a\rY: b\r\n')],
    ['NUL', head('X: a\0\r\n')],
    ['two Host', head('Host: b\r\n')],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two spaces', head('', 'GET  /x HTTP/1.1')],
    ['another protocol', head('', 'GET /x RTSP/1.0')],
    ['a bare LF in a chunk extension', `${head('Transfer-Encoding: chunked\r\n')}3;a\nb\r\nabc\r\n0\r\n\r\n`],
    ['a chunk longer than its size', `${head('Transfer-Encoding: chunked\r\n')}2\r\nabc\r\n0\r\n\r\n`],
    ['a chunk size with a sign', `${head('Transfer-Encoding: chunked\r\n')}+3\r\nabc\r\n0\r\n\r\n`],
  ])('stops at %s, and takes nothing that comes after', (_, text) => {
    expect(brief(next + text + next)).toBe('GET /y "", fault')
  })
})
