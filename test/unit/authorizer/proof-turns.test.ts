import { describe, expect, it } from 'vitest'
import type { AskedOfProxy } from '../../../authorizer/asked.ts'
import { grpcAnswer } from '../../../authorizer/grpc/answer-grpc.ts'
import { httpAnswer } from '../../../authorizer/http/answer-http.ts'
import { type CheckRequest, createJudge, type Outcome } from '../../../authorizer/judge.ts'
import type { Unproved } from '../../../authorizer/peers/proof-line.ts'
import { createServedService } from '../../../authorizer/served-service.ts'
import { sliceHash } from '../../../core/rows/hash.ts'
import type { Row } from '../../../core/rows/rows.ts'
import { createPolicy } from '../../../enforce/policy/policy.ts'
import { createSlice } from '../../../enforce/policy/slice.ts'
import type { Audit } from '../../../enforce/report/audit.ts'
import { systemClock } from '../../../platform/clock.ts'
import { alice, bob, rowsOf, service } from '../../guard/policy-rows.ts'
import { openRaw, sendRaw } from '../../guard/raw-socket.ts'
import { createQuietLog } from '../platform/quiet-log.ts'
import { checkOf, openGrpc } from './grpc-client.ts'
import { peers, secretOf, startAuthorizer } from './rig.ts'

/** A judge whose line stands still: what waits in it is let go by the test. */
function start(rows: readonly Row[] = rowsOf()) {
  const clock = systemClock
  const { log } = createQuietLog()
  const policy = createPolicy(clock)
  createSlice(policy).take({ full: { rows }, seen: { apiclients: '1' }, hash: sliceHash(rows) })
  const lines: Record<string, unknown>[] = []
  const audit = { record: (line: object) => lines.push({ ...line }), isBlocked: () => false } as unknown as Audit
  const counts = { decided() {}, wouldDeny() {}, wouldDenyCount: () => 0, connected() {} }
  const served = createServedService({ name: service, policy, audit, counts, clock })
  const waiting: (Unproved & { peer: string; caller: string })[] = []
  const judge = createJudge({
    services: new Map([[service, served]]),
    stray: served.reporter,
    proofs: { take: (peer, callerOf, unproved) => void waiting.push({ peer, caller: callerOf(), ...unproved }) },
    ...{ clock, log },
  })
  const ask = async (token: string, of: Partial<CheckRequest> = {}): Promise<Outcome | undefined> => {
    const asked: AskedOfProxy = {
      ...{ method: 'GET', target: '/api/x', authorization: `Bearer ${token}`, names: [], values: [] },
      ...{ requestId: undefined, reserved: [] },
    }
    return judge.judge({ peer: peers[0], service, asked: () => asked, address: '10.0.0.1', isGone: () => false, ...of })
  }
  return { ask, waiting, lines }
}
const passes = async (outcome: Promise<Outcome | undefined>) => (await outcome)?.pass

describe('a check with a token that was not seen before', () => {
  it('waits for its turn, is answered then and recorded once; the same token never waits again', async () => {
    const { ask, waiting, lines } = start()
    const token = alice.token()
    const first = ask(token)
    expect([waiting.length, lines.length]).toEqual([1, 0])
    waiting[0]?.prove()
    expect(await passes(first)).toBe(true)
    expect(await passes(ask(token))).toBe(true)
    expect([waiting.length, lines.length]).toEqual([1, 2])
  })
  it('S06 is denied with 503 beyond the bound, in each form, and recorded once', async () => {
    const { ask, waiting, lines } = start(rowsOf({ service: { mode: 'Audit' } }))
    const denied = ask(alice.token())
    waiting[0]?.refuse()
    const outcome = (await denied) as Outcome
    const { httpResponse, status } = grpcAnswer(outcome)
    expect([status?.code, httpResponse.case]).toEqual([14, 'deniedResponse'])
    expect(httpResponse.value).toMatchObject({ status: { code: 503 } })
    expect(JSON.parse((httpResponse.value as { body: string }).body)).toMatchObject({ status: 503, code: 'overloaded' })
    expect(httpAnswer(outcome, 'HAProxy')).toMatchObject({
      status: 503,
      headers: expect.arrayContaining(['Retry-After']),
    })
    const told = ['Latchkey-Status', '503', 'Latchkey-Decision', 'deny; reason=overloaded; by=guard']
    expect(httpAnswer(outcome, 'Nginx')).toMatchObject({ status: 403, headers: expect.arrayContaining(told) })
    expect(lines).toMatchObject([{ decision: 'deny', reason: 'overloaded', status: 503, proxy: 'envoy' }])
  })
  it.each(['prove', 'refuse'] as const)(
    'whose asker has gone meanwhile costs no decision and no line: %s',
    async fate => {
      const { ask, waiting, lines } = start()
      let isGone = false
      const answer = ask(alice.token(), { isGone: () => isGone })
      isGone = true
      waiting[0]?.[fate]()
      expect(await answer).toBeUndefined()
      expect(lines).toEqual([])
    },
  )
  it('waits with its proxy, by the address that the proxy tells, else by the client that the token names', () => {
    const { ask, waiting } = start()
    void ask(alice.token(), { caller: '203.0.113.9' })
    void ask(alice.token(), { caller: '2001:db8::1', peer: peers[1] })
    void ask(alice.token())
    void ask(bob.token())
    for (const token of [alice.token({ iss: 'https://nobody.test' }), 'a.b.c', 'x']) void ask(token)
    expect(waiting.map(({ peer, caller }) => [peer, caller])).toEqual([
      ['envoy', '203.0.113.9'],
      ['nginx', '2001:db8:0:0::/64'],
      ['envoy', alice.row.issuer],
      ['envoy', bob.row.issuer],
      ...Array(3).fill(['envoy', '']),
    ])
  })
})

describe('an authorizer whose askers leave in the middle', () => {
  it('goes on as if they had never been', async () => {
    const rig = await startAuthorizer()
    const proof = `X-Original-Method: GET\r\nX-Original-URI: /api/x\r\nLatchkey-Peer-Secret: ${secretOf('haproxy')}`
    const check = (): string =>
      `GET /check/shop/orders HTTP/1.1\r\nHost: a\r\n${proof}\r\nAuthorization: Bearer ${alice.token()}\r\n\r\n`
    for (let i = 0; i < 20; i++) {
      const { socket, send } = await openRaw(rig.http)
      send(check().repeat(10))
      setTimeout(() => socket.destroy(), i % 5)
      const client = openGrpc(`http://127.0.0.1:${rig.grpc}`)
      const of = { target: '/api/x', headers: { authorization: `Bearer ${alice.token()}` } }
      for (let at = 0; at < 20; at++) {
        client.check(checkOf(of), { 'latchkey-peer-secret': secretOf('envoy') }).catch(() => {})
      }
      setTimeout(client.close, i % 7)
    }
    expect((await sendRaw(rig.http, check())).status).toBe(200)
    await rig.close()
  })
})
