import fc from 'fast-check'
import { expect, it } from 'vitest'
import { alice } from '../policy-rows.ts'
import { cut, feed } from './offline.ts'
import { requests } from './requests.ts'

const token = alice.token()
const places = fc.array(fc.nat({ max: 2_000 }), { maxLength: 12 })
const good = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')

it('a request means the same however its bytes are split', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(requests(token), places, (text, at) => {
      const bytes = Buffer.from(text, 'latin1')
      expect(feed(cut(bytes, at), [good])).toEqual(feed([bytes], [good]))
    }),
    { numRuns: 800 },
  )
})

it('requests behind one another mean the same however their bytes are split', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(fc.array(requests(token), { minLength: 2, maxLength: 4 }), places, (texts, at) => {
      const bytes = Buffer.from(texts.join(''), 'latin1')
      expect(feed(cut(bytes, at), [good])).toEqual(feed([bytes], [good]))
    }),
    { numRuns: 300 },
  )
})

it('byte by byte is a split as well', () => {
  const text = `POST /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\nGET /open/a HTTP/1.1\r\nHost: orders\r\n\r\n`
  const bytes = Buffer.from(text, 'latin1')
  const whole = feed([bytes], [good])
  expect(whole.audit).toEqual(['allow granted POST /api/x 200', 'allow public GET /open/a 200'])
  expect(
    feed(
      [...bytes].map(byte => Buffer.from([byte])),
      [good],
    ),
  ).toEqual(whole)
})

const heads = fc.constantFrom(
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: a\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 404\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-Stays: 1\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhellomore',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX A: b\r\n\r\n',
  'SSH-2.0-OpenSSH\r\n\r\n',
)

it('an answer means the same however its bytes are split', { timeout: 60_000 }, () => {
  const request = Buffer.from(`GET /api/x HTTP/1.0\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`, 'latin1')
  fc.assert(
    fc.property(heads, places, (text, at) => {
      const bytes = Buffer.from(text, 'latin1')
      const [split, whole] = [feed([request], cut(bytes, at)), feed([request], [bytes])]
      expect(split).toEqual(whole)
    }),
    { numRuns: 400 },
  )
})
