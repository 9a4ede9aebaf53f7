import { describe, expect, it } from 'vitest'
import { nothingBefore, remember } from '../../../../platform/wire/read-before.ts'
import { afterTarget, checkBeginning, readHead, readRepeated } from '../../../../platform/wire/read-head.ts'
import { maxHeaderBytes, type RequestHead } from '../../../../platform/wire/read-request.ts'

/** Reads a head; what stands behind its end is of the next request. */
function read(head: string, behind = 'GET /next HTTP/1.1\r\n') {
  const text = head + behind
  return readHead(Buffer.from(text, 'latin1'), text, head.indexOf('\r\n\r\n'))
}
const lineOf = (line: string) => read(`${line}\r\nHost: a\r\n\r\n`)
const refusal = (words: string, method?: string, target?: string, status = 400) => ({
  refused: { status, detail: expect.stringContaining(words) },
  method,
  target,
})
const noHttp = 'Send HTTP/1.1 as RFC 9112 has it.'

describe('a head', () => {
  it('is read up to its empty line, byte for byte', () => {
    expect(read('POST /a?b=\xff HTTP/1.1\r\nHost: a\r\nX-A:\t b \r\nContent-Length:3\r\n\r\n')).toMatchObject({
      method: 'POST',
      target: '/a?b=\xff',
      version: '1.1',
      host: 'a',
      names: ['host', 'x-a', 'content-length'],
      values: ['a', 'b', '3'],
      body: 'sized',
      length: 3,
    })
  })

  it('of HTTP/1.0 is read too', () => {
    expect(lineOf('GET /some/longer/target HTTP/1.0')).toMatchObject({ version: '1.0', keepsOpen: false })
  })

  it('without fields has no host', () => {
    expect(read('GET / HTTP/1.1\r\n\r\n')).toEqual(refusal('Host header', 'GET', '/'))
  })

  it.each([
    ['an empty line before it', '\r\nGET / HTTP/1.1'],
    ['no method', ' / HTTP/1.1'],
    ['a method alone', 'GET'],
    ['no target and no version', 'GET '],
    ['a character in its method that methods cannot have', 'GE(T / HTTP/1.1'],
    ['a tab behind its method', 'GET\t/ HTTP/1.1'],
    ['a tab behind its target', 'GET /\tHTTP/1.1'],
    ['a control byte in its target', 'GET /\x01 HTTP/1.1'],
    ['no version', 'GET /'],
  ])('with %s is none', (_, line) => {
    expect(lineOf(line)).toEqual(refusal(noHttp))
  })

  it.each([
    ['two spaces before its target', 'GET  / HTTP/1.1', ''],
    ['two spaces before its version', 'GET /  HTTP/1.1', '/'],
    ['a space behind its version', 'GET / HTTP/1.1 ', '/'],
    ['a version in lower case', 'GET / http/1.1', '/'],
    ['a version of three digits', 'GET / HTTP/1.10', '/'],
    ['a version of one digit', 'GET / HTTP/1', '/'],
    ['another protocol', 'GET / RTSP/1.1', '/'],
    ['something before its version', 'GET / xHTTP/1.1', '/'],
    ['a bare LF behind its version', 'GET / HTTP/1.1\n', '/'],
    ['a version without a dot', 'GET / HTTP/101', '/'],
  ])('with %s is none, though its method could be read', (_, line, target) => {
    expect(lineOf(line)).toEqual(refusal(noHttp, 'GET', target))
  })

  it.each([
    ['of another version', 'GET / HTTP/1.2', 'Use HTTP/1.1.', 'GET', '/'],
    ['with a method in lower case', 'get / HTTP/1.1', 'This method is not taken here.', 'get', '/'],
    ['with a target that is no path', 'GET * HTTP/1.1', 'origin form', 'GET', '*'],
    ['without a target', 'GET  HTTP/1.1', 'origin form', 'GET', ''],
  ])('%s is refused for that', (_, line, words, method, target) => {
    expect(lineOf(line)).toEqual(refusal(words, method, target))
  })

  it.each([
    ['a bad name', 'X A: b', 'A header name has characters that header names cannot have.'],
    ['a fold', 'X-A: b\r\n c', 'A header name has characters that header names cannot have.'],
    ['a bad value', 'X-A: \0', 'A header value has control bytes'],
    ['a bare LF', 'X-A: b\nX-B: c', 'or its line does not end in CR and LF.'],
    ['a field twice that means one thing', 'Cookie: a\r\nCookie: b', 'Send the header cookie once.'],
    ['what its fields cannot say together', 'Content-Length: x', 'Content-Length takes decimal digits only.'],
  ])('with %s is refused for that', (_, fields, words) => {
    expect(read(`GET /a HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n`)).toEqual(refusal(words, 'GET', '/a'))
  })

  it('may have 100 fields and no more', () => {
    const head = (count: number) => `GET / HTTP/1.1\r\nHost: a\r\n${'X-A: b\r\n'.repeat(count - 1)}\r\n`
    expect(read(head(100))).toHaveProperty('names.length', 100)
    expect(read(head(101))).toEqual(refusal('more than 100 header fields', 'GET', '/', 431))
  })
})

describe('a head that is the same as the one before it but for its target', () => {
  const text = 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n'
  function knowing(before = text) {
    const known = nothingBefore<RequestHead>()
    const bytes = Buffer.from(before, 'latin1')
    const head = readHead(bytes, before, before.length - 4)
    if ('refused' in head) throw new Error('this test needs a good head')
    remember(known, head, bytes, afterTarget(head), bytes.length)
    return { known, head }
  }
  const { known, head } = knowing()
  const again = (next: string, behind = 'abc') => {
    const bytes = Buffer.from(next + behind, 'latin1')
    return readRepeated(bytes, next.length, known)
  }

  it('begins to be the same behind the target', () => {
    expect(text.slice(afterTarget(head))).toBe(text.slice('POST /a'.length))
  })

  it.each(['/a', '/b?c=\xff', '/'])('means the same with the target %s', target => {
    const next = text.replace('/a', target)
    expect(again(next)).toEqual({ head: { ...head, target }, next: next.length })
  })

  it.each([
    ['before there was one', ''],
    ['with another method', text.replace('POST', 'PUT')],
    ['with another method of the same length', text.replace('POST', 'POSE')],
    ['with a method that begins alike', text.replace('POST', 'POSTS')],
    ['with less of the method', text.replace('POST', 'POS')],
    ['with another space behind its method', text.replace('POST ', 'POST\t')],
    ['with another field', text.replace('3', '4')],
    ['with another space behind its target', text.replace('/a ', '/a\t')],
    ['with a control byte in its target', text.replace('/a', '/\x01')],
    ['with a target that is no path', text.replace('/a', 'a')],
    ['with no target', text.replace('/a', '')],
    ['with a target that is too long', text.replace('/a', `/${'a'.repeat(8_192)}`)],
    ['of which not all has come', text.slice(0, -1)],
  ])('has to be read %s', (_, next) => {
    expect(again(next)).toBeUndefined()
  })

  it('has to be read when nothing was read before', () => {
    const bytes = Buffer.from(text, 'latin1')
    expect(readRepeated(bytes, bytes.length, nothingBefore())).toBeUndefined()
  })
})

describe('a head whose end has not come yet', () => {
  const whole = 'GET /\xff HTTP/1.1\r\nHost: a\r\nX-A:\tb\r\n\r\n'

  it.each(Array.from({ length: whole.length }, (_, index) => index + 1))(
    'may go on after %i bytes of a good one',
    length => {
      expect(checkBeginning(whole.slice(0, length), 0)).toBeUndefined()
    },
  )

  it.each([
    ['a space', ' GET'],
    ['an empty line', '\r\nGET'],
    ['a byte beyond ASCII', '\xffGET'],
    ['a TLS handshake', '\x16\x03\x01'],
    ['nothing', ''],
  ])('is refused at once for %s at its beginning', (_, text) => {
    expect(checkBeginning(text, 0)).toEqual({ status: 400, detail: noHttp })
  })

  it.each([
    ['a bare LF', 'GET /\nHost'],
    ['a bare CR', 'GET /\rHost'],
    ['two CRs', 'GET /\r\r'],
    ['NUL', 'GET /\0'],
    ['a unit separator', 'GET /\x1f'],
    ['two LFs', 'GET / HTTP/1.1\r\n\n'],
  ])('is refused at once for %s', (_, text) => {
    expect(checkBeginning(text, 0)).toEqual({ status: 400, detail: noHttp })
  })

  it('is looked at from where it was not yet', () => {
    expect(checkBeginning('GET /\0 HTTP', 6)).toBeUndefined()
    expect(checkBeginning('GET /\0 HTTP', 5)).toEqual({ status: 400, detail: noHttp })
    expect(checkBeginning('GET /\r\0', 6)).toEqual({ status: 400, detail: noHttp })
    // The LF belongs to a CR that was looked at before.
    expect(checkBeginning('GET / HTTP/1.1\r\n', 15)).toBeUndefined()
  })

  it('is refused once it is too large', () => {
    const text = `GET /${'a'.repeat(maxHeaderBytes)}`
    expect(checkBeginning(text.slice(0, maxHeaderBytes - 1), 0)).toBeUndefined()
    const detail = 'The header fields are larger than 16384 bytes together.'
    expect(checkBeginning(text.slice(0, maxHeaderBytes), 0)).toEqual({ status: 431, detail })
  })
})
