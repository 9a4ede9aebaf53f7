import { afterEach, expect, it } from 'vitest'
import type { UsedCount } from '../../core/rows/frames.ts'
import { createUsageCounter } from '../../enforce/report/usage.ts'
import { alice, bob, rowsOf } from './policy-rows.ts'
import { sendRaw } from './raw-socket.ts'
import { type App, type Rig, startApp, startGuard } from './rig.ts'

const usage = createUsageCounter()
const routes = [
  { name: 'order', path: '/api/orders/{id}', methods: ['GET'], variants: 'Refuse' as const },
  { name: 'rest', path: '/api/**', methods: ['GET'], variants: 'Refuse' as const },
]
let app: App
let rig: Rig
afterEach(async () => {
  await rig.close()
  await app.close()
})

async function call(target: string, token: string): Promise<number> {
  const head = `GET ${target} HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`
  return (await sendRaw(rig.port, head)).status
}

/** Names and numbers of calls; when they were is another test's. */
const told = () =>
  usage.told(rig.clock.now(), 'now').map(part => {
    const plain = (list: readonly UsedCount[] = []) => list.map(([name, calls]) => [name, calls])
    return { keys: plain(part.keys), grants: plain(part.grants), rules: plain(part.rules) }
  })

it('a guard counts calls that were let in and denied calls of proved callers, and nothing that a caller wrote', async () => {
  app = await startApp()
  rig = await startGuard(app.port, { usage, rows: rowsOf({ service: { routes } }) })
  const secret = 'top-secret-order'
  expect(await call(`/api/orders/${secret}?token=${secret}`, alice.token())).toBe(200)
  expect(await call('/api/other', alice.token())).toBe(200)
  expect(await call('/api/orders/7', `${alice.token().slice(0, -4)}AAAA`)).toBe(401)
  expect(await call('/api/orders/7', alice.token({ aud: 'https://other.svc' }))).toBe(401)
  expect(await call('/api/orders/%2e%2e/7', alice.token())).toBe(400)
  expect(await call('/api/orders/7', bob.token())).toBe(403)
  const used = told()
  expect(used).toEqual([
    {
      keys: [
        [alice.key.kid, 3],
        [bob.key.kid, 1],
      ],
      grants: [['alice-calls', 2]],
      rules: [['role/caller#0', 2]],
    },
  ])
  expect(JSON.stringify(used)).not.toContain(secret)
  expect(told()).toEqual([])
})
