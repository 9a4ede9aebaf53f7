import { describe, expect, it } from 'vitest'
import { type Reason, reasons } from '../../core/base/reasons.ts'
import type { Row } from '../../core/rows/rows.ts'
import { guardForAll } from '../builders/guard.ts'
import { accessToken, tokenRows } from './access-token-rows.ts'
import { podRows, podToken } from './pod-rows.ts'
import { alice, bob, grant, nowSeconds, reader, rowsOf, serviceRow } from './policy-rows.ts'
import { sendRaw } from './raw-socket.ts'
import { startGuard } from './rig.ts'

const guarded = guardForAll()

interface Case {
  readonly rows?: readonly Row[]
  readonly target?: string
  readonly authorization?: string
  readonly fields?: string
  /** Days that pass after the policy came. */
  readonly days?: number
}
const day = 86_400_000
const routes = [{ name: 'things', path: '/api/things', methods: ['GET'], variants: 'Refuse' as const }]

/** Each reason, and how a caller gets it. policy_missing has a guard of its own below, those of `elsewhere` files. */
type Elsewhere = 'audit_unavailable' | 'overloaded' | 'limit_exceeded'
/** Of proxies that ask an authorizer. */
type OfProxies = 'peer_unknown' | 'service_unknown'
const cases: Record<Exclude<Reason, OfProxies | 'policy_missing' | Elsewhere>, Case> = {
  granted: {},
  public: { target: '/open/x', authorization: '' },
  request_malformed: { fields: 'Content-Type: a/b\r\nContent-Type: a/c\r\n' },
  path_malformed: { target: '/api/../x' },
  credential_ambiguous: { authorization: 'Bearer a, Bearer b' },
  credential_missing: { authorization: '' },
  credential_unsupported: { authorization: 'Basic YTpi' },
  invalid_token: { authorization: 'Bearer a.b.c' },
  typ_invalid: { authorization: `Bearer ${alice.token({}, { typ: 'JWT' })}` },
  claim_missing: { authorization: `Bearer ${alice.token({ jti: undefined })}` },
  sub_invalid: { authorization: `Bearer ${alice.token({ sub: 'sc_bob' })}` },
  client_id_invalid: { authorization: `Bearer ${alice.token({ client_id: 'sc_bob' })}` },
  aud_invalid: { authorization: `Bearer ${alice.token({ aud: [] })}` },
  iat_invalid: { authorization: `Bearer ${alice.token({ iat: nowSeconds() - 0.5 })}` },
  exp_invalid: { authorization: `Bearer ${alice.token({ exp: `${nowSeconds() + 60}` })}` },
  nbf_invalid: { authorization: `Bearer ${alice.token({ nbf: nowSeconds() + 0.5 })}` },
  jti_invalid: { authorization: `Bearer ${alice.token({ jti: '' })}` },
  lifetime_invalid: { authorization: `Bearer ${alice.token({ exp: nowSeconds() + 2_000 })}` },
  token_not_yet_valid: { authorization: `Bearer ${alice.token({ nbf: nowSeconds() + 300 })}` },
  token_predates_key: { rows: rowsOf({ alice: { createdAt: nowSeconds() + 300 } }) },
  pod_unknown: { rows: podRows([]), authorization: `Bearer ${podToken()}` },
  token_expired: { authorization: `Bearer ${alice.token({ iat: nowSeconds() - 300, exp: nowSeconds() - 100 })}` },
  token_revoked: { rows: tokenRows({ revokedUpTo: nowSeconds() }), authorization: `Bearer ${accessToken()}` },
  key_revoked: { rows: rowsOf({ alice: { keys: [{ ...alice.key, revoked: true }] } }) },
  key_expired: { rows: rowsOf({ alice: { keys: [{ ...alice.key, notAfter: nowSeconds() - 100 }] } }) },
  client_suspended: { rows: rowsOf({ alice: { suspended: true } }) },
  wrong_audience: { authorization: `Bearer ${alice.token({ aud: 'https://other.shop.svc' })}` },
  not_granted: { authorization: `Bearer ${bob.token()}` },
  not_subscribed: { rows: tokenRows(), authorization: `Bearer ${accessToken({ sub: 'sc_x', client_id: 'sc_x' })}` },
  grant_expired: { rows: rowsOf({ grant: { expiresAt: nowSeconds() - 100 } }) },
  route_unknown: { rows: rowsOf({ service: { routes } }), target: '/api/other' },
  path_ambiguous: { rows: rowsOf({ service: { routes } }), target: '/api/Things' },
  policy_unsupported: { rows: [{ ...serviceRow(), later: true } as never, reader, grant, alice.row] },
  policy_stale: { days: 2, target: '/open/x', authorization: '' },
}

async function ask(of: Case, port = guarded.rig.port): ReturnType<typeof sendRaw> {
  const { target = '/api/things', fields = '', authorization = `Bearer ${alice.token()}` } = of
  const credential = authorization === '' ? '' : `Authorization: ${authorization}\r\n`
  return sendRaw(port, `GET ${target} HTTP/1.1\r\nHost: orders\r\n${credential}${fields}\r\n`)
}

describe('every reason', () => {
  it.each(Object.entries(cases))(
    '%s is answered with its status, and told the same in all places',
    async (reason, of) => {
      guarded.rig.apply(of.rows ?? rowsOf())
      guarded.app.seen.splice(0)
      const lines = (await guarded.rig.audit(0)).length
      guarded.rig.clock.step((of.days ?? 0) * day)
      const answer = await ask(of)
      guarded.rig.clock.step(-(of.days ?? 0) * day)
      const { status, hint } = reasons[reason as Reason]
      const outcome = status === 200 ? 'allow' : 'deny'
      expect(answer.status).toBe(status)
      expect(answer.headers['latchkey-decision']).toEqual([`${outcome}; reason=${reason}; by=guard`])
      const line = (await guarded.rig.audit(lines + 1)).at(-1)
      expect(line).toMatchObject({
        decision: outcome,
        reason,
        status,
        service: 'shop/orders',
        peer: '127.0.0.1',
        method: 'GET',
      })
      expect(await guarded.rig.metrics()).toContain(
        `latchkey_guard_decisions_total{decision="${outcome}",reason="${reason}"} 1`,
      )
      expect(guarded.app.seen.length).toBe(status === 200 ? 1 : 0)
      if (status === 200) return
      expect(answer.headers['cache-control']).toEqual(['no-store'])
      const challenged = status === 401 || status === 403 || reason === 'credential_ambiguous'
      expect(answer.headers['www-authenticate'] !== undefined).toBe(challenged)
      const problem = JSON.parse(answer.body)
      expect(problem).toMatchObject({ status, code: reason, requestId: line?.requestId })
      expect(problem.type).toBe(`https://latchkey.dev/problems/${reason}`)
      // What is wrong with a path is said more exactly.
      const detail = reason === 'path_malformed' ? 'The path holds a dot segment.' : hint
      if (reason !== 'request_malformed') expect(problem.detail).toBe(detail)
    },
  )

  it('policy_missing is answered while no snapshot came, and the guard is not ready', async () => {
    const empty = await startGuard(guarded.app.port, { rows: undefined })
    const answer = await ask({}, empty.port)
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([503, 'policy_missing'])
    const ready = await sendRaw(empty.adminPort, 'GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n')
    expect([ready.status, ready.body]).toEqual([503, 'policy_missing: no snapshot came yet\n'])
    empty.apply(rowsOf())
    expect((await sendRaw(empty.adminPort, 'GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n')).status).toBe(200)
    expect((await ask({}, empty.port)).status).toBe(200)
    await empty.close()
  })
})

describe('an answer to HEAD', () => {
  it('has the head of a denial and no body', async () => {
    guarded.rig.apply(rowsOf())
    const answer = await sendRaw(guarded.rig.port, 'HEAD /api/x HTTP/1.1\r\nHost: orders\r\n\r\n')
    expect(answer.status).toBe(401)
    expect(answer.headers['latchkey-decision']).toEqual(['deny; reason=credential_missing; by=guard'])
    expect(answer.body).toBe('')
  })
})

describe('audit mode', () => {
  const rows = (change = {}): readonly Row[] => rowsOf({ service: { mode: 'Audit', ...change } })
  it.each([
    ['without a credential', { authorization: '' }, 'credential_missing'],
    ['without a grant', { authorization: `Bearer ${bob.token()}` }, 'not_granted'],
    ['under a stale policy', { days: 2 }, 'policy_stale'],
  ])('lets a call %s through and says what it would have done', async (_what, of, reason) => {
    guarded.rig.apply(rows())
    guarded.app.seen.splice(0)
    const lines = (await guarded.rig.audit(0)).length
    guarded.rig.clock.step(('days' in of ? of.days : 0) * day)
    const answer = await ask(of)
    guarded.rig.clock.step(-('days' in of ? of.days : 0) * day)
    expect(answer.status).toBe(200)
    expect(answer.headers['latchkey-decision']).toEqual([`allow; reason=${reason}; mode=audit; by=guard`])
    expect((await guarded.rig.audit(lines + 1)).at(-1)).toMatchObject({ decision: 'allow', reason, wouldDeny: true })
    expect(await guarded.rig.metrics()).toMatch(/latchkey_guard_would_deny_total\{route=""\} [1-9]/)
    expect(guarded.app.seen).toHaveLength(1)
  })
  it('names an identity to the app only when it was not refused as such', async () => {
    guarded.rig.apply(rowsOf({ service: { mode: 'Audit' }, alice: { suspended: true } }))
    guarded.app.seen.splice(0)
    await ask({})
    expect(guarded.app.seen[0]?.header('Latchkey-Client')).toBeUndefined()
    await ask({ authorization: `Bearer ${bob.token()}` })
    expect(guarded.app.seen[1]?.header('Latchkey-Client')).toBe(bob.clientId)
  })
  it('still refuses what can be read in two ways', async () => {
    guarded.rig.apply(rows())
    for (const of of [cases.request_malformed, cases.path_malformed, cases.credential_ambiguous]) {
      expect((await ask(of)).status).toBe(400)
    }
  })
})

describe('P30 P34 F17 what the guard does not understand', () => {
  it('is denied where it touches, and not more', async () => {
    const strange = { ...grant, name: 'newer', condition: 'x' } as never
    guarded.rig.apply([serviceRow(), reader, strange, alice.row])
    expect((await ask({})).status).toBe(403)
    expect((await ask({ target: '/open/x', authorization: '' })).status).toBe(200)
  })
})
