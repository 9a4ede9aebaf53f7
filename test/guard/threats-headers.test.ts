import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { alice, rowsOf } from './policy-rows.ts'
import { openRaw, sendRaw } from './raw-socket.ts'
import { type App, type Rig, startApp, startGuard } from './rig.ts'

// P18 and P32 in all their spellings and on all branches, against the running guard.

let app: App
let rig: Rig
let deadEnd: Rig
beforeAll(async () => {
  app = await startApp((request, response) => {
    if (request.url === '/open/elsewhere') response.writeHead(302, { location: 'https://evil.test/' })
    response.end(request.headers.authorization ?? 'no credential')
  })
  rig = await startGuard(app.port)
  // Nothing listens there.
  deadEnd = await startGuard(1)
})
afterAll(async () => {
  await rig.close()
  await deadEnd.close()
  await app.close()
})
beforeEach(() => void app.seen.splice(0))

const withToken = (target: string, fields = '', token = alice.token(), method = 'GET'): string =>
  `${method} ${target} HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n${fields}\r\n`
const foldName = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '-')

describe('P18 names that some app reads as ours', () => {
  const separators = [..."!#$%&'*+.^_`|~-"]
  const ours = ['client', 'subject', 'actor', 'roles', 'scopes', 'attributes', 'decision']
  it.each(ours)('Latchkey-%s, with whatever joins its words, in any case, on guarded and public paths', async word => {
    const names = separators.flatMap(joint => [
      `Latchkey${joint}${word}`,
      `LATCHKEY${joint}${word.toUpperCase()}`,
      `lATCHKEY${joint}${word}`,
    ])
    const fields = names.map(name => `${name}: forged\r\n`).join('')
    for (const target of ['/api/x', '/open/x']) {
      expect((await sendRaw(rig.port, withToken(target, fields))).status).toBe(200)
      expect(app.seen[0]?.raw).not.toContain('forged')
      app.seen.splice(0)
    }
  })
  it.each(['X-Forwarded-User', 'X-Forwarded-For', 'X-Real-IP', 'X-Original-URL', 'X-Rewrite-URL', 'X-Envoy-Peer'])(
    '%s, with whatever joins its words',
    async name => {
      const fields = separators.map(joint => `${name.replaceAll('-', joint)}: forged\r\n`).join('')
      expect((await sendRaw(rig.port, withToken('/open/x', fields))).status).toBe(200)
      expect(app.seen[0]?.raw).not.toContain('forged')
    },
  )
  it.each([
    ['a no-break space behind', 'Latchkey-Client\xa0: forged'],
    ['a no-break space within', 'Latchkey\xa0Client: forged'],
    ['a space behind', 'Latchkey-Client : forged'],
    ['a tab behind', 'Latchkey-Client\t: forged'],
    ['a soft hyphen', 'Latchkey\xadClient: forged'],
    ['a fullwidth letter', 'Latchkey-\xef\xbd\x83lient: forged'],
    ['a line folded before it', 'X-A: b\r\n Latchkey-Client: forged'],
    ['a NUL', 'Latchkey-Client\0: forged'],
    ['a slash', 'Latchkey/Client: forged'],
  ])('%s: refused as a whole', async (_what, field) => {
    expect((await sendRaw(rig.port, withToken('/open/x', `${field}\r\n`))).status).toBe(400)
    expect(app.seen).toEqual([])
  })
  it('a header that only begins or ends like one of ours is the client’s own and passes', async () => {
    const fields = 'X-Latchkey-Client: mine\r\nLatchkeyClient: mine\r\nX-Auth-User: mine\r\n'
    await sendRaw(rig.port, withToken('/open/x', fields))
    const names = app.seen[0]?.names() ?? []
    expect(names).toEqual(expect.arrayContaining(['X-Latchkey-Client', 'LatchkeyClient', 'X-Auth-User']))
  })
  it('each of ours is there once, whatever was sent beside it', async () => {
    const fields = 'latchkey_client: a\r\nLatchkey-Client: b\r\nLatchkey.Roles: c\r\nConnection: Latchkey-Client\r\n'
    await sendRaw(rig.port, withToken('/api/x', fields))
    const folded = (app.seen[0]?.names() ?? []).map(foldName).filter(name => name.startsWith('latchkey-'))
    expect(folded.sort()).toEqual(['latchkey-attributes', 'latchkey-client', 'latchkey-roles', 'latchkey-subject'])
  })
})

describe('P32 the credential goes no further', () => {
  const secretOf = (token: string): string => token.split('.')[2] as string

  it.each([
    ['a guarded path', '/api/x', 'GET'],
    ['a public path', '/open/x', 'GET'],
    ['a redirect of the app', '/open/elsewhere', 'GET'],
    ['HEAD', '/api/x', 'HEAD'],
    ['OPTIONS', '/api/x', 'OPTIONS'],
    ['DELETE', '/api/x', 'DELETE'],
  ])('%s', async (_what, target, method) => {
    const token = alice.token()
    const answer = await sendRaw(rig.port, withToken(target, '', token, method))
    expect(answer.status).toBeLessThan(400)
    expect(app.seen[0]?.raw.join('\n')).not.toContain(secretOf(token))
    expect(answer.head + answer.body).not.toContain(secretOf(token))
  })
  it('nor do its look-alikes', async () => {
    const token = alice.token()
    const fields = [
      `Proxy-Authorization: Bearer ${token}`,
      `Authorization_: x`,
      `X-Forwarded-Access-Token: ${token}`,
      `X_Forwarded_Access_Token: ${token}`,
    ]
    await sendRaw(rig.port, withToken('/api/x', `${fields.join('\r\n')}\r\n`))
    expect(app.seen[0]?.raw.join('\n')).not.toContain(secretOf(token))
  })
  it('with keepCredential: Jwt it goes on from one field only, and never unproved', async () => {
    rig.apply(rowsOf({ service: { keepCredential: 'Jwt' } }))
    const token = alice.token()
    await sendRaw(rig.port, withToken('/api/x', `Proxy-Authorization: Bearer ${token}\r\n`, token))
    expect(app.seen[0]?.raw.filter(text => text.includes(secretOf(token)))).toEqual([`Bearer ${token}`])
    app.seen.splice(0)
    await sendRaw(rig.port, withToken('/open/x', '', `${token}x`))
    expect(app.seen[0]?.header('Authorization')).toBeUndefined()
    rig.apply(rowsOf())
  })
  it.each([
    ['a denial', () => rig, '/nowhere', ''],
    ['a head that is refused', () => rig, '/api//x', ''],
    ['two credentials', () => rig, '/api/x', 'Authorization: Bearer a\r\n'],
    ['a field that is refused', () => rig, '/api/x', 'Bad Name: x\r\n'],
    ['an app that is away', () => deadEnd, '/api/x', ''],
    ['a refused upgrade', () => rig, '/api/x', 'Connection: Upgrade\r\nUpgrade: TLS/1.3\r\n'],
  ])(
    '%s repeats nothing of it: not to the caller, in audit lines, in the log, in metrics',
    async (_what, of, target, fields) => {
      const token = alice.token()
      const answer = await sendRaw(of().port, withToken(target, fields, token))
      expect(answer.status).toBeGreaterThanOrEqual(400)
      const { requestId } = JSON.parse(answer.body) as { requestId: string }
      const lineOf = async () => (await of().audit(0)).find(line => line.requestId === requestId)
      await expect.poll(lineOf, { interval: 5 }).toBeDefined()
      const told = [
        answer.head,
        answer.body,
        JSON.stringify(await of().audit(0)),
        JSON.stringify(of().log),
        await of().metrics(),
      ]
      for (const text of told) {
        expect(text).not.toContain(secretOf(token))
        expect(text).not.toContain(token.split('.')[1])
      }
    },
  )
  it('a token in the query reaches neither the app nor a line', async () => {
    const token = alice.token()
    const answer = await sendRaw(rig.port, `GET /open/x?access_token=${token} HTTP/1.1\r\nHost: orders\r\n\r\n`)
    expect(answer.status).toBe(200)
    // Nobody was asked who calls, so the guard has no opinion on the query; the audit line leaves queries out.
    const lines = await rig.audit(1)
    expect(JSON.stringify(lines)).not.toContain(secretOf(token))
  })
  it('the connection to the app carries the credential of no other call', async () => {
    const connection = await openRaw(rig.port)
    for (let at = 0; at < 5; at++) {
      connection.send(at % 2 === 0 ? withToken('/api/x') : 'GET /open/x HTTP/1.1\r\nHost: orders\r\n\r\n')
      expect((await connection.answer()).body).toBe('no credential')
    }
    connection.socket.destroy()
    expect(app.seen.map(seen => seen.header('Latchkey-Client'))).toEqual([
      'sc_alice',
      undefined,
      'sc_alice',
      undefined,
      'sc_alice',
    ])
  })
})
