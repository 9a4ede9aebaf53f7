import { createServer as createHttp1 } from 'node:http'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer as createHttp2,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { type AddressInfo, createServer as createTcp } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { block, flags, frame, number, openFrames, types } from './http2-frames.ts'
import { alice, bob, rowsOf } from './policy-rows.ts'
import { openRaw } from './raw-socket.ts'
import { listen, type Rig, startGuard } from './rig.ts'

// HTTP/2 by a real client, node:http2, to apps of both kinds.

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})
const until = async (holds: () => boolean): Promise<void> => {
  for (let tries = 0; tries < 400 && !holds(); tries++) await new Promise(resolve => setTimeout(resolve, 5))
  expect(holds()).toBe(true)
}

/** A request as an app saw it, whichever protocol it speaks. */
interface Seen {
  readonly method: string
  readonly path: string
  readonly raw: readonly string[]
  body: string
  ended: boolean
  broken: boolean
  /** Whether the one who asked has gone. */
  gone: boolean
  trailers: readonly string[]
}
interface Reply {
  head(status: number, fields?: Record<string, string | string[]>): void
  write(bytes: Buffer | string): boolean
  end(bytes?: Buffer | string, trailers?: Record<string, string>): void
  break(code?: number): void
}
type Answering = (seen: Seen, reply: Reply) => void
interface TestApp {
  readonly port: number
  readonly protocol: 'http1' | 'h2c'
  readonly seen: Seen[]
}
const plain: Answering = (seen, reply) => {
  reply.head(200, { 'x-path': seen.path })
  reply.end('from the app')
}

/** @param early answers before the body has come */
async function http1App(answering: Answering = plain, early = false): Promise<TestApp> {
  const seen: Seen[] = []
  const server = createHttp1((request, response) => {
    const { method = '', url = '', rawHeaders } = request
    const one: Seen = {
      method,
      path: url,
      raw: rawHeaders,
      body: '',
      ended: false,
      broken: false,
      gone: false,
      trailers: [],
    }
    seen.push(one)
    let trailing: Record<string, string> = {}
    const reply: Reply = {
      head: (status, fields = {}) => void response.writeHead(status, fields),
      write: bytes => response.write(bytes),
      end(bytes = '', trailers = {}) {
        trailing = trailers
        response.addTrailers(trailing)
        response.end(bytes)
      },
      break: () => request.socket.destroy(),
    }
    request.on('data', chunk => (one.body += chunk))
    request.on('error', () => {
      one.broken = true
    })
    response.on('close', () => {
      one.gone = true
    })
    request.on('end', () => {
      one.ended = true
      if (!early) answering(one, reply)
    })
    if (early) answering(one, reply)
  })
  const app = await listen(server)
  cleanups.push(app.close)
  return { port: app.port, protocol: 'http1', seen }
}

async function h2cApp(answering: Answering = plain, early = false): Promise<TestApp> {
  const seen: Seen[] = []
  const server = createHttp2()
  const sessions = new Set<{ destroy(): void }>()
  server.on('session', session => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream: ServerHttp2Stream, headers, _flags, raw: string[]) => {
    const one: Seen = {
      method: String(headers[':method']),
      path: String(headers[':path']),
      raw,
      body: '',
      ended: false,
      broken: false,
      gone: false,
      trailers: [],
    }
    seen.push(one)
    let trailing: Record<string, string> = {}
    const reply: Reply = {
      head: (status, fields = {}) => stream.respond({ ':status': status, ...fields }, { waitForTrailers: true }),
      write: bytes => stream.write(bytes),
      end(bytes = '', trailers = {}) {
        trailing = trailers
        stream.end(bytes)
      },
      break: (code = constants.NGHTTP2_INTERNAL_ERROR) => stream.close(code),
    }
    stream.on('wantTrailers', () => stream.sendTrailers(trailing))
    stream.on('error', () => {})
    stream.on('aborted', () => {
      one.broken = true
    })
    stream.on('close', () => {
      one.gone = true
    })
    stream.on('trailers', (_trailers, _trailerFlags, flat) => {
      one.trailers = flat
    })
    stream.on('data', chunk => (one.body += chunk))
    stream.on('end', () => {
      one.ended = !stream.aborted
      if (!early && one.ended) answering(one, reply)
    })
    if (early) answering(one, reply)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, protocol: 'h2c', seen }
}
const apps = { http1: http1App, h2c: h2cApp }

async function guarding(
  app: Pick<TestApp, 'port' | 'protocol'>,
  options: Parameters<typeof startGuard>[1] = {},
): Promise<Rig> {
  const rig = await startGuard(app.port, { upstreamProtocol: app.protocol, ...options })
  cleanups.push(rig.close)
  return rig
}

function session(rig: Rig): ClientHttp2Session {
  const client = connect(`http://127.0.0.1:${rig.port}`)
  client.on('error', () => {})
  cleanups.push(() => client.destroy())
  return client
}

interface Got {
  readonly status: number
  readonly raw: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
  readonly resetWith: number
  header(name: string): string | undefined
}

function outcomeOf(stream: ClientHttp2Stream): Promise<Got> {
  return new Promise(resolve => {
    let raw: readonly string[] = []
    let trailers: readonly string[] = []
    let body = ''
    stream.on('response', (_headers, _flags, flat) => (raw = flat))
    stream.on('trailers', (_headers, _flags, flat) => (trailers = flat))
    stream.on('data', chunk => (body += chunk))
    stream.on('error', () => {})
    const header = (name: string): string | undefined => raw[raw.indexOf(name) + 1]
    stream.on('close', () =>
      resolve({
        status: Number(header(':status')),
        raw,
        body,
        trailers,
        resetWith: stream.rstCode,
        header: name => (raw.includes(name) ? header(name) : undefined),
      }),
    )
  })
}

function ask(
  client: ClientHttp2Session,
  fields: Record<string, string | string[]> = {},
  body?: string | Buffer,
  token: string | undefined = alice.token(),
): Promise<Got> {
  const stream = client.request({
    ':path': '/api/x',
    ':authority': 'orders',
    ...(body !== undefined && { ':method': 'POST' }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...fields,
  })
  const outcome = outcomeOf(stream)
  stream.end(body)
  return outcome
}
const names = (raw: readonly string[]): string[] => raw.filter((_, at) => at % 2 === 0).map(name => name.toLowerCase())
const fieldOf = (raw: readonly string[], name: string): string | undefined => raw[names(raw).indexOf(name) * 2 + 1]

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

  it('is not asked twice, and the caller is told, when it breaks off before its answer', async () => {
    const app = await apps[kind]((_seen, reply) => reply.break())
    const rig = await guarding(app)
    const got = await ask(session(rig))
    expect([got.status, JSON.parse(got.body).code]).toEqual([502, 'upstream_invalid'])
    expect(got.header('latchkey-decision')).toBe('allow; reason=granted; error=upstream_invalid; by=guard')
    expect(app.seen).toHaveLength(1)
    expect((await rig.audit())[0]).toMatchObject({ decision: 'allow', status: 502 })
  })
  it('breaks off in the middle of its answer: so does the stream', async () => {
    const app = await apps[kind]((_seen, reply) => {
      reply.head(200)
      reply.write('half')
      setTimeout(() => reply.break(), 30)
    })
    const got = await ask(session(await guarding(app)))
    expect([got.status, got.body]).toEqual([200, 'half'])
    expect(got.resetWith).toBe(constants.NGHTTP2_INTERNAL_ERROR)
  })
  it('is away: 502 by the guard', async () => {
    const rig = await guarding({ port: 1, protocol: kind })
    const got = await ask(session(rig))
    expect([got.status, JSON.parse(got.body).code]).toEqual([502, 'upstream_unreachable'])
    expect((await rig.audit())[0]).toMatchObject({ decision: 'allow', status: 502 })
  })
  it('is slow: 504 by the guard', async () => {
    const app = await apps[kind](() => {})
    const got = await ask(session(await guarding(app, { upstreamTimeoutMs: 150 })))
    expect([got.status, JSON.parse(got.body).code]).toEqual([504, 'upstream_timeout'])
  })
  it('speaks something else: 502 by the guard', async () => {
    const server = createTcp(socket => socket.once('data', () => socket.end('SSH-2.0-OpenSSH\r\n')))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => server.close())
    const { port } = server.address() as AddressInfo
    const got = await ask(session(await guarding({ port, protocol: kind })))
    expect([got.status, JSON.parse(got.body).code]).toEqual([502, 'upstream_invalid'])
  })
  it('may answer before the body of the request has ended', async () => {
    const app = await apps[kind]((_seen, reply) => {
      reply.head(413)
      reply.end('too large')
    }, true)
    const client = session(await guarding(app))
    const stream = client.request({ ':path': '/api/x', ':method': 'POST', authorization: `Bearer ${alice.token()}` })
    const outcome = outcomeOf(stream)
    stream.write('abc')
    expect(await outcome).toMatchObject({ status: 413, body: 'too large' })
  })

  it.each([
    ['CANCEL', constants.NGHTTP2_CANCEL],
    ['NO_ERROR', constants.NGHTTP2_NO_ERROR],
    ['INTERNAL_ERROR', constants.NGHTTP2_INTERNAL_ERROR],
  ])('sees a break, not a shorter body, when the caller resets its stream with %s', async (_name, code) => {
    const app = await apps[kind]()
    const rig = await guarding(app)
    // By frames: node:http2 ends its side before it resets.
    const connection = await openFrames(rig.port)
    cleanups.push(() => connection.socket.destroy())
    for (const [at, length] of [[], [['content-length', '100']] as const].entries()) {
      const stream = at * 2 + 1
      const fields = [
        [':method', 'POST'],
        [':scheme', 'http'],
        [':authority', 'orders'],
        [':path', '/api/x'],
        ['authorization', `Bearer ${alice.token()}`],
        ...length,
      ] as const
      connection.send(frame(types.headers, flags.endHeaders, stream, block(fields)))
      connection.send(frame(types.data, 0, stream, Buffer.from('abc')))
      await until(() => app.seen[at]?.body === 'abc')
      connection.send(frame(types.reset, 0, stream, number(code)))
      await until(() => app.seen[at]?.broken === true)
      expect(app.seen[at]?.ended).toBe(false)
    }
    expect((await ask(session(rig))).status).toBe(200)
    const lines = await rig.audit(3)
    expect(lines.map(({ decision, status }) => [decision, status])).toEqual([
      ['allow', undefined],
      ['allow', undefined],
      ['allow', 200],
    ])
  })
  it('is told when the caller goes while it waits for the answer', async () => {
    const app = await apps[kind]((_seen, reply) => {
      reply.head(200)
      reply.write('begun')
    })
    const client = session(await guarding(app))
    const stream = client.request({ ':path': '/api/x', authorization: `Bearer ${alice.token()}` })
    stream.on('error', () => {})
    await new Promise(resolve => stream.once('data', resolve))
    expect(app.seen[0]?.gone).toBe(false)
    client.destroy()
    await until(() => app.seen[0]?.gone === true)
  })

  it('lets a caller take its time, and is not read faster than it reads', async () => {
    let written = 0
    let stalled = false
    const app = await apps[kind]((_seen, reply) => {
      reply.head(200)
      const chunk = Buffer.alloc(65_536)
      const fill = (): void => {
        while (written < 512 * 1_048_576) {
          written += chunk.length
          if (!reply.write(chunk)) {
            stalled = true
            return
          }
        }
      }
      fill()
    })
    const rig = await guarding(app)
    const client = session(rig)
    const stream = client.request({ ':path': '/api/x', authorization: `Bearer ${alice.token()}` })
    stream.on('error', () => {})
    await new Promise(resolve => stream.once('response', resolve))
    stream.pause()
    await until(() => stalled)
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(written).toBeLessThan(16 * 1_048_576)
    // Other streams of the same connection go on.
    expect((await ask(client, { ':path': '/nowhere' })).status).toBe(403)
    stream.close(constants.NGHTTP2_CANCEL)
  })
  it('X04 loses a caller that does not read its answer', async () => {
    const app = await apps[kind]((_seen, reply) => {
      reply.head(200)
      reply.write(Buffer.alloc(8 * 1_048_576))
    })
    const client = session(await guarding(app, { unreadMs: 100 }))
    const stream = client.request({ ':path': '/api/x', authorization: `Bearer ${alice.token()}` })
    stream.on('error', () => {})
    const closed = new Promise(resolve => stream.once('close', resolve))
    await new Promise(resolve => stream.once('response', resolve))
    stream.pause()
    await closed
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL)
  })
  it('is asked for the body only after the call was allowed', async () => {
    const app = await apps[kind]()
    const client = session(await guarding(app))
    const stream = client.request({
      ':path': '/api/x',
      ':method': 'POST',
      expect: '100-continue',
      authorization: `Bearer ${alice.token()}`,
    })
    const outcome = outcomeOf(stream)
    await new Promise<void>(resolve => stream.once('continue', resolve))
    stream.end('abc')
    expect((await outcome).status).toBe(200)
    expect(app.seen[0]).toMatchObject({ body: 'abc' })
    expect(names(app.seen[0]?.raw ?? [])).not.toContain('expect')
  })

  it('finishes what runs when the guard stops, and callers are sent elsewhere', async () => {
    let finish: () => void = () => {}
    const app = await apps[kind]((seen, reply) => {
      if (seen.path !== '/api/slow') return plain(seen, reply)
      reply.head(200)
      reply.write('begun ')
      finish = () => reply.end('and ended')
    })
    const rig = await guarding(app)
    const client = session(rig)
    const goaways: number[] = []
    client.on('goaway', code => goaways.push(code))
    const slow = ask(client, { ':path': '/api/slow' })
    await until(() => app.seen.length === 1)
    rig.guard.announceStop()
    await until(() => goaways.length >= 1)
    // A caller that has not heard of it yet is served all the same.
    const other = session(rig)
    expect((await ask(other)).status).toBe(200)
    let drained = false
    const draining = rig.guard.drain(0, 3_000).then(() => {
      drained = true
    })
    await new Promise(resolve => setTimeout(resolve, 60))
    expect(drained).toBe(false)
    finish()
    expect(await slow).toMatchObject({ status: 200, body: 'begun and ended', resetWith: 0 })
    await draining
    expect(new Set(goaways)).toEqual(new Set([constants.NGHTTP2_NO_ERROR]))
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

it('an app that sends its connections away finishes what runs on them, and the next call gets another one', async () => {
  const server = createHttp2()
  const opened: ServerHttp2Session[] = []
  server.on('session', one => opened.push(one))
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {})
    stream.respond({ ':status': 200 })
    if (headers[':path'] !== '/api/slow') return void stream.end('quick')
    stream.write('begun ')
    stream.session?.goaway()
    setTimeout(() => stream.end('and ended'), 60)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    for (const one of opened) one.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const client = session(await guarding({ port, protocol: 'h2c' }))
  const slow = ask(client, { ':path': '/api/slow' })
  await until(() => opened.length === 1)
  await new Promise(resolve => setTimeout(resolve, 30))
  expect(await ask(client)).toMatchObject({ status: 200, body: 'quick' })
  expect(await slow).toMatchObject({ status: 200, body: 'begun and ended' })
  expect(opened).toHaveLength(2)
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
