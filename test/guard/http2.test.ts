import { afterEach, describe, expect, it } from 'vitest'
import {
  apps,
  ask,
  cleanUp,
  fieldOf,
  type Got,
  guarding,
  h2cApp,
  http1App,
  names,
  outcomeOf,
  type Seen,
  session,
  type TestApp,
} from './http2-rig.ts'
import { alice, bob, rowsOf } from './policy-rows.ts'
import { openRaw } from './raw-socket.ts'

// HTTP/2 by a real client, node:http2, to apps of both kinds: what passes, and what is said.

afterEach(cleanUp)

describe.each(['http1', 'h2c'] as const)('an app that speaks %s', kind => {
  it('gets what is allowed, with who calls and without what ends here; the rest never reaches it', async () => {
    const app = await apps[kind]()
    const rig = await guarding(app)
    const client = session(rig)
    const got = await ask(client, {
      'latchkey-client': 'forged',
      latchkey_roles: 'forged',
      'x-forwarded-for': 'forged',
      te: 'trailers',
      'x-own': ['1', '2'],
    })
    expect([got.status, got.body, got.header('x-path')]).toEqual([200, 'from the app', '/api/x'])
    expect(got.header('latchkey-decision')).toBe('allow; reason=granted; by=guard')
    const { raw } = app.seen[0] as Seen
    expect(fieldOf(raw, 'latchkey-client')).toBe(alice.clientId)
    expect(fieldOf(raw, 'latchkey-roles')).toBe('caller')
    expect(fieldOf(raw, 'x-forwarded-for')).toBe('127.0.0.1')
    expect(raw.join('\n')).not.toContain('forged')
    expect(names(raw)).not.toContain('authorization')
    expect(names(raw).filter(name => name === 'x-own')).toHaveLength(kind === 'http1' ? 2 : 2)
    expect(fieldOf(raw, kind === 'http1' ? 'host' : ':authority')).toBe('orders')
    expect(fieldOf(raw, 'te')).toBe(kind === 'http1' ? undefined : 'trailers')

    expect((await ask(client, {}, undefined, 'a.b.c')).status).toBe(401)
    expect((await ask(client, {}, undefined, bob.token())).status).toBe(403)
    expect((await ask(client, { ':path': '/nowhere' })).status).toBe(403)
    expect((await ask(client, { ':path': '/api//x' })).status).toBe(400)
    expect((await ask(client, { ':path': '/open/x' }, undefined, 'none')).status).toBe(200)
    expect(app.seen.map(({ path }) => path)).toEqual(['/api/x', '/open/x'])
    const lines = await rig.audit(6)
    expect(lines.map(({ decision, reason, status, peer }) => [decision, reason, status, peer])).toEqual([
      ['allow', 'granted', 200, '127.0.0.1'],
      ['deny', 'invalid_token', 401, '127.0.0.1'],
      ['deny', 'not_granted', 403, '127.0.0.1'],
      ['deny', 'not_granted', 403, '127.0.0.1'],
      ['deny', 'path_malformed', 400, '127.0.0.1'],
      ['allow', 'public', 200, '127.0.0.1'],
    ])
  })

  it('answers as it likes: no body, many fields, another status', async () => {
    const app = await apps[kind]((seen, reply) => {
      const status = Number(seen.path.slice(-3))
      reply.head(status, { 'set-cookie': ['a=1', 'b=2'], 'latchkey-decision': 'deny; by=app', 'x-text': 'caf\xe9' })
      reply.end(status === 404 ? 'not here' : '')
    })
    const client = session(await guarding(app))
    const missing = await ask(client, { ':path': '/api/404' })
    expect([missing.status, missing.body]).toEqual([404, 'not here'])
    expect(missing.raw.filter(text => text === 'set-cookie')).toHaveLength(2)
    expect(missing.raw.filter(text => text === 'latchkey-decision')).toHaveLength(1)
    expect(missing.header('latchkey-decision')).toBe('allow; reason=granted; by=guard')
    expect(Buffer.from(missing.header('x-text') as string, 'latin1').toString('hex')).toBe(
      Buffer.from('caf\xe9', 'latin1').toString('hex'),
    )
    for (const status of [204, 304]) {
      expect(await ask(client, { ':path': `/api/${status}` })).toMatchObject({ status, body: '', resetWith: 0 })
    }
    expect(await ask(client, { ':path': '/api/200', ':method': 'HEAD' })).toMatchObject({ status: 200, body: '' })
  })

  it('gets bodies of all kinds whole, and so does the caller', async () => {
    const app = await apps[kind]((seen, reply) => {
      reply.head(200)
      reply.end(seen.body)
    })
    const client = session(await guarding(app))
    const large = 'abcdefghij'.repeat(200_000)
    expect((await ask(client, {}, large)).body.length).toBe(large.length)
    expect((await ask(client, { 'content-length': String(large.length) }, large)).body).toBe(large)
    expect((await ask(client, { 'content-length': '0' }, '')).status).toBe(200)
    expect((await ask(client, { ':method': 'POST' }, '')).status).toBe(200)
    expect(app.seen.map(({ body }) => body.length)).toEqual([large.length, large.length, 0, 0])
  })

  it('serves a hundred streams of one connection at once', async () => {
    const app = await apps[kind]((seen, reply) => {
      reply.head(200)
      setTimeout(() => reply.end(seen.path), 10)
    })
    const client = session(await guarding(app))
    const paths = Array.from({ length: 100 }, (_, at) => `/api/${at}`)
    const got = await Promise.all(paths.map(path => ask(client, { ':path': path })))
    expect(got.map(({ body }) => body)).toEqual(paths)
  })

  it('trailers of its answer pass, but none that could undo the decision', async () => {
    const app = await apps[kind]((_seen, reply) => {
      reply.head(200, kind === 'http1' ? { trailer: 'grpc-status' } : {})
      reply.write('body')
      reply.end('', { 'grpc-status': '0', 'grpc-message': 'fine', 'latchkey-decision': 'deny', 'set-cookie': 'a=1' })
    })
    const got = await ask(session(await guarding(app)))
    expect(got.trailers).toEqual(['grpc-status', '0', 'grpc-message', 'fine'])
  })

  it('is asked for the body only after the call was allowed', async () => {
    const app = await apps[kind]()
    const client = session(await guarding(app))
    const stream = client.request({
      ':path': '/api/x',
      ':method': 'POST',
      expect: '100-Continue',
      authorization: `Bearer ${alice.token()}`,
    })
    const outcome = outcomeOf(stream)
    await new Promise<void>(resolve => stream.once('continue', resolve))
    stream.end('abc')
    expect((await outcome).status).toBe(200)
    expect(app.seen[0]).toMatchObject({ body: 'abc' })
    expect(names(app.seen[0]?.raw ?? [])).not.toContain('expect')
  })
})

describe('trailers of a request', () => {
  const withTrailers = async (app: TestApp, trailers: Record<string, string>): Promise<Got> => {
    const client = session(await guarding(app))
    const stream = client.request(
      { ':path': '/api/x', ':method': 'POST', authorization: `Bearer ${alice.token()}` },
      { waitForTrailers: true },
    )
    stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    const outcome = outcomeOf(stream)
    stream.end('abc')
    return outcome
  }
  const sent = { 'x-checksum': '1', authorization: 'Bearer evil', 'latchkey-client': 'evil', 'x-forwarded-for': 'evil' }
  it('pass to an app that speaks HTTP/2, but none that vouches for anything', async () => {
    const app = await h2cApp()
    expect((await withTrailers(app, sent)).status).toBe(200)
    expect(app.seen[0]).toMatchObject({ body: 'abc', trailers: ['x-checksum', '1'] })
  })
  it('end here before one that speaks HTTP/1', async () => {
    const app = await http1App()
    expect((await withTrailers(app, sent)).status).toBe(200)
    expect(app.seen[0]).toMatchObject({ body: 'abc', trailers: [] })
  })
})

it('P32 with keepCredential: Jwt the token goes on over HTTP/2 too', async () => {
  const app = await h2cApp()
  const rig = await guarding(app, { rows: rowsOf({ service: { keepCredential: 'Jwt' } }) })
  const token = alice.token()
  await ask(session(rig), {}, undefined, token)
  expect(fieldOf(app.seen[0]?.raw ?? [], 'authorization')).toBe(`Bearer ${token}`)
})

it('both protocols are served on the one port, and HTTP/1 as before', async () => {
  const app = await http1App()
  const rig = await guarding(app)
  const raw = await openRaw(rig.port)
  const head = `GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${alice.token()}\r\n\r\n`
  raw.send(head)
  const client = session(rig)
  expect([(await raw.answer()).status, (await ask(client)).status]).toEqual([200, 200])
  raw.send(`POST /api/x HTTP/1.1\r\nHost: orders\r\nContent-Length: 0\r\n\r\n`)
  expect((await raw.answer('POST')).status).toBe(401)
  raw.socket.destroy()
  expect((await rig.metrics()).match(/decisions_total\{decision="allow",reason="granted"\} (\d+)/)?.[1]).toBe('2')
})

it('J25 what is taken away is refused on the next stream of an open connection', async () => {
  const app = await h2cApp()
  const rig = await guarding(app)
  const client = session(rig)
  const token = alice.token()
  expect((await ask(client, {}, undefined, token)).status).toBe(200)
  rig.apply(rowsOf({ alice: { keys: [{ ...alice.key, revoked: true }] } }))
  const got = await ask(client, {}, undefined, token)
  expect([got.status, JSON.parse(got.body).code]).toEqual([401, 'key_revoked'])
})
