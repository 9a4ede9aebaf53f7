import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { alice } from './policy-rows.ts'
import { openRaw, sendRaw } from './raw-socket.ts'
import { type App, type Rig, startApp, startGuard } from './rig.ts'

let app: App
let rig: Rig
beforeAll(async () => {
  app = await startApp()
  rig = await startGuard(app.port, { headersTimeoutMs: 500, bodyIdleMs: 200 })
})
afterAll(async () => {
  await rig.close()
  await app.close()
})

const token = alice.token()
/** Mostly what is right, so that much gets through to where it could be read in two ways. */
const mostly = (right: fc.Arbitrary<string>, wrong: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: wrong })
const lineEnd = mostly(fc.constant('\r\n'), fc.constantFrom('\n', '\r', '\r\n ', '\0\r\n'))
const field = mostly(
  fc.constantFrom(
    `Authorization: Bearer ${token}`,
    'Content-Length: 5',
    'Transfer-Encoding: chunked',
    'Connection: keep-alive',
    'Connection: close',
    'Upgrade: h2c',
    'Expect: 100-continue',
    'Latchkey-Client: evil',
    'latchkey_client: evil',
    'Transfer_Encoding: chunked',
    'Trailer: Latchkey-Client',
    'X-A: b',
  ),
  fc.constantFrom(
    'Host: orders',
    'host: evil',
    'Content-Length: 0',
    'Content-Length: 43',
    'Content-Length : 5',
    'Transfer-Encoding: identity',
    'transfer-encoding:\tchunked',
    'Connection: Upgrade, Content-Length',
    'Upgrade: websocket',
  ),
)
const requestLine = fc
  .tuple(
    mostly(fc.constantFrom('GET', 'POST', 'HEAD'), fc.constantFrom('get', 'CONNECT', 'PRI')),
    mostly(
      fc.constantFrom('/api/x', '/open/x', '/api/x?a'),
      fc.constantFrom('/api/../x', '//x', 'http://evil/x', '*', '/api/x HTTP/1.1\r\nX: '),
    ),
    mostly(fc.constant('HTTP/1.1'), fc.constantFrom('HTTP/1.0', 'HTTP/2.0', '')),
  )
  .map(parts => parts.join(' '))
const body = fc.constantFrom(
  '',
  'hello',
  '5\r\nhello\r\n0\r\n\r\n',
  '0\r\n\r\n',
  '0\r\nLatchkey-Client: evil\r\n\r\n',
  'zz\r\n',
  '\r\n',
)
const request = fc
  .tuple(requestLine, fc.array(fc.tuple(field, lineEnd), { maxLength: 3 }), lineEnd, body)
  .map(([line, fields, end, rest]) => `${line}\r\nHost: orders\r\n${fields.flat().join('')}${end}${rest}`)

it('P11 whatever is sent, the app gets only what was decided, and the guard stands', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 3 }), async requests => {
      const connection = await openRaw(rig.port)
      connection.send(requests.join(''))
      await new Promise(resolve => setTimeout(resolve, 4))
      connection.socket.destroy()
    }),
    { numRuns: 250, seed: 20261122 },
  )
  // Calls that are under way end by their time limits; then all that reached the app must have been let through.
  expect((await sendRaw(rig.port, 'GET /open/x HTTP/1.1\r\nHost: orders\r\n\r\n')).status).toBe(200)
  await new Promise(resolve => setTimeout(resolve, 300))
  const lines = await rig.audit()
  const passed = lines.filter(({ decision }) => decision === 'allow')
  expect(passed.length).toBeGreaterThan(20)
  expect(app.seen.length).toBeLessThanOrEqual(passed.length)
  for (const seen of app.seen) {
    expect(passed.some(({ method, path }) => method === seen.method && path === seen.url.split('?', 1)[0])).toBe(true)
    expect(seen.header('Host')).toBe('orders')
    expect(seen.raw.join()).not.toContain('evil')
    expect(seen.trailers).toEqual([])
  }
  expect(rig.log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([])
})
