import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { manifestToken } from '../../guard/access-manifests.ts'
import { openRaw, sendRaw } from '../../guard/raw-socket.ts'
import { type App, auditLines, startApp } from '../../guard/rig.ts'
import { proxies, type RunningProxy } from './proxies.ts'
import { startTestAuthorizer, type TestAuthorizer } from './start-authorizer.ts'

const clientId = 'callers.alice'

describe.each(proxies)('$name', ({ peer, prepare, start }) => {
  let app: App
  let authorizer: TestAuthorizer
  let proxy: RunningProxy
  beforeAll(async () => {
    await prepare()
    app = await startApp()
    authorizer = await startTestAuthorizer()
    proxy = await start({ authorizer, app: app.port })
  }, 300_000)
  afterAll(async () => {
    await proxy?.stop()
    await authorizer?.remove()
    await app?.close()
  })
  beforeEach(() => void app.seen.splice(0))

  const token = manifestToken()
  const ask = (target: string, fields = `Authorization: Bearer ${token}\r\n`, method = 'GET') =>
    sendRaw(proxy.port, `${method} ${target} HTTP/1.1\r\nHost: orders\r\n${fields}\r\n`)
  const lastLine = async () => (await auditLines(authorizer.auditFile, 1)).at(-1)

  it('passes on who is granted, tells the app who called, and keeps the credential from it', async () => {
    const answer = await ask('/api/things?x=1&y=%20')
    expect([answer.status, answer.body]).toEqual([200, 'from the app'])
    expect(answer.headers['latchkey-decision']).toEqual(['allow; reason=granted; by=guard'])
    const [seen] = app.seen
    expect([seen?.method, seen?.url]).toEqual(['GET', '/api/things?x=1&y=%20'])
    expect(seen?.header('Latchkey-Client')).toBe(clientId)
    expect(seen?.header('Latchkey-Roles')).toBe('caller')
    for (const name of ['Authorization', 'Latchkey-Actor', 'Latchkey-Decision', 'Latchkey-Peer-Secret']) {
      expect(seen?.header(name)).toBeUndefined()
    }
    await expect
      .poll(lastLine)
      .toMatchObject({ decision: 'allow', reason: 'granted', proxy: peer, path: '/api/things' })
  })

  it.each([
    ['without a credential', '/api/things', '', 401, 'credential_missing'],
    ['with a bad one', '/api/things', 'Authorization: Bearer a.b.c\r\n', 401, 'invalid_token'],
    ['to what is not granted', '/other', undefined, 403, 'not_granted'],
    ['that can be read in two ways', '/api/../other', undefined, 400, 'path_malformed'],
  ])('refuses a call %s, as a guard would', async (_, target, fields, status, reason) => {
    const answer = await ask(target, fields)
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.body)).toMatchObject({ status, code: reason })
    expect(answer.headers['content-type']).toEqual(['application/problem+json'])
    expect(answer.headers['latchkey-decision']).toEqual([`deny; reason=${reason}; by=guard`])
    if (status === 401) expect(answer.headers['www-authenticate']?.[0]).toContain('Bearer realm=')
    expect(app.seen).toEqual([])
    await expect.poll(lastLine).toMatchObject({ decision: 'deny', reason, proxy: peer, status })
  })

  it('decides by the method that was sent, with a body or without', async () => {
    const body = 'Content-Length: 2\r\n'
    const answer = await sendRaw(
      proxy.port,
      `POST /api/things HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n${body}\r\nhi`,
    )
    expect([answer.status, JSON.parse(answer.body).missing]).toEqual([403, 'POST /api/things'])
    expect((await ask('/api/things', undefined, 'HEAD')).status).toBe(200)
    expect(app.seen.map(({ method }) => method)).toEqual(['HEAD'])
  })

  it('P17 P18 P21 lets nothing a caller writes pass for ours, on public paths too', async () => {
    const spoofed = [
      'Latchkey-Client: evil',
      'latchkey-actor: evil',
      'Latchkey-Scopes: evil',
      'latchkey_client: evil',
      'Latchkey.Client: evil',
      'X-Original-URI: /open/evil',
      'X-Original-Method: GET',
      'X-Forwarded-Uri: /open/evil',
      'X-Forwarded-Method: GET',
      'X-HTTP-Method-Override: DELETE',
      'Latchkey-Peer-Secret: evil',
    ]
    const fields = `${spoofed.join('\r\n')}\r\n`
    for (const [target, credential] of [
      ['/api/things', `Authorization: Bearer ${token}\r\n`],
      ['/open/x', ''],
    ] as const) {
      expect((await ask(target, `${credential}${fields}`)).status).toBe(200)
    }
    expect(app.seen.map(({ url }) => url)).toEqual(['/api/things', '/open/x'])
    expect(app.seen.flatMap(({ raw }) => raw).filter(text => text.includes('evil') || text === 'DELETE')).toEqual([])
    expect(app.seen.map(seen => seen.header('Latchkey-Client'))).toEqual([clientId, undefined])
    // Neither can it make an asked-for path of its own.
    expect((await ask('/other', `${fields}`)).status).toBe(401)
  })

  it('P17 lets no caller name our headers in Connection, to have them dropped behind the proxy', async () => {
    const answer = await ask('/api/things', `Authorization: Bearer ${token}\r\nConnection: close, Latchkey-Client\r\n`)
    // Refusing such a request is as good as passing it on cleanly.
    if (answer.status !== 200) return void expect(app.seen).toEqual([])
    const [seen] = app.seen
    expect(seen?.header('Latchkey-Client')).toBe(clientId)
    expect(seen?.header('Connection') ?? '').not.toMatch(/latchkey/i)
  })

  it('P20 takes no second credential', async () => {
    const answer = await ask('/api/things', `Authorization: Bearer ${token}\r\nAuthorization: Bearer ${token}\r\n`)
    expect(answer.status).toBe(400)
    expect((await ask(`/api/things?access_token=${token}`)).status).toBe(400)
    expect(app.seen).toEqual([])
  })

  const hostile = [
    '/api/../other',
    '/api/%2e%2e/other',
    '/api/.%2e/other',
    '/api/./x',
    '//api/x',
    '/api//x',
    '/api/%2fx',
    '/api/%2Fx',
    '/api/%5cx',
    '/api/\\x',
    '/api/x;y=1',
    '/open/..;a=b/api/x',
    '/api/%41',
    '/api/%zz',
    '/api/%',
    '/api/%00',
    '/api/%c0%af',
    '/api/x#y',
    '/api/\u00e9',
    '/open/../api/x',
    '/open/%2e%2e/api/x',
    '/open//../api/x',
    'http://other/api/x',
    '*',
    '/api/x%3fy',
    '/api/x%20y',
    '/api/caf%C3%A9',
    '/api/x?a=/../b',
    '/api/x?a=%2e%2e',
    '/api/x/',
    '/api/.x',
    '/api/...',
    '/latchkey-check',
  ]
  it.each(hostile)('P01 P02 P03 P04 decides on what the app gets: %s', async target => {
    const connection = await openRaw(proxy.port)
    connection.send(
      `GET ${target} HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
    )
    const answer = await connection.answer()
    connection.socket.destroy()
    if (app.seen.length === 0) return void expect(answer.status).toBeGreaterThanOrEqual(400)
    // nginx takes the authority off, before it asks and before it passes on.
    const forwarded = target.replace('http://other', '')
    expect(app.seen.map(({ url }) => url)).toEqual([forwarded])
    const allowed = async () =>
      (await auditLines(authorizer.auditFile, 1)).filter(({ decision }) => decision === 'allow').map(({ path }) => path)
    await expect.poll(allowed).toContain(forwarded.split('?')[0])
  })

  it('P30 F32 refuses, in time, when the authorizer does not answer', async () => {
    authorizer.process.kill('SIGSTOP')
    const answer = await ask('/api/things')
    authorizer.process.kill('SIGCONT')
    expect(answer.status).toBe(503)
    expect(app.seen).toEqual([])
    await expect.poll(async () => (await ask('/api/things')).status, { timeout: 10_000 }).toBe(200)
    app.seen.splice(0)
  })

  it('P30 refuses when the authorizer is away', async () => {
    await authorizer.stop()
    const answer = await ask('/api/things')
    expect(answer.status).toBe(503)
    expect(app.seen).toEqual([])
  })
})
