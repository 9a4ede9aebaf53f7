import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readTarget } from '../../../../core/matching/path.ts'
import { anyText } from '../any-text.ts'

describe('readTarget', () => {
  test.each([
    ['/', '/', '', ['']],
    ['/orders', '/orders', '', ['orders']],
    ['/orders/', '/orders/', '', ['orders', '']],
    ['/orders/42?x=1', '/orders/42', '?x=1', ['orders', '42']],
    ['/?', '/', '?', ['']],
    ['/a?b?c/../d', '/a', '?b?c/../d', ['a']],
    ["/a-._~!$&'()*+,=:@b", "/a-._~!$&'()*+,=:@b", '', ["a-._~!$&'()*+,=:@b"]],
    ['/a%20b', '/a%20b', '', ['a b']],
    ['/%24', '/%24', '', ['$']],
    ['/a%20b?x=%31', '/a%20b', '?x=%31', ['a b']],
    ['/a%20b/', '/a%20b/', '', ['a b', '']],
    ['/%c3%bf', '/%c3%bf', '', ['ÿ']],
    ['/.a/%20', '/.a/%20', '', ['.a', ' ']],
    ['/.a', '/.a', '', ['.a']],
    ['/%C3%A9/%e2%82%ac', '/%C3%A9/%e2%82%ac', '', ['é', '€']],
    ['/%3F%23%22%3C%3E%5B%5D%5E%60%7B%7C%7D', '/%3F%23%22%3C%3E%5B%5D%5E%60%7B%7C%7D', '', ['?#"<>[]^`{|}']],
    ['/.../..a/a..', '/.../..a/a..', '', ['...', '..a', 'a..']],
    ['/admin/*', '/admin/*', '', ['admin', '*']],
    ['/q?%2e%2e%2f;"<>\\', '/q', '?%2e%2e%2f;"<>\\', ['q']],
  ])('reads %s', (target, path, query, segments) => {
    expect(readTarget(target)).toEqual({ path, query, segments })
  })

  test.each(['', '*', 'orders', 'http://orders/x', 'https://orders', 'orders:443', '?x', '\\x', ' /x'])(
    '%j is no origin form: request_malformed',
    target => {
      expect(readTarget(target)).toBe('request_malformed')
    },
  )

  test.each([
    ['P01: a dot segment', '/pub/../admin'],
    ['P01: an escaped dot segment', '/pub/%2e%2e/admin'],
    ['P01: a half-escaped dot segment', '/.%2e/'],
    ['P01: a dot segment at the end', '/pub/..'],
    ['P02: two slashes in front', '//admin'],
    ['P02: another host', '//evil/admin'],
    ['P02: a single dot', '/./admin'],
    ['P02: two slashes inside', '/a//b'],
    ['P02: two slashes at the end', '/a//'],
    ['P02: only slashes', '//'],
    ['P03: an escaped slash', '/a%2fb'],
    ['P03: an escaped slash in upper case', '/a%2Fb'],
    ['P03: an escaped backslash', '/a%5cb'],
    ['P03: a backslash', '/a\\b'],
    ['P01: a dot segment beside an escape', '/%20/../x'],
    ['P02: a single dot beside an escape', '/%20/./x'],
    ['P02: two slashes beside an escape', '/a%20b//c'],
    ['P04: a semicolon', '/admin;x=y'],
    ['P04: a semicolon beside an escape', '/%20;20'],
    ['a fragment in the query beside an escape', '/a%20b?x#y'],
    ['P04: a dot segment with a parameter', '/u/..;foo=bar/admin'],
    ['P04: an escaped semicolon', '/admin%3Bx'],
    ['P35: an escaped letter', '/%73ecret'],
    ['an escaped digit', '/%31'],
    ['an escaped tilde', '/%7euser'],
    ['an escaped hyphen', '/a%2Db'],
    ['an escaped percent sign', '/%2541'],
    ['an escaped NUL', '/a%00'],
    ['an escaped line feed', '/a%0Ab'],
    ['an escaped DEL', '/a%7f'],
    ['a bad escape', '/a%zz'],
    ['a cut-off escape', '/a%4'],
    ['a percent sign at the end', '/a%'],
    ['an overlong UTF-8 slash', '/%c0%af'],
    ['a lone continuation', '/%80'],
    ['a cut-off sequence', '/%e2%82'],
    ['a surrogate', '/%ed%a0%80'],
    ['beyond Unicode', '/%f4%90%80%80'],
    ['a sequence that goes on in the next segment', '/%c3/%a9'],
    ['a fragment', '/a#b'],
    ['a fragment in the query', '/a?b#c'],
    ['a space', '/a b'],
    ['a space in the query', '/a?b c'],
    ['a NUL', '/a\0'],
    ['a line break', '/a\r\nX: y'],
    ['a line break in the query', '/a?\n'],
    ['a DEL', '/a\x7f'],
    ['a DEL in the query', '/a?\x7f'],
    ['a byte beyond ASCII', '/a\xe9'],
    ['a character beyond Latin-1', '/a\u2215b'],
    ['a byte beyond ASCII in the query', '/a?\xe9'],
    ...[...'"<>^`{|}[]'].map((character): [string, string] => [`a raw ${character}`, `/a${character}b`]),
  ] as [string, string][])('%s is path_malformed', (_, target) => {
    expect(readTarget(target)).toBe('path_malformed')
  })

  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(..."abcXYZ019-._~!$&'()*+,=:@/") },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 255 }).map(byte => `%${byte.toString(16).padStart(2, '0')}`) },
    {
      weight: 2,
      arbitrary: fc.constantFrom('%C3%A9', '%20', '%24', '..', '.', '//', '?', '#', ';', '\\', '%2e', '%2F'),
    },
    { weight: 1, arbitrary: anyText(1) },
  )
  const anyTarget = fc.array(piece, { maxLength: 12 }).map(pieces => `/${pieces.join('')}`)

  test('never throws, and path and query are the target byte for byte', () => {
    fc.assert(
      fc.property(anyTarget, target => {
        const read = readTarget(target)
        if (typeof read !== 'string') expect(read.path + read.query).toBe(target)
      }),
      { numRuns: 3_000 },
    )
  })

  test('what is taken, a WHATWG URL reads the same way: nothing is rewritten, resolved or cut off', () => {
    fc.assert(
      fc.property(anyTarget, target => {
        const read = readTarget(target)
        fc.pre(typeof read !== 'string')
        const url = new URL(`http://host${read.path}`)
        expect(url.pathname).toBe(read.path)
        expect([url.host, url.search, url.hash]).toEqual(['host', '', ''])
        expect(url.pathname.slice(1).split('/').map(decodeURIComponent)).toEqual(read.segments)
        // Resolved against a base, as many frameworks do, it is still the same path.
        expect(new URL(read.path, 'http://host/base/').href).toBe(`http://host${read.path}`)
      }),
      { numRuns: 3_000 },
    )
  })

  test('two different paths never decode to the same segments, but for the spelling of needless escapes', () => {
    const spelling = (segments: readonly string[]) => segments.map(encodeURIComponent).join('/')
    fc.assert(
      fc.property(anyTarget, target => {
        const read = readTarget(target)
        fc.pre(typeof read !== 'string')
        const respelled = readTarget(`/${spelling(read.segments)}`)
        expect(respelled).toMatchObject({ segments: read.segments })
      }),
      { numRuns: 1_000 },
    )
  })
})
