import { constants } from 'node:http2'
import { describe, expect, it } from 'vitest'
import { bearer, type Fields, pseudo, replaced, threatenedGuard } from './threatened-guard.ts'

// P29: HTTP/2 as an attacker writes it: one reading of a head.

const attacked = threatenedGuard()

it('P29 lets a good stream in, and refuses one without a credential', async () => {
  expect(await attacked.outcome([...pseudo, ...bearer()])).toBe('status 200')
  expect(attacked.app.seen).toHaveLength(1)
  expect(await attacked.outcome(pseudo)).toBe('status 401')
  expect(attacked.app.seen).toHaveLength(1)
})

describe('P29 one reading of a head', () => {
  const refusedStreams: [string, () => Fields][] = [
    ['two :method', () => [[':method', 'GET'], ...pseudo]],
    ['two :path', () => [...pseudo, [':path', '/open/x']]],
    ['two :authority', () => [...pseudo, [':authority', 'evil']]],
    ['two :scheme', () => [...pseudo, [':scheme', 'https']]],
    ['a pseudo field after others', () => [...pseudo.slice(0, 3), ['a', 'b'], [':path', '/open/x']]],
    ['no :path', () => replaced(':path', undefined)],
    ['no :method', () => replaced(':method', undefined)],
    ['no :scheme', () => replaced(':scheme', undefined)],
    ['no :authority and no Host', () => replaced(':authority', undefined)],
    ['an empty :path', () => replaced(':path', '')],
    ['a :path of absolute form', () => replaced(':path', 'http://orders/open/x')],
    ['an unknown pseudo field', () => [...pseudo, [':x', 'y']]],
    ['a pseudo field of answers', () => [...pseudo, [':status', '200']]],
    ['a name in capitals', () => [...pseudo, ['X-A', 'b']]],
    ['a space in :method', () => replaced(':method', 'GET /open')],
    ['a line end in :path', () => replaced(':path', '/open/x HTTP/1.1\r\nX: y')],
    ['a line end in :authority', () => replaced(':authority', 'orders\r\nX: y')],
    ['user info in :authority', () => replaced(':authority', 'a@orders')],
    ['Connection', () => [...pseudo, ['connection', 'x-a'], ['x-a', 'b']]],
    ['Transfer-Encoding', () => [...pseudo, ['transfer-encoding', 'chunked']]],
    ['Keep-Alive', () => [...pseudo, ['keep-alive', '5']]],
    ['Proxy-Connection', () => [...pseudo, ['proxy-connection', 'close']]],
    ['Upgrade', () => [...pseudo, ['upgrade', 'websocket']]],
    ['TE other than trailers', () => [...pseudo, ['te', 'gzip']]],
    ['two Host', () => [...pseudo, ['host', 'orders'], ['host', 'evil']]],
    ['two Content-Length', () => [...pseudo, ['content-length', '0'], ['content-length', '0']]],
    ['a length without a body', () => [...pseudo, ['content-length', '5']]],
    [
      'extended CONNECT',
      () => [
        [':method', 'CONNECT'],
        [':protocol', 'websocket'],
        [':scheme', 'http'],
        [':path', '/api/x'],
        [':authority', 'orders'],
      ],
    ],
  ]
  it.each(refusedStreams)('P29 resets a stream with %s', async (_what, fields) => {
    expect(await attacked.outcome([...fields(), ...bearer()])).toBe(`reset ${constants.NGHTTP2_PROTOCOL_ERROR}`)
    expect(attacked.app.seen).toEqual([])
  })

  const refusedCalls: [string, () => Fields, string][] = [
    ['Host that differs from :authority', () => [...pseudo, ['host', 'evil']], '400'],
    ['an :authority that no host is', () => replaced(':authority', 'or-der-s-'), '400'],
    ['a list in :authority', () => replaced(':authority', 'orders,evil'), '400'],
    ['the scheme ftp', () => replaced(':scheme', 'ftp'), '400'],
    [
      'CONNECT',
      () => [
        [':method', 'CONNECT'],
        [':authority', 'orders:80'],
      ],
      '400',
    ],
    ['TRACE', () => replaced(':method', 'TRACE'), '400'],
    ['the path *', () => [[':method', 'OPTIONS'], ...replaced(':path', '*').slice(1)], '400'],
    ['HTTP2-Settings', () => [...pseudo, ['http2-settings', 'AAMAAABk']], '400'],
    ['two Content-Type', () => [...pseudo, ['content-type', 'a/b'], ['content-type', 'c/d']], '400'],
    ['two Authorization', () => [...pseudo, ...bearer()], '400'],
    ['Expect of something else', () => [...pseudo, ['expect', 'x']], '417'],
    ['dot segments', () => replaced(':path', '/open/../api/x'), '400'],
    ['an escaped slash', () => replaced(':path', '/api%2fx'), '400'],
    ['two slashes', () => replaced(':path', '//api/x'), '400'],
    ['a fragment', () => replaced(':path', '/api/x#y'), '400'],
    ['101 fields', () => [...pseudo, ...Array.from({ length: 101 }, () => ['x', 'a'] as const)], '431'],
    ['a path of 8 KiB and one', () => replaced(':path', `/api/${'a'.repeat(8_188)}`), '414'],
  ]
  it.each(refusedCalls)(
    'P29 answers a stream with %s itself, with a line in the audit log',
    async (_what, fields, status) => {
      const lines = async () => (await attacked.rig.audit(0)).filter(line => line.reason.endsWith('_malformed')).length
      const before = await lines()
      expect(await attacked.outcome([...fields(), ...bearer()])).toBe(`status ${status}`)
      expect(attacked.app.seen).toEqual([])
      await expect.poll(lines, { interval: 5 }).toBe(before + 1)
    },
  )

  it.each([
    ['CR', 'a\rb'],
    ['LF', 'a\nlatchkey-client: forged'],
    ['NUL', 'a\0b'],
    ['a control byte', 'a\x01b'],
    ['DEL', 'a\x7fb'],
    ['a blank at its end', 'a '],
    ['a blank before it', ' a'],
    ['a tab before it', '\ta'],
  ])('P13 P29 a value with %s refuses its stream: it is not left out in silence', async (_what, value) => {
    expect(await attacked.outcome([...pseudo, ...bearer(), ['x-a', value]])).toBe('status 400')
    const [, token] = bearer()[0] as readonly [string, string]
    expect(await attacked.outcome([...pseudo, ['authorization', value.replace('a', token)]])).toBe('status 400')
    expect(attacked.app.seen).toEqual([])
  })
  it.each(['x a', 'x:a', ':', 'x\r\ny', 'x\0', ''])('P13 P29 the name %j refuses its stream', async name => {
    expect(await attacked.outcome([...pseudo, ...bearer(), [name, 'forged']])).toMatch(/status 400|reset 1/)
    expect(attacked.app.seen).toEqual([])
  })
  it('P29 takes Host beside an equal :authority, and in its place', async () => {
    expect(await attacked.outcome([...pseudo, ['host', 'orders'], ...bearer()])).toBe('status 200')
    expect(await attacked.outcome([...replaced(':authority', undefined), ['host', 'orders'], ...bearer()])).toBe(
      'status 200',
    )
    expect(attacked.app.seen.map(seen => seen.raw.filter(text => text.toLowerCase() === 'host').length)).toEqual([1, 1])
  })
  it('P29 puts the crumbs of a cookie together', async () => {
    expect(await attacked.outcome([...pseudo, ['cookie', 'a=1'], ...bearer(), ['cookie', 'b=2']])).toBe('status 200')
    expect(attacked.app.seen[0]?.header('cookie')).toBe('a=1; b=2')
  })
})
