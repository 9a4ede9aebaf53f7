import fc from 'fast-check'

/** Mostly what is right, so that much gets through to where it could be read in two ways. */
const mostly = (right: fc.Arbitrary<string>, wrong: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof({ weight: 16, arbitrary: right }, { weight: 1, arbitrary: wrong })

const field = (token: string): fc.Arbitrary<string> =>
  mostly(
    fc.constantFrom(
      `Authorization: Bearer ${token}`,
      'Connection: keep-alive',
      'Connection: close, X-B',
      'Expect: 100-continue',
      'Latchkey-Client: evil',
      'X-A: b',
      'X-B:\t c \t',
      'x-b:',
      'Cookie: a=b; c="d"',
    ),
    fc.constantFrom('Host: orders', 'X-A : b', 'X-A: b\r\n c', ': b', 'X-A', 'X-A: \0', 'Upgrade: h2c', 'X\xe9: a'),
  )

const target = mostly(
  fc.constantFrom('/api/x', '/open/x', '/api/x?a=b', '/nowhere', '/api/%C3%A9'),
  fc.constantFrom('/api/../x', '//x', 'http://evil/x', '*', '/api/\x7f', '/a b'),
)
const line = fc
  .tuple(
    mostly(fc.constantFrom('GET', 'POST', 'HEAD'), fc.constantFrom('get', 'PRI', '')),
    target,
    mostly(fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'), fc.constantFrom('HTTP/2.0', 'HTTP/1.1 ', '')),
  )
  .map(parts => parts.join(' '))

const chunks = fc.constantFrom(
  '0\r\n\r\n',
  '5\r\nhello\r\n0\r\n\r\n',
  '1\r\na\r\n00a\r\n0123456789\r\n0\r\nX-T: a\r\n\r\n',
  '5;x=y\r\nhello\r\n0\r\n\r\n',
  '5\nhello\r\n0\r\n\r\n',
  '5\r\nhelloX\r\n0\r\n\r\n',
)
const body = fc.oneof(
  { weight: 4, arbitrary: fc.constant('\r\n') },
  { weight: 1, arbitrary: fc.constant('Content-Length: 5\r\n\r\nhello') },
  { weight: 1, arbitrary: chunks.map(text => `Transfer-Encoding: chunked\r\n\r\n${text}`) },
)
const end = mostly(fc.constant('\r\n'), fc.constantFrom('\n', '\r', '\r\n\r\n'))

/** A request that is good more often than not, as one character for each byte. */
export function requests(token: string): fc.Arbitrary<string> {
  return fc
    .tuple(
      line,
      fc.constantFrom(`Authorization: Bearer ${token}\r\n`, ''),
      fc.array(fc.tuple(field(token), end), { maxLength: 3 }),
      body,
    )
    .map(([first, credential, fields, rest]) => {
      return `${first}\r\nHost: orders\r\n${credential}${fields.flat().join('')}${rest}`
    })
}
