import { status } from '@grpc/grpc-js'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { GrantRow, Row } from '../../core/rows/rows.ts'
import { guardForAll } from '../builders/guard.ts'
import { grpcForEach } from './grpc-rig.ts'
import { apps, ask as askHttp2, cleanUp, guarding, session } from './http2-rig.ts'
import { alice, bob, grant, rowsOf } from './policy-rows.ts'
import { sendRaw } from './raw-socket.ts'

// What a plan promises, at every way into a guard. How calls are counted: test/unit/enforce/limit-counts.test.ts.

const guarded = guardForAll()
const limit = { requests: 2, perSeconds: 60 }
/** Counts outlive policies: each test has a grant of its own. */
let names = 0
const limited = (changes: Parameters<typeof rowsOf>[0] = {}, more: Partial<GrantRow> = {}): readonly Row[] =>
  rowsOf({ ...changes, grant: { name: `plan-${++names}`, limit, ...more } })

const ask = (target = '/api/things', who = alice, fields = '') =>
  sendRaw(
    guarded.rig.port,
    `GET ${target} HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${who.token()}\r\n${fields}\r\n`,
  )

describe('a plan over HTTP/1.1', () => {
  it('lets so many calls pass, and tells the next one when to come back', async () => {
    guarded.rig.apply(limited())
    const before = (await guarded.rig.audit(0)).length
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 200])
    const answer = await ask()
    expect(answer.status).toBe(429)
    const [wait = ''] = answer.headers['retry-after'] ?? []
    expect(Number(wait)).toBeGreaterThan(0)
    expect(Number(wait)).toBeLessThanOrEqual(63)
    expect(answer.headers).toMatchObject({
      'ratelimit-policy': ['"grant";q=2;w=60'],
      ratelimit: [`"grant";r=0;t=${wait}`],
      'latchkey-decision': ['deny; reason=limit_exceeded; by=guard'],
      'cache-control': ['no-store'],
    })
    expect(answer.headers).not.toHaveProperty('www-authenticate')
    expect(JSON.parse(answer.body)).toMatchObject({
      type: 'https://latchkey.dev/problems/limit_exceeded',
      status: 429,
      code: 'limit_exceeded',
      detail: `The grant lets this client call 2 times in 60 s at each guard. Try again in ${wait} s.`,
    })
    expect(guarded.app.seen).toHaveLength(2)
    expect((await guarded.rig.audit(before + 3)).at(-1)).toMatchObject({
      decision: 'deny',
      reason: 'limit_exceeded',
      status: 429,
      grant: `plan-${names}`,
      clientId: alice.clientId,
    })
    const metrics = await guarded.rig.metrics()
    expect(metrics).toContain('latchkey_guard_decisions_total{decision="deny",reason="limit_exceeded"} 1')
    expect(metrics).toContain('latchkey_guard_limit_counts 1')
  })

  it('lets the same call pass when that time has come, and not before', async () => {
    guarded.rig.apply(limited())
    await ask()
    await ask()
    const wait = Number((await ask()).headers['retry-after']?.[0])
    guarded.rig.clock.step(wait * 1_000)
    expect((await ask()).status).toBe(200)
  })

  it('counts for each client alone, and on through changes of policy', async () => {
    const rows = limited({}, { clients: [alice.clientId, bob.clientId] })
    guarded.rig.apply(rows)
    await ask()
    await ask()
    guarded.rig.apply(rows.map(row => (row.type === 'service' ? { ...row, maxStalenessSeconds: 7_200 } : row)))
    expect([(await ask()).status, (await ask('/api/things', bob)).status]).toEqual([429, 200])
  })

  it('counts neither public paths nor what is denied for something else', async () => {
    guarded.rig.apply(limited())
    for (let at = 0; at < 3; at++) expect((await ask('/open/x')).status).toBe(200)
    for (let at = 0; at < 3; at++) expect((await ask('/not/granted')).status).toBe(403)
    expect([(await ask()).status, (await ask()).status, (await ask()).status]).toEqual([200, 200, 429])
    expect((await ask('/open/x')).status).toBe(200)
  })

  it('gives way to another grant that allows', async () => {
    guarded.rig.apply([...limited(), { ...grant, name: 'without-a-limit' }])
    for (let at = 0; at < 4; at++) expect((await ask()).status).toBe(200)
  })

  it('in audit mode lets through and says what would have been', async () => {
    guarded.rig.apply(limited({ service: { mode: 'Audit' } }))
    await ask()
    await ask()
    const answer = await ask()
    expect(answer.status).toBe(200)
    expect(answer.headers['latchkey-decision']).toEqual(['allow; reason=limit_exceeded; mode=audit; by=guard'])
    expect(answer.headers).not.toHaveProperty('ratelimit')
    expect(guarded.app.seen.at(-1)?.header('Latchkey-Client')).toBe(alice.clientId)
  })

  it('counts a WebSocket once, when it opens, and refuses the next with 429', async () => {
    guarded.rig.apply(limited({}, { limit: { requests: 1, perSeconds: 60 } }))
    await ask()
    const refused = await new Promise<number | undefined>((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${guarded.rig.port}/api/socket`, {
        headers: { authorization: `Bearer ${alice.token()}` },
      })
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode))
      socket.on('open', () => reject(new Error('it opened')))
      socket.on('error', reject)
    })
    expect(refused).toBe(429)
  })
})

describe('a plan over HTTP/2', () => {
  afterEach(cleanUp)

  it('is the same one: calls of one connection count together', async () => {
    const app = await apps.http1()
    const rig = await guarding(app)
    rig.apply(limited())
    const client = session(rig)
    const all = await Promise.all([1, 2, 3, 4].map(() => askHttp2(client, {})))
    expect(all.map(({ status: code }) => code).sort()).toEqual([200, 200, 429, 429])
    const denied = all.find(({ status: code }) => code === 429)
    expect(denied?.header('ratelimit-policy')).toBe('"grant";q=2;w=60')
    expect(denied?.header('retry-after')).toMatch(/^\d+$/)
  })
})

describe('a plan over gRPC', () => {
  const grpc = grpcForEach()

  it('ends what is too much as RESOURCE_EXHAUSTED, with when to come back', async () => {
    grpc.rig.apply(limited())
    expect((await grpc.unary('echo')).code).toBe(status.OK)
    expect((await grpc.unary('echo')).code).toBe(status.OK)
    const refused = await grpc.unary('echo')
    expect([refused.code, refused.details]).toEqual([status.RESOURCE_EXHAUSTED, 'limit_exceeded'])
    expect(refused.metadata?.get('retry-after')[0]).toMatch(/^\d+$/)
    expect(refused.metadata?.get('ratelimit')[0]).toMatch(/^"grant";r=0;t=\d+$/)
    expect(grpc.app.metadata).toHaveLength(2)
  })
})
