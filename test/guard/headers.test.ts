import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { alice, rowsOf } from './policy-rows.ts'
import { openRaw, sendRaw } from './raw-socket.ts'
import { type App, type Rig, type Seen, startApp, startGuard } from './rig.ts'

let app: App
let rig: Rig
beforeAll(async () => {
  app = await startApp((request, response) => {
    if (request.url === '/open/claims') {
      response.writeHead(200, {
        'Latchkey-Decision': 'deny; by=app',
        latchkey_decision: 'x',
        Connection: 'X-Hop',
        'X-Hop': '1',
        'Keep-Alive': 'timeout=9',
        'Proxy-Authenticate': 'Basic',
        'Set-Cookie': ['a=1', 'b=2'],
        Trailer: 'X-Late',
      })
      response.addTrailers({ 'X-Late': '1' })
    }
    response.end('ok')
  })
  rig = await startGuard(app.port)
})
afterAll(async () => {
  await rig.close()
  await app.close()
})
beforeEach(() => void app.seen.splice(0))

/** What the app receives when these fields are sent. */
async function received(fields: string, target = '/api/x', token = alice.token()): Promise<Seen> {
  const credential = token === '' ? '' : `Authorization: Bearer ${token}\r\n`
  const answer = await sendRaw(rig.port, `GET ${target} HTTP/1.1\r\nHost: orders\r\n${credential}${fields}\r\n`)
  expect(answer.status).toBe(200)
  return app.seen[0] as Seen
}

describe('the identity headers', () => {
  it('say who calls, and nothing in them can end a line', async () => {
    const seen = await received('')
    expect(seen.header('Latchkey-Client')).toBe(alice.clientId)
    expect(seen.header('Latchkey-Subject')).toBe(alice.clientId)
    expect(seen.header('Latchkey-Roles')).toBe('caller')
    expect(seen.header('Latchkey-Attributes')).toBe('tenant=acme, note=a%2C%20%22b%22%0D%0AX-Evil:%201')
    expect(seen.header('Latchkey-Actor')).toBeUndefined()
    expect(seen.names()).not.toContain('X-Evil')
  })
  const spellings = [
    'Latchkey-Client',
    'latchkey-client',
    'LATCHKEY-CLIENT',
    'latchkey_client',
    'Latchkey.Client',
    'LATCHKEY-client',
    'Latchkey_Roles',
    'latchkey~attributes',
    'Latchkey-Anything',
    "latchkey'client",
  ]
  it.each(spellings)('P17 P18 drop a client’s %s on every branch', async name => {
    for (const target of ['/api/x', '/open/x']) {
      const seen = await received(`${name}: forged\r\n`, target)
      expect(seen.raw.join('\n')).not.toContain('forged')
      app.seen.splice(0)
    }
  })
  it('P17 are absent on a public path without a credential', async () => {
    const seen = await received('Latchkey-Client: forged\r\n', '/open/x', '')
    expect(seen.names().filter(name => name.toLowerCase().startsWith('latchkey'))).toEqual([])
  })
  it('P17 cannot be taken away by Connection', async () => {
    const seen = await received('Connection: close, Latchkey-Client, latchkey-roles, X-Hop\r\nX-Hop: 1\r\n')
    expect(seen.header('Latchkey-Client')).toBe(alice.clientId)
    expect(seen.header('Latchkey-Roles')).toBe('caller')
    expect(seen.header('X-Hop')).toBeUndefined()
  })
})

describe('what proxies say', () => {
  it.each([
    'X-Forwarded-For',
    'x-forwarded-host',
    'X-Forwarded-Proto',
    'X-Forwarded-Uri',
    'X_Forwarded_Uri',
    'X-Forwarded-Method',
    'X-Forwarded-Prefix',
    'X-Forwarded-Client-Cert',
    'Forwarded',
    'X-Real-IP',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-HTTP-Method-Override',
    'X-Envoy-Original-Path',
    'x-envoy-internal',
    'x-middleware-subrequest',
    'x-middleware-rewrite',
    'SCRIPT_NAME',
    'Script-Name',
    'PATH_INFO',
    'X-Script-Name',
    'X-Scheme',
    'X-Url-Scheme',
    'REMOTE_USER',
    'X-Remote-User',
    'X-Accel-Mapping',
    'X-Sendfile-Type',
    'Proxy',
  ])('P21 P23 is not believed and not passed on: %s', async name => {
    const seen = await received(`${name}: forged\r\n`, '/open/x')
    expect(seen.raw.join('\n')).not.toContain('forged')
  })
  it('is said anew: who is at the other end of the connection', async () => {
    expect((await received('X-Forwarded-For: 1.2.3.4\r\n')).header('X-Forwarded-For')).toBe('127.0.0.1')
  })
})

describe('headers of one hop', () => {
  it.each([
    'Keep-Alive: 5',
    'Proxy-Connection: keep-alive',
    'Proxy-Authorization: Basic a',
    'TE: trailers',
    'Trailer: X',
  ])('end here: %s', async field => {
    const name = field.split(':', 1)[0] as string
    expect((await received(`${field}\r\n`, '/open/x')).header(name)).toBeUndefined()
  })
  it.each(['Transfer_Encoding: chunked', 'Content_Length: 5', 'Content.Length: 5', 'Host_: x', 'Authorization_: x'])(
    'have no look-alikes: %s',
    async field => {
      const seen = await received(`${field}\r\n`, '/open/x')
      const folded = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '-')
      const own = folded(field.split(':', 1)[0] as string)
      expect(seen.names().filter(name => name !== 'Host' && folded(name) === own && !own.endsWith('-'))).toEqual([])
    },
  )
  it('P25 h2c is not taken up: an HTTP/1 answer and no tunnel', async () => {
    const connection = await openRaw(rig.port)
    connection.send(
      'GET /open/x HTTP/1.1\r\nHost: orders\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n',
    )
    expect((await connection.answer()).status).toBe(200)
    expect(app.seen[0]?.names().map(name => name.toLowerCase())).not.toContain('upgrade')
    expect(app.seen[0]?.header('HTTP2-Settings')).toBeUndefined()
    connection.send('GET /open/y HTTP/1.1\r\nHost: orders\r\n\r\n')
    expect((await connection.answer()).status).toBe(200)
    connection.socket.destroy()
  })
  it('trailers do not pass, whatever they are called', async () => {
    const answer = await sendRaw(
      rig.port,
      `POST /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${alice.token()}\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n3\r\nabc\r\n0\r\nAuthorization: Bearer evil\r\nLatchkey-Client: evil\r\n\r\n`,
    )
    expect(answer.status).toBe(200)
    expect(app.seen[0]).toMatchObject({ body: 'abc', trailers: [] })
  })
})

describe('the credential', () => {
  it('P32 does not reach the app', async () => {
    expect((await received('')).header('Authorization')).toBeUndefined()
  })
  it('P32 does not reach the app on a public path either, proved or not', async () => {
    expect((await received('', '/open/x')).header('Authorization')).toBeUndefined()
    app.seen.splice(0)
    expect((await received('', '/open/x', 'rubbish')).header('Authorization')).toBeUndefined()
  })
  it('reaches the app when the service keeps JWTs and it was proved', async () => {
    rig.apply(rowsOf({ service: { keepCredential: 'Jwt' } }))
    const token = alice.token()
    expect((await received('', '/api/x', token)).header('Authorization')).toBe(`Bearer ${token}`)
    app.seen.splice(0)
    expect((await received('', '/open/x', 'rubbish')).header('Authorization')).toBeUndefined()
    rig.apply(rowsOf())
  })
})

describe('all else', () => {
  it('passes byte for byte: names, values, order and repetition', async () => {
    const seen = await received('X-One: 1\r\nx-two:  a\tb \r\nX-One: 2\r\nAccept: */*\r\nX-Text: caf\xe9\r\n')
    const pairs = seen.raw.flatMap((name, at) => (at % 2 === 0 ? [[name, seen.raw[at + 1]]] : []))
    expect(pairs.filter(([name]) => /^(x-one|x-two|accept|x-text)$/i.test(name as string))).toEqual([
      ['X-One', '1'],
      ['x-two', 'a\tb'],
      ['X-One', '2'],
      ['Accept', '*/*'],
      ['X-Text', 'caf\xe9'],
    ])
    expect(seen.header('Host')).toBe('orders')
  })
  it('a well-formed request id passes and is in the answer’s audit line; another is replaced', async () => {
    expect((await received('X-Request-Id: abc-1\r\n')).header('X-Request-Id')).toBe('abc-1')
    app.seen.splice(0)
    expect((await received('X-Request-Id: a b\r\n')).header('X-Request-Id')).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('the app’s answer', () => {
  it('carries the guard’s decision and not the app’s, and no header of its hop', async () => {
    const answer = await sendRaw(rig.port, 'GET /open/claims HTTP/1.1\r\nHost: orders\r\n\r\n')
    expect(answer.headers['latchkey-decision']).toEqual(['allow; reason=public; by=guard'])
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2'])
    for (const name of ['latchkey_decision', 'x-hop', 'proxy-authenticate', 'trailer', 'x-late']) {
      expect(answer.headers[name]).toBeUndefined()
    }
    expect(answer.headers['keep-alive']).not.toEqual(['timeout=9'])
  })
})
