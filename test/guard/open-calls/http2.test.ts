import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2'
import { afterEach, describe, expect, it } from 'vitest'
import { reasons } from '../../../core/base/reasons.ts'
import { type Answering, apps, cleanUp, type Got, guarding, outcomeOf, session, type TestApp } from '../http2-rig.ts'
import { alice, rowsOf } from '../policy-rows.ts'
import type { Rig } from '../rig.ts'
import { until } from '../until.ts'
import { keeps, losses, revocation, waitFor } from './losses.ts'

// What is open over HTTP/2, gRPC apart, when its caller loses the right to it; apps of both kinds.

afterEach(cleanUp)

const replies: Parameters<Answering>[1][] = []
/** An app that answers `stream` with a piece, and all else never. */
const answering: Answering = (seen, reply) => {
  replies.push(reply)
  if (!seen.path.includes('stream')) return
  reply.head(200)
  reply.write('data: 1\n\n')
}

interface Open {
  readonly rig: Rig
  readonly app: TestApp
  readonly stream: ClientHttp2Stream
  readonly outcome: Promise<Got>
  text(): string
}

async function opened(
  kind: 'http1' | 'h2c',
  path: string,
  { rows = rowsOf(), token = alice.token(), method = 'GET' } = {},
): Promise<Open> {
  replies.length = 0
  const app = await apps[kind](answering, true)
  const rig = await guarding(app, { rows })
  const stream = session(rig).request({
    ':path': path,
    ':method': method,
    ':authority': 'orders',
    authorization: `Bearer ${token}`,
  })
  let text = ''
  const outcome = outcomeOf(stream)
  stream.on('data', chunk => (text += chunk))
  if (method === 'GET') stream.end()
  await until(() => app.seen.length === 1)
  return { rig, app, stream, outcome, text: () => text }
}

describe.each(['http1', 'h2c'] as const)('J25 before an app that speaks %s, an answer that goes out', kind => {
  it.each(losses)('is reset when $name', async ({ rows, token, reason, lose }) => {
    const { rig, app, outcome, text } = await opened(kind, '/api/stream', { rows: rows(), token: token() })
    await until(() => text().includes('data: 1'))
    lose(rig)
    const got = await outcome
    expect([got.status, got.body, got.resetWith]).toEqual([200, 'data: 1\n\n', constants.NGHTTP2_CANCEL])
    await until(() => app.seen[0]?.gone === true)
    const lines = await rig.audit(2)
    expect(lines.map(line => [line.decision, line.event, line.status])).toEqual([
      ['allow', undefined, 200],
      ['deny', 'call_closed', undefined],
    ])
    expect(lines[1]?.reason).toBe(reason)
  })

  it('goes on while nothing takes the right away', async () => {
    const { rig, outcome, text } = await opened(kind, '/api/stream')
    for (const [at, change] of keeps.entries()) {
      change.happen(rig)
      await waitFor(change)
      replies[0]?.write(`event ${at}\n\n`)
      await until(() => text().includes(`event ${at}`))
    }
    replies[0]?.end('the end')
    expect(await outcome).toMatchObject({ status: 200, resetWith: constants.NGHTTP2_NO_ERROR })
    expect((await rig.audit()).map(({ event }) => event)).toEqual([undefined])
  })
})

describe.each(['http1', 'h2c'] as const)('J25 before an app that speaks %s, when its key is revoked', kind => {
  const [reason, status] = ['key_revoked', reasons.key_revoked.status]

  it('a long poll is answered why', async () => {
    const { rig, app, outcome } = await opened(kind, '/api/poll')
    revocation.lose(rig)
    const got = await outcome
    expect([got.status, JSON.parse(got.body).code, got.resetWith]).toEqual([status, reason, 0])
    expect(got.header('latchkey-decision')).toBe(`deny; reason=${reason}; by=guard`)
    await until(() => app.seen[0]?.gone === true)
    const lines = await rig.audit()
    expect(lines.map(line => [line.decision, line.reason, line.event, line.status])).toEqual([
      ['deny', reason, 'call_closed', status],
    ])
  })

  it('a body that still comes is answered 401, and no more of it reaches the app', async () => {
    const { rig, app, stream, outcome } = await opened(kind, '/api/poll', { method: 'POST' })
    stream.write('abc')
    await until(() => app.seen[0]?.body === 'abc')
    revocation.lose(rig)
    await new Promise(resolve => stream.once('response', resolve))
    stream.write('def')
    const got = await outcome
    expect([got.status, JSON.parse(got.body).code, got.resetWith]).toEqual([status, reason, 0])
    await until(() => app.seen[0]?.gone === true)
    expect([app.seen[0]?.body, app.seen[0]?.ended]).toEqual(['abc', false])
  })

  it('a body that is gathered before the app is asked is answered, and the app is not asked', async () => {
    const app = await apps[kind](answering, true)
    const rig = await guarding(app)
    const fields = { ':path': '/api/poll', ':method': 'POST', ':authority': 'orders', 'content-length': '10' }
    const stream = session(rig).request({ ...fields, authorization: `Bearer ${alice.token()}` })
    const outcome = outcomeOf(stream)
    stream.write('abc')
    await until(async () => (await rig.metrics()).includes('latchkey_guard_requests_in_flight 1'))
    revocation.lose(rig)
    expect((await outcome).status).toBe(status)
    if (kind === 'http1') expect(app.seen).toHaveLength(0)
  })

  it('a body that still comes while the app answers is cut off, and so is its answer', async () => {
    const { rig, app, stream, outcome, text } = await opened(kind, '/api/stream', { method: 'POST' })
    stream.write('abc')
    await until(() => text().includes('data: 1') && app.seen[0]?.body === 'abc')
    revocation.lose(rig)
    expect((await outcome).resetWith).toBe(constants.NGHTTP2_CANCEL)
    await until(() => app.seen[0]?.gone === true)
    expect(app.seen[0]?.ended).toBe(false)
  })

  it('a caller that reads nothing gets nothing more', async () => {
    const { rig, app, stream, outcome } = await opened(kind, '/api/stream')
    stream.pause()
    const piece = Buffer.alloc(65_536, 'x')
    for (let at = 0; at < 64; at++) replies[0]?.write(piece)
    await new Promise(resolve => setTimeout(resolve, 100))
    revocation.lose(rig)
    await until(() => app.seen[0]?.gone === true)
    stream.resume()
    expect((await outcome).resetWith).toBe(constants.NGHTTP2_CANCEL)
  })

  it('other calls on its connection go on, and its next one is refused', async () => {
    const { rig, stream, outcome } = await opened(kind, '/api/stream')
    const client = stream.session as ClientHttp2Session
    const open = client.request({ ':path': '/open/stream', ':authority': 'orders' })
    const going = outcomeOf(open)
    await until(() => replies.length === 2)
    revocation.lose(rig)
    expect((await outcome).resetWith).toBe(constants.NGHTTP2_CANCEL)
    replies[1]?.end('the end')
    expect(await going).toMatchObject({ status: 200, body: 'data: 1\n\nthe end' })
    const next = client.request({
      ':path': '/api/stream',
      ':authority': 'orders',
      authorization: `Bearer ${alice.token()}`,
    })
    expect((await outcomeOf(next)).status).toBe(status)
  })
})
