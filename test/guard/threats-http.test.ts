import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { alice } from './policy-rows.ts'
import { openRaw, type RawAnswer, sendRaw } from './raw-socket.ts'
import { type App, type Rig, startApp, startGuard } from './rig.ts'

// Lines P and X of the threat list that concern what a caller can put on the wire. Each name begins with the line's id.

let app: App
let rig: Rig
beforeAll(async () => {
  app = await startApp()
  rig = await startGuard(app.port, { headersTimeoutMs: 700, bodyIdleMs: 300 })
})
afterAll(async () => {
  await rig.close()
  await app.close()
})
beforeEach(() => void app.seen.splice(0))

const bearer = (): string => `Authorization: Bearer ${alice.token()}\r\n`
const request = (target: string, fields = '', method = 'GET', body = ''): string =>
  `${method} ${target} HTTP/1.1\r\nHost: orders\r\n${bearer()}${fields}\r\n${body}`

/** Sends what must not reach the app. */
async function refused(bytes: string, status: number | number[] = 400): Promise<RawAnswer> {
  const answer = await sendRaw(rig.port, bytes)
  expect([status].flat()).toContain(answer.status)
  expect(answer.headers['latchkey-decision']?.[0]).toMatch(/^deny; reason=[a-z_]+; by=guard$/)
  expect(app.seen).toEqual([])
  // By its id: the line of an earlier call may come late.
  const { requestId } = JSON.parse(answer.body) as { requestId: string }
  const linesOfIt = async () => (await rig.audit(0)).filter(line => line.requestId === requestId).length
  await expect.poll(linesOfIt, { interval: 5 }).toBe(1)
  return answer
}

describe('the path decided on is the path forwarded', () => {
  it.each([
    ['P01', '/open/../api/x'],
    ['P01', '/open/%2e%2e/api/x'],
    ['P01', '/api/.%2e/x'],
    ['P02', '//api/x'],
    ['P02', '/./api/x'],
    ['P02', '/api//x'],
    ['P03', '/api%2fx'],
    ['P03', '/api%2Fx'],
    ['P03', '/api/%5cx'],
    ['P03', '/api/\\x'],
    ['P04', '/api/x;y=z'],
    ['P04', '/open/..;a=b/api'],
    ['P35', '/api/%73ecret'],
    ['P01', '/api/%00'],
    ['P01', '/api/%ff'],
    ['P01', '/api/%zz'],
    ['P01', '/api/x#frag'],
    ['P01', '/api/\xe9'],
  ])('%s refuses %s', async (_id, target) => {
    await refused(request(target))
  })
  it('P06 matches the path only, whatever the query says', async () => {
    await refused(request('/admin?x=/open/a'), 403)
  })
  it.each(['/Api/x', '/API/x', '/admin.', '/api%20', '/*', '/api*'])(
    'P08 denies %s, which no rule names',
    async target => {
      await refused(request(target), [400, 403])
    },
  )
  it('P01 forwards byte for byte what it decided on', async () => {
    const target = '/api/a.b~c_d-e/%C3%A9?q=%2F%2e..//;#'.replace('#', '')
    expect((await sendRaw(rig.port, request(target))).status).toBe(200)
    expect(app.seen[0]?.url).toBe(target)
  })
  it.each(['http://orders/api/x', 'http://evil/api/x', 'orders:80', '*', 'api/x', ''])(
    'P02 refuses the target form %j',
    async target => {
      await refused(request(target))
    },
  )
  it.each(['CONNECT', 'TRACE', 'get', 'G@T'])('P25 refuses the method %s', async method => {
    await refused(request(method === 'CONNECT' ? 'orders:80' : '/api/x', '', method))
  })
})

describe('P09 one valid host', () => {
  it.each([
    ['none', 'GET /api/x HTTP/1.1\r\n\r\n'],
    ['an empty one', 'GET /api/x HTTP/1.1\r\nHost:\r\n\r\n'],
    ['two', 'GET /api/x HTTP/1.1\r\nHost: orders\r\nHost: orders\r\n\r\n'],
    ['two in other case', 'GET /api/x HTTP/1.1\r\nHost: orders\r\nhOST: evil\r\n\r\n'],
    ['user info', 'GET /api/x HTTP/1.1\r\nHost: a@orders\r\n\r\n'],
    ['a path', 'GET /api/x HTTP/1.1\r\nHost: orders/x\r\n\r\n'],
    ['a list', 'GET /api/x HTTP/1.1\r\nHost: orders, evil\r\n\r\n'],
    ['a space', 'GET /api/x HTTP/1.1\r\nHost: or ders\r\n\r\n'],
    ['obs-text', 'GET /api/x HTTP/1.1\r\nHost: ord\xe9rs\r\n\r\n'],
    ['none in HTTP/1.0', 'GET /api/x HTTP/1.0\r\n\r\n'],
  ])('refuses %s', async (_what, bytes) => {
    await refused(bytes)
  })
  it.each(['orders', 'Orders.Shop.svc.', 'orders:8080', '10.1.2.3:80', '[::1]:80', 'my_app'])(
    'takes %s',
    async host => {
      const answer = await sendRaw(rig.port, `GET /open/x HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
      expect(answer.status).toBe(200)
      expect(app.seen[0]?.header('host')).toBe(host)
    },
  )
})

describe('one framing', () => {
  it.each([
    ['P11', 'CL and TE', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'],
    ['P11', 'TE and CL', 'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n'],
    ['P11', 'two TE', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n'],
    ['P11', 'two equal TE', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'],
    ['P11', 'xchunked', 'Transfer-Encoding: xchunked\r\n'],
    ['P11', 'a vertical tab', 'Transfer-Encoding: \x0bchunked\r\n'],
    ['P11', 'gzip, chunked', 'Transfer-Encoding: gzip, chunked\r\n'],
    ['P11', 'chunked, chunked', 'Transfer-Encoding: chunked, chunked\r\n'],
    ['P11', 'a signed length', 'Content-Length: +3\r\n'],
    ['P11', 'a negative length', 'Content-Length: -1\r\n'],
    ['P11', 'a hexadecimal length', 'Content-Length: 0x3\r\n'],
    ['P11', 'two lengths', 'Content-Length: 3\r\nContent-Length: 4\r\n'],
    ['P11', 'two equal lengths', 'Content-Length: 3\r\nContent-Length: 3\r\n'],
    ['P15', 'two lengths in other case', 'Content-Length: 3\r\ncontent-LENGTH: 4\r\n'],
    ['P11', 'a list of lengths', 'Content-Length: 3, 3\r\n'],
    ['P13', 'obs-fold', 'X-A: b\r\n c\r\n'],
    ['P13', 'a space before the colon', 'X-User : a\r\n'],
    ['P13', 'NUL in a value', 'X-A: a\0b\r\n'],
    ['P13', 'NUL in a name', 'X\0A: b\r\n'],
    ['P13', 'a bare CR', 'X-A: a\rb\r\n'],
    ['P13', 'a bare LF', 'X-A: a\nX-B: b\r\n'],
    ['P13', 'no colon', 'X-A\r\n'],
    ['P13', 'no name', ': a\r\n'],
    ['P18', 'obs-text in a name', 'X-Auth-User\xa0: a\r\n'],
    ['P20', 'two Content-Type', 'Content-Type: a/b\r\nContent-Type: c/d\r\n'],
    ['P13', 'a Connection that lists Content-Length', 'Connection: content-length\r\nContent-Length: 3\r\n'],
    ['P09', 'a Connection that lists Host', 'Connection: host\r\n'],
  ])('%s refuses %s and closes', async (_id, _what, fields) => {
    const connection = await openRaw(rig.port)
    connection.send(`${request('/api/x', fields, 'POST')}abc`)
    const answer = await connection.answer()
    expect(answer.status).toBe(400)
    expect(answer.headers.connection).toEqual(['close'])
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'request_malformed', status: 400 })
    expect(await connection.closed()).toBe('')
    expect(app.seen).toEqual([])
  })
  it('P12 refuses chunked over HTTP/1.0', async () => {
    await refused(
      'POST /open/x HTTP/1.0\r\nHost: orders\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n',
    )
  })
  it.each(['HTTP/1.2', 'HTTP/2.0', 'HTTP/0.9', 'HTTQ/1.1'])('P29 refuses %s', async version => {
    await refused(`GET /open/x ${version}\r\nHost: orders\r\n\r\n`)
  })
  it('P29 refuses what only looks like the preface of HTTP/2', async () => {
    await refused('PRI * HTTP/2.0\r\n\r\nSM\r\n\rX')
  })
  it('P11 leaves nothing for the next request when a chunk is broken', async () => {
    const connection = await openRaw(rig.port)
    connection.send(
      request('/api/x', 'Transfer-Encoding: chunked\r\n', 'POST', 'zz\r\nGET /open/smuggled HTTP/1.1\r\n\r\n'),
    )
    await connection.closed()
    expect(app.seen.map(({ url }) => url)).not.toContain('/open/smuggled')
  })
  it('P11 answers the good request before the bytes that are none', async () => {
    const connection = await openRaw(rig.port)
    connection.send(`${request('/api/x')}\x01\x02 nonsense\r\n\r\n`)
    expect((await connection.answer()).status).toBe(200)
    await connection.closed()
    expect(app.seen).toHaveLength(1)
  })
})

describe('P16 expectations', () => {
  it.each(['y 100-continue', '100-continue, x', 'x', '100-Continues'])('refuses Expect: %s', async value => {
    await refused(request('/api/x', `Expect: ${value}\r\nContent-Length: 3\r\n`, 'POST'), 417)
  })
  it.each(['100-continue', '100-Continue', '100-CONTINUE'])(
    'asks for the body after it allowed the call, and not before: %s',
    async value => {
      const connection = await openRaw(rig.port)
      connection.send(request('/api/x', `Expect: ${value}\r\nContent-Length: 3\r\n`, 'POST'))
      expect((await connection.answer()).status).toBe(100)
      connection.send('abc')
      expect((await connection.answer()).status).toBe(200)
      expect(app.seen[0]).toMatchObject({ body: 'abc' })
      expect(app.seen[0]?.names()).not.toContain('Expect')
      connection.socket.destroy()
    },
  )
  it('does not ask a denied caller for its body, and closes', async () => {
    const connection = await openRaw(rig.port)
    connection.send('POST /api/x HTTP/1.1\r\nHost: orders\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n')
    const answer = await connection.answer()
    expect([answer.status, answer.headers.connection]).toEqual([401, ['close']])
    await connection.closed()
  })
  it('takes Expect on GET without a body', async () => {
    const connection = await openRaw(rig.port)
    connection.send(request('/api/x', 'Expect: 100-continue\r\n'))
    expect((await connection.answer()).status).toBe(100)
    expect((await connection.answer()).status).toBe(200)
    connection.socket.destroy()
  })
})

describe('P20 one credential', () => {
  it.each([
    ['two headers', () => request('/api/x', bearer())],
    ['two headers on a public path', () => request('/open/x', bearer())],
  ])('refuses %s', async (_what, bytes) => {
    await refused(bytes())
  })
  it.each([
    ['a list', `Bearer a, Bearer b`, '/api/x', 400, 'credential_ambiguous'],
    ['a list on a public path', `Bearer a, Bearer b`, '/open/x', 400, 'credential_ambiguous'],
    ['a query token beside it', 'Bearer a', '/api/x?a=1&access_token=b', 400, 'credential_ambiguous'],
    ['a query token in another spelling', 'Bearer a', '/api/x?Access%5Ftoken=b', 400, 'credential_ambiguous'],
    ['Basic', 'Basic YTpi', '/api/x', 401, 'credential_unsupported'],
    ['a bare word', 'abc', '/api/x', 401, 'credential_unsupported'],
    ['an empty one', '', '/api/x', 401, 'invalid_token'],
    ['an empty token', 'Bearer ', '/api/x', 401, 'credential_unsupported'],
    ['two words', 'Bearer a b', '/api/x', 401, 'invalid_token'],
  ])('refuses %s', async (_what, value, target, status, code) => {
    const answer = await refused(`GET ${target} HTTP/1.1\r\nHost: orders\r\nAuthorization: ${value}\r\n\r\n`, status)
    expect(JSON.parse(answer.body).code).toBe(code)
  })
})

describe('P22 nothing opens a back door', () => {
  it.each([
    ['a probe’s user agent', 'User-Agent: kube-probe/1.36\r\n', '/api/x'],
    ['X-Original-URL', 'X-Original-URL: /open/a\r\n', '/api/x'],
    ['X-Forwarded-Uri', 'X-Forwarded-Uri: /open/a\r\nX-Forwarded-Method: GET\r\n', '/api/x'],
    ['X-HTTP-Method-Override', 'X-HTTP-Method-Override: GET\r\n', '/api/x'],
    ['our own decision', 'Latchkey-Decision: allow\r\nLatchkey-Client: sc_alice\r\n', '/api/x'],
    ['a health path', '', '/healthz?x=/open/a'],
    ['the admin port’s paths', '', '/readyz'],
  ])('not %s', async (_what, fields, target) => {
    await refused(`GET ${target} HTTP/1.1\r\nHost: orders\r\n${fields}\r\n`, 401)
  })
})

describe('P28 sizes', () => {
  it.each([
    ['17 KiB of header', 431, () => request('/api/x', `X-A: ${'a'.repeat(17_000)}\r\n`)],
    ['101 fields', 431, () => request('/api/x', 'X-A: a\r\n'.repeat(99))],
    ['2,100 fields', 431, () => request('/api/x', 'X: a\r\n'.repeat(2_100))],
    ['a target of 8 KiB and one', 414, () => request(`/api/${'a'.repeat(8_188)}`)],
    ['a target of 1 MiB', 431, () => request(`/api/${'a'.repeat(1_048_576)}`)],
    ['10,000 cookies', 431, () => request('/api/x', `Cookie: ${'a=b; '.repeat(10_000)}\r\n`)],
  ])('refuses %s', async (_what, status, bytes) => {
    await refused(bytes(), status)
  })
  it('takes 100 fields and loses none', async () => {
    expect((await sendRaw(rig.port, request('/api/x', 'X-A: a\r\n'.repeat(98)))).status).toBe(200)
    expect(app.seen[0]?.names().filter(name => name === 'X-A')).toHaveLength(98)
  })
})

describe('what node:http hid and the guard sees', () => {
  it('P11 chunk extensions are refused', async () => {
    const chunks = '5;name=value\r\nhello\r\n0\r\n\r\n'
    await refused(request('/api/x', 'Transfer-Encoding: chunked\r\n', 'POST', chunks))
  })
  it('P13 empty lines before a request are refused', async () => {
    await refused(`\r\n${request('/api/x')}`)
  })
})

describe('X04 slow callers', () => {
  it('ends a head that does not come to its end, and serves others meanwhile', async () => {
    const slow = await openRaw(rig.port)
    slow.send('GET /api/x HTTP/1.1\r\nHost: ord')
    expect((await sendRaw(rig.port, request('/api/x'))).status).toBe(200)
    expect((await slow.answer()).status).toBe(408)
    await slow.closed()
  })
  it('ends a body that stops coming, towards both sides', async () => {
    const slow = await openRaw(rig.port)
    slow.send(request('/api/x', 'Content-Length: 10\r\n', 'POST', 'abc'))
    await slow.closed()
    expect(app.seen).toEqual([])
  })
})

describe('a stop that is announced', () => {
  it('serves on, is not ready, and sends every caller elsewhere', async () => {
    const other = await startGuard(app.port)
    const connection = await openRaw(other.port)
    connection.send(request('/api/x'))
    expect((await connection.answer()).headers.connection).toEqual(['keep-alive'])
    other.guard.announceStop()
    connection.send(request('/api/x'))
    const answer = await connection.answer()
    expect([answer.status, answer.headers.connection]).toEqual([200, ['close']])
    expect((await sendRaw(other.port, request('/nowhere'))).headers.connection).toEqual(['close'])
    expect((await sendRaw(other.adminPort, 'GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n')).status).toBe(503)
    await other.close()
  })
})

describe('X06 what callers invent has no place in metrics', () => {
  it('counts by reason and status only', async () => {
    for (let at = 0; at < 20; at++) await sendRaw(rig.port, request(`/nowhere/${at}`, `X-Request-Id: id-${at}\r\n`))
    const series = (await rig.metrics()).split('\n').filter(line => line.startsWith('latchkey_guard_decisions_total'))
    expect(series.length).toBeLessThan(20)
    expect(series.join()).not.toContain('nowhere')
  })
})
