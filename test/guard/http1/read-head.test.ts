import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkBeginning, readHead as readHeadOf } from '../../../platform/wire/read-head.ts'
import { type RequestHead, readRequest } from '../../../platform/wire/read-request.ts'
import { alice } from '../policy-rows.ts'
import { requests } from './requests.ts'

const token = alice.token()

const readHead = (text: string, end: number) => readHeadOf(Buffer.from(text, 'latin1'), text, end)

function read(text: string): RequestHead | undefined {
  const end = text.indexOf('\r\n\r\n')
  const head = end < 0 ? undefined : readHead(text, end)
  return head && 'refused' in head ? undefined : head
}

function written(head: RequestHead): string {
  const fields = head.names.map((_, at) => `${head.fields[at]?.sent}: ${head.values[at]}\r\n`)
  return `${head.method} ${head.target} HTTP/${head.version}\r\n${fields.join('')}\r\n`
}

it('an accepted head, written and read again, is the same', { timeout: 60_000 }, () => {
  let accepted = 0
  fc.assert(
    fc.property(requests(token), text => {
      const head = read(text)
      if (!head) return
      accepted++
      expect(read(written(head))).toEqual(head)
      // Another parser that takes it apart alike comes to the same meaning.
      const { method, target, version } = head
      const raw = head.names.flatMap((_, at) => [head.fields[at]?.sent as string, head.values[at] as string])
      expect(readRequest({ method, target, version, raw })).toEqual(head)
    }),
    { numRuns: 1_000 },
  )
  expect(accepted).toBeGreaterThan(100)
})

it('no beginning of an accepted head is refused', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(requests(token), fc.nat({ max: 600 }), (text, length) => {
      const end = text.indexOf('\r\n\r\n')
      if (!read(text)) return
      expect(checkBeginning(text.slice(0, 1 + (length % (end + 3))), 0)).toBeUndefined()
    }),
    { numRuns: 1_000 },
  )
})

it('whatever stands there, reading it ends with a head or a refusal', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', maxLength: 200 }), noise => {
      const text = `GET /${noise} HTTP/1.1\r\nHost: a\r\n${noise}\r\n\r\n`
      const head = readHead(text, text.indexOf('\r\n\r\n'))
      if ('refused' in head) return
      expect(head.target.startsWith('/')).toBe(true)
      for (const value of head.values) expect(value).toMatch(/^[\x20-\x7e\t\x80-\xff]*$/)
    }),
    { numRuns: 2_000 },
  )
})

describe('the request line', () => {
  it.each([
    ['two spaces', 'GET  / HTTP/1.1'],
    ['a tab', 'GET\t/ HTTP/1.1'],
    ['a space before it', ' GET / HTTP/1.1'],
    ['a space behind it', 'GET / HTTP/1.1 '],
    ['no version', 'GET /'],
    ['a version in lower case', 'GET / http/1.1'],
    ['three digits', 'GET / HTTP/1.10'],
    ['an empty line before it', '\r\nGET / HTTP/1.1'],
    ['a line feed before it', '\nGET / HTTP/1.1'],
    ['a method that is no token', 'G(T / HTTP/1.1'],
    ['a NUL', 'GET /\0 HTTP/1.1'],
  ])('with %s is none', (_what, line) => {
    const text = `${line}\r\nHost: a\r\n\r\n`
    const end = text.indexOf('\r\n\r\n')
    expect(readHead(text, end)).toMatchObject({ refused: { status: 400 } })
  })
})

describe('a head that has not come to its end', () => {
  it.each([
    ['a bare line feed', 'GET / HTTP/1.1\nHost'],
    ['a bare carriage return', 'GET / HTTP/1.1\rHost'],
    ['a TLS handshake', '\x16\x03\x01\x02'],
    ['an empty line', '\r'],
    ['a NUL', 'GET /\0'],
  ])('is refused at once for %s', (_what, text) => {
    expect(checkBeginning(text, 0)?.status).toBe(400)
  })
})
