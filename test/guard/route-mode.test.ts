import { describe, expect, it } from 'vitest'
import type { RouteRow, Row, ServiceRow } from '../../core/rows/rows.ts'
import { guardForAll } from '../builders/guard.ts'
import { alice, bob, rowsOf } from './policy-rows.ts'
import { type RawAnswer, sendRaw } from './raw-socket.ts'

const guarded = guardForAll()

const day = 86_400_000
const route = (name: string, mode?: RouteRow['mode'], change: Partial<RouteRow> = {}): RouteRow => ({
  name,
  path: `/api/${name}`,
  methods: ['GET'],
  variants: 'Refuse',
  ...(mode && { mode }),
  ...change,
})
const routes = [route('plain'), route('kept', 'Enforce'), route('learning', 'Audit')]
const withMode = (mode: ServiceRow['mode']): Row[] => rowsOf({ service: { mode, routes } })

async function ask(target: string, token: string | undefined = bob.token(), method = 'GET'): Promise<RawAnswer> {
  const credential = token === '' ? '' : `Authorization: Bearer ${token}\r\n`
  return sendRaw(guarded.rig.port, `${method} ${target} HTTP/1.1\r\nHost: orders\r\n${credential}\r\n`)
}

describe('the mode of a route', () => {
  it.each([
    ['Enforce', 'plain', 403],
    ['Enforce', 'kept', 403],
    ['Enforce', 'learning', 200],
    ['Audit', 'plain', 200],
    ['Audit', 'kept', 403],
    ['Audit', 'learning', 200],
  ] as const)('in a service in %s decides %s with %i', async (mode, name, status) => {
    guarded.rig.apply(withMode(mode))
    const lines = (await guarded.rig.audit(0)).length
    const answer = await ask(`/api/${name}`)
    expect(answer.status).toBe(status)
    const line = (await guarded.rig.audit(lines + 1)).at(-1)
    expect(line).toMatchObject({ reason: 'not_granted', route: name, decision: status === 200 ? 'allow' : 'deny' })
    expect(line?.wouldDeny).toBe(status === 200 ? true : undefined)
  })

  it('holds for calls without a credential, and under a stale policy', async () => {
    guarded.rig.apply(withMode('Audit'))
    expect((await ask('/api/kept', '')).status).toBe(401)
    expect((await ask('/api/learning', '')).status).toBe(200)
    guarded.rig.clock.step(2 * day)
    const answers = await Promise.all(['kept', 'plain'].map(name => ask(`/api/${name}`, alice.token())))
    guarded.rig.clock.step(-2 * day)
    expect(answers.map(({ status }) => status)).toEqual([503, 200])
  })

  it('is not gone around by what is nearly the route', async () => {
    guarded.rig.apply(withMode('Audit'))
    expect((await ask('/api/KEPT')).status).toBe(403)
    expect((await ask('/api/kept/')).status).toBe(403)
    expect((await ask('/api/kept', undefined, 'PURGE')).status).toBe(403)
    expect((await ask('/api/other')).status).toBe(200)
    guarded.rig.apply(rowsOf({ service: { mode: 'Audit', routes: [route('plain')] } }))
    expect((await ask('/api/PLAIN')).status).toBe(200)
  })

  it('P34 that this version does not know makes the whole service denied, as an older guard does with any mode', async () => {
    guarded.rig.apply(rowsOf({ service: { mode: 'Audit', routes: [route('plain', 'Later' as never)] } }))
    const answer = await ask('/api/plain', alice.token())
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([403, 'policy_unsupported'])
    expect((await ask('/open/x', '')).status).toBe(403)
  })

  it('counts what it lets through by route, and the routes that are told apart are bounded', async () => {
    const before = guarded.rig.wouldDenyCount()
    guarded.rig.apply(rowsOf({ service: { mode: 'Audit', routes } }))
    await ask('/api/plain')
    await ask('/api/other')
    expect(guarded.rig.wouldDenyCount()).toBe(before + 2)
    const metrics = await guarded.rig.metrics()
    expect(metrics).toMatch(/latchkey_guard_would_deny_total\{route="plain"\} [1-9]/)
    expect(metrics).toMatch(/latchkey_guard_would_deny_total\{route=""\} [1-9]/)
    for (let at = 0; at < 6; at++) {
      const many = Array.from({ length: 100 }, (_, index) => route(`r${at}-${index}`))
      guarded.rig.apply(rowsOf({ service: { mode: 'Audit', routes: many } }))
      for (const { path } of many) await ask(path)
    }
    const series = (await guarded.rig.metrics())
      .split('\n')
      .filter(line => line.startsWith('latchkey_guard_would_deny_total{'))
    expect(series.length).toBeLessThanOrEqual(258)
    expect(series.join('\n')).toContain('{route="other"}')
  })
})
