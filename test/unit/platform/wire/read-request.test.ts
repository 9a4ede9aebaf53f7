import { describe, expect, it } from 'vitest'
import { type HeadFault, maxFields, type RequestHead, readRequest } from '../../../../platform/wire/read-request.ts'

const host = ['Host', 'orders.shop']

interface Asked {
  readonly method?: string
  readonly target?: string
  readonly version?: string
  readonly raw?: readonly string[]
}

/** A head with one Host before the fields that are given. */
const read = (raw: readonly string[] = [], { method = 'GET', target = '/a', version = '1.1' }: Asked = {}) =>
  readRequest({ method, target, version, raw: [...host, ...raw] })
const accepted = (raw: readonly string[] = [], asked?: Asked): RequestHead => {
  const head = read(raw, asked)
  if ('status' in head) throw new Error(`refused: ${head.detail}`)
  return head
}
const refusal = (words: string, status: HeadFault['status'] = 400) => ({
  status,
  detail: expect.stringContaining(words),
})

describe('a head', () => {
  it('is read whole, its fields in their order and as they were sent', () => {
    const { fields, ...head } = accepted(['Authorization', 'Bearer x', 'X-A', '1', 'x-a', '2', 'X-Request-Id', 'id-1'])
    expect(head).toEqual({
      method: 'GET',
      target: '/a',
      host: 'orders.shop',
      names: ['host', 'authorization', 'x-a', 'x-a', 'x-request-id'],
      values: ['orders.shop', 'Bearer x', '1', '2', 'id-1'],
      authorization: 'Bearer x',
      requestId: 'id-1',
      body: 'none',
      length: 0,
      expectContinue: false,
      webSocket: false,
      connection: new Set(),
      version: '1.1',
      keepsOpen: true,
    })
    expect(fields.map(({ sent }) => sent)).toEqual(['Host', 'Authorization', 'X-A', 'x-a', 'X-Request-Id'])
  })

  it('that says little says nothing else', () => {
    const { authorization, requestId } = accepted()
    expect([authorization, requestId]).toEqual([undefined, undefined])
  })
})

describe('the request line', () => {
  it.each(['GET', 'HEAD', 'POST', 'M-SEARCH', 'A', 'X'.repeat(32)])('takes the method %s', method => {
    expect(read([], { method })).toMatchObject({ method })
  })

  it.each(['get', 'Get', 'CONNECT', 'TRACE', 'PRI', '', '-A', 'A1', 'A_B', 'X'.repeat(33), ' GET', 'GET '])(
    'refuses the method %j',
    method => {
      expect(read([], { method })).toEqual(refusal('This method is not taken here.'))
    },
  )

  it.each(['1.0', '1.1'])('takes HTTP/%s', version => {
    expect(read([], { version })).toMatchObject({ version })
  })

  it.each(['0.9', '1.2', '2.0', ''])('refuses HTTP/%s', version => {
    expect(read([], { version })).toEqual(refusal('Use HTTP/1.1.'))
  })

  it.each(['a', '*', 'http://a/', 'a:443', ''])('refuses the target %j', target => {
    expect(read([], { target })).toEqual(refusal('origin form'))
  })

  it('takes targets of 8,192 bytes and no longer ones', () => {
    const target = `/${'a'.repeat(8_191)}`
    expect(read([], { target })).toMatchObject({ target })
    expect(read([], { target: `${target}a` })).toEqual(refusal('longer than 8192 bytes', 414))
  })
})

describe('fields', () => {
  it('are at most 100', () => {
    const others = Array.from({ length: maxFields - 1 }, (_, index) => [`X-${index}`, 'a']).flat()
    expect(accepted(others).names).toHaveLength(100)
    expect(read([...others, 'X-A', 'a'])).toEqual(refusal('more than 100 header fields', 431))
  })

  it('that cannot be counted are refused before they are looked at', () => {
    const raw = Array.from({ length: 2 * maxFields + 2 }, () => '\0')
    expect(readRequest({ method: 'GET', target: '/', version: '1.1', raw })).toEqual(refusal('header fields', 431))
  })

  it.each(['', 'a b', 'a:', 'ä', 'a\n', 'a/', '(a)'])('have no name %j', name => {
    expect(read([name, 'x'])).toEqual(refusal('A header name has characters'))
  })

  it.each(['\0', 'a\rb', 'a\nb', '\x1f', '\x7f', '\x08', '\x0b'])('have no value %j', value => {
    expect(read(['X-A', value])).toEqual(refusal('A header value has control bytes.'))
  })

  it.each(['', ' ', 'a\tb', '~', '\x80\xff', '!'])('have the value %j', value => {
    expect(accepted(['X-A', value]).values.at(-1)).toBe(value)
  })

  it('that mean one thing come once', () => {
    expect(read(['Cookie', 'a', 'cookie', 'a'])).toEqual(refusal('Send the header cookie once.'))
    expect(read(['HOST', 'b'])).toEqual(refusal('Send the header host once.'))
    expect(accepted(['Cookie', 'a', 'Origin', 'b', 'Range', 'c', 'User-Agent', 'd']).names).toHaveLength(5)
  })
})

describe('the host', () => {
  it.each([
    'a',
    'A.b-c_d.e',
    'a.',
    'a:80',
    'a:65535',
    '1.2.3.4:80',
    '[::1]',
    '[2001:DB8::1]:8443',
    '[::ffff:1.2.3.4]',
    `${'a'.repeat(255)}`,
  ])('may be %s', value => {
    expect(readRequest({ method: 'GET', target: '/', version: '1.1', raw: ['Host', value] })).toMatchObject({
      host: value,
    })
  })

  it.each([
    '',
    '.a',
    'a-',
    '-a',
    'a b',
    'a/b',
    'a@b',
    'a:',
    'a:123456',
    'a:b',
    'a,b',
    'a:80 ',
    ' a',
    '[]',
    '[:]',
    '[g::]',
    '[::1',
    '::1',
    `${'a'.repeat(256)}`,
    `[${':'.repeat(46)}]`,
  ])('may not be %j', value => {
    expect(readRequest({ method: 'GET', target: '/', version: '1.1', raw: ['Host', value] })).toEqual(
      refusal('Send one valid Host header.'),
    )
  })

  it('may not be absent', () => {
    expect(readRequest({ method: 'GET', target: '/', version: '1.1', raw: [] })).toEqual(refusal('Host header'))
  })
})

describe('the id of a request', () => {
  it.each(['a', 'A-b_c.9', 'x'.repeat(64)])('may be %s', id => {
    expect(accepted(['X-Request-Id', id]).requestId).toBe(id)
  })

  it.each(['', 'a b', 'x'.repeat(65), 'a\t', 'ä', 'a,b'])('that is %j is none', id => {
    expect(accepted(['X-Request-Id', id]).requestId).toBeUndefined()
  })

  it('is the first of several', () => {
    expect(accepted(['X-Request-Id', 'first', 'X-Request-Id', 'second']).requestId).toBe('first')
  })
})

describe('the body', () => {
  it.each<[string, string[], RequestHead['body'], number]>([
    ['is none without a length', [], 'none', 0],
    ['is none of length 0', ['Content-Length', '0'], 'none', 0],
    ['is none of length 000', ['Content-Length', '000'], 'none', 0],
    ['has the length that is said', ['Content-Length', '17'], 'sized', 17],
    ['has at most 15 digits of length', ['Content-Length', '9'.repeat(15)], 'sized', 999_999_999_999_999],
    ['comes in chunks', ['Transfer-Encoding', 'chunked'], 'chunked', 0],
    ['comes in chunks, in any case', ['Transfer-Encoding', 'Chunked'], 'chunked', 0],
  ])('%s', (_, raw, body, length) => {
    expect(accepted(raw)).toMatchObject({ body, length })
  })

  it.each(['', '-1', '+1', '1.0', '1,1', '0x1', ' 1', '1 ', '9'.repeat(16), 'a', 'a1', '1a'])(
    'has no length of %j',
    length => {
      expect(read(['Content-Length', length])).toEqual(refusal('Content-Length takes decimal digits only.'))
    },
  )

  it.each<[string, string[], string?]>([
    ['another coding', ['Transfer-Encoding', 'gzip, chunked']],
    ['no coding', ['Transfer-Encoding', '']],
    ['chunks and a length', ['Transfer-Encoding', 'chunked', 'Content-Length', '1']],
    ['chunks over HTTP/1.0', ['Transfer-Encoding', 'chunked'], '1.0'],
  ])('has not %s', (_, raw, version = '1.1') => {
    expect(read(raw, { version })).toEqual(refusal('Send either Content-Length or'))
  })

  it.each<[string, string[], string, boolean]>([
    ['is waited for with 100', ['Expect', '100-continue'], '1.1', true],
    ['is waited for with 100, in any case', ['Expect', '100-Continue'], '1.1', true],
    ['is not, by callers that know no 100', ['Expect', '100-continue'], '1.0', false],
    ['is not, unless it is asked for', [], '1.1', false],
  ])('%s', (_, raw, version, expectContinue) => {
    expect(accepted(raw, { version }).expectContinue).toBe(expectContinue)
  })

  it.each(['', '200-ok', '100-continue, x'])('is not waited for with %j', value => {
    expect(read(['Expect', value])).toEqual(refusal('Expect takes 100-continue only.', 417))
  })
})

describe('Connection', () => {
  it.each<[string, string[], string[], boolean]>([
    ['nothing: HTTP/1.1 stays open', [], [], true],
    ['keep-alive', ['keep-alive'], ['keep-alive'], true],
    ['Keep-Alive', ['Keep-Alive'], ['keep-alive'], true],
    ['close', ['close'], ['close'], false],
    ['a list with white space and empty parts', [', X-A ,\tClose,,'], ['x-a', 'close'], false],
    ['two fields, which are one list', ['x-a', 'x-b'], ['x-a', 'x-b'], true],
    ['an empty list', [''], [], true],
  ])('lists %s', (_, values, listed, keepsOpen) => {
    const head = accepted(values.flatMap(value => ['Connection', value]))
    expect([[...head.connection], head.keepsOpen]).toEqual([listed, keepsOpen])
  })

  it.each<[string[], boolean]>([
    [[], false],
    [['keep-alive'], true],
    [['keep-alive, close'], false],
    [['close'], false],
  ])('as %j of HTTP/1.0 keeps it open: %s', (values, keepsOpen) => {
    const raw = values.flatMap(value => ['Connection', value])
    expect(accepted(raw, { version: '1.0' }).keepsOpen).toBe(keepsOpen)
  })

  it.each(['a b', 'x-a, (', 'a/b', 'ä'])('cannot list %j', value => {
    expect(read(['Connection', value])).toEqual(refusal('Connection lists something that is no header name.'))
  })

  it.each(['host', 'Host', 'x-a, content-length', 'Content-Type', 'content-'])(
    'may not take %j away, which is not of one hop',
    value => {
      expect(read(['Connection', value])).toEqual(refusal('Connection lists an end-to-end header.'))
    },
  )

  it.each(['x-host', 'hosts', 'x-content-type', 'content'])('may list %s', value => {
    expect([...accepted(['Connection', value]).connection]).toEqual([value])
  })
})

describe('an upgrade', () => {
  const asks = (protocol: string, connection = 'upgrade') => ['Upgrade', protocol, 'Connection', connection]

  it.each<[string, string[], boolean]>([
    ['to websocket is one', asks('websocket'), true],
    ['to WebSocket is one', asks('WebSocket', 'keep-alive, Upgrade'), true],
    ['that Connection does not list is none', asks('websocket', 'keep-alive'), false],
    ['that nothing lists is none', ['Upgrade', 'websocket'], false],
    ['to anything that Connection does not list is none', asks('x', 'keep-alive'), false],
    ['to h2c is not taken up', asks('h2c'), false],
    ['to H2C is not taken up', asks('H2C'), false],
    ['to nothing is none', ['Connection', 'upgrade'], false],
  ])('%s', (_, raw, webSocket) => {
    expect(accepted(raw).webSocket).toBe(webSocket)
  })

  it.each<[string, string[], Asked]>([
    ['to another protocol', asks('x'), {}],
    ['to two protocols', asks('websocket, x'), {}],
    ['by POST', asks('websocket'), { method: 'POST' }],
    ['with a body', [...asks('websocket'), 'Content-Length', '1'], {}],
    ['over HTTP/1.0', asks('websocket'), { version: '1.0' }],
  ])('%s is refused', (_, raw, asked) => {
    expect(read(raw, asked)).toEqual(refusal('The only upgrade taken is websocket, by GET and without a body.'))
  })
})
