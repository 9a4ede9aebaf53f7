import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reasons } from '../../core/base/reasons.ts'
import { problemsPage } from '../../core/explain/problems.ts'
import { upstreamFaults } from '../../core/policy/upstream-faults.ts'
import { readProblemBase } from '../../enforce/settings.ts'
import { alice, bob, rowsOf } from './policy-rows.ts'
import { sendRaw } from './raw-socket.ts'
import { type App, type Rig, startApp, startGuard } from './rig.ts'

const problemBase = 'https://docs.example.com/problems#'
let app: App
let rig: Rig
beforeAll(async () => {
  app = await startApp((_request, response) => void response.destroy())
  rig = await startGuard(app.port, { problemBase })
})
afterAll(async () => {
  await rig.close()
  await app.close()
})

async function problem(target: string, token?: string, fields = ''): Promise<Record<string, unknown>> {
  const credential = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
  const answer = await sendRaw(rig.port, `GET ${target} HTTP/1.1\r\nHost: orders\r\n${credential}${fields}\r\n`)
  return JSON.parse(answer.body) as Record<string, unknown>
}

describe('a problem body', () => {
  it('links to its code, from every place that makes one', async () => {
    const bodies = await Promise.all([
      problem('/api/x'),
      problem('/api/x', bob.token()),
      problem('/api/x', alice.token()),
      problem('/api/x', undefined, 'Content-Type: a\r\nContent-Type: b\r\n'),
      problem('/api/x', undefined, 'no colon\r\n'),
    ])
    expect(bodies.map(({ code }) => code)).toEqual([
      'credential_missing',
      'not_granted',
      'upstream_invalid',
      'request_malformed',
      'request_malformed',
    ])
    for (const { type, code } of bodies) expect(type).toBe(`${problemBase}${code}`)
  })

  it('links to a page that has a place for every code there is', () => {
    const page = readFileSync(new URL('../../docs/problems.md', import.meta.url), 'utf8')
    expect(page).toBe(problemsPage())
    const denials = Object.entries(reasons).filter(([, { status }]) => status !== 200)
    const codes = [...denials.map(([code]) => code), ...Object.keys(upstreamFaults)]
    expect([...page.matchAll(/^## (.*)$/gm)].map(([, code]) => code).sort()).toEqual(codes.sort())
  })

  it.each([
    ['https://a/problems/', true],
    ['http://a.b/c#', true],
    ['ftp://a/', false],
    ['a/b', false],
    ['https://a/ b', false],
    [`https://a/${'x'.repeat(512)}`, false],
  ])('takes %s as the beginning of links: %s', (given, isTaken) => {
    expect(readProblemBase(given)).toBe(isTaken ? given : undefined)
  })
})

describe('a 403 says what is missing', () => {
  const routes = [
    { name: 'order', path: '/api/{id}', methods: ['GET'], variants: 'Refuse' as const },
    {
      name: 'items',
      path: '/api/{id}/items',
      methods: ['GET'],
      variants: 'Refuse' as const,
      permission: { action: 'read', resource: 'orders/{id}' },
    },
  ]
  it.each([
    ['the path, where no routes are declared', [], '/api/7?secret=hush', 'GET /api/7'],
    ['the template of a route without a permission', routes, '/api/7', 'GET /api/{id}'],
    ['the permission of a route that asks for one', routes, '/api/7/items', 'read orders/{id}'],
  ])('%s', async (_, declared, target, missing) => {
    rig.apply(rowsOf({ service: { routes: declared } }))
    const lines = (await rig.audit(0)).length
    expect(await problem(target, bob.token())).toMatchObject({ code: 'not_granted', missing })
    expect((await rig.audit(lines + 1)).at(-1)).toMatchObject({ reason: 'not_granted', missing })
  })
})
