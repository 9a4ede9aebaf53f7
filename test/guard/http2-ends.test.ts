import { constants, createServer as createHttp2, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, createServer as createTcp } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { block, flags, frame, number, openFrames, types } from './http2-frames.ts'
import { apps, ask, cleanUp, cleanups, guarding, outcomeOf, plain, session } from './http2-rig.ts'
import { alice } from './policy-rows.ts'
import { until } from './until.ts'

// HTTP/2 to apps of both kinds, when one side breaks off, is slow, goes away or stops.

afterEach(cleanUp)

describe.each(['http1', 'h2c'] as const)('an app that speaks %s', kind => {
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
    for (const [at, length] of [[], [['content-length', '10000']] as const].entries()) {
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

it('X04 counts a connection of HTTP/2 for its caller while it lasts, and no longer', async () => {
  const rig = await guarding(await apps.http1(plain), { maxConnectionsPerPeer: 3 })
  for (let at = 0; at < 8; at++) {
    const client = session(rig)
    expect((await ask(client)).status).toBe(200)
    const closed = new Promise(resolve => client.once('close', resolve))
    client.close()
    await closed
  }
})
