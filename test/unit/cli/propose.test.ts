import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { accessYaml } from '../../guard/access-manifests.ts'
import { bob, rowsOf } from '../../guard/policy-rows.ts'
import { sendRaw } from '../../guard/raw-socket.ts'
import { type App, type Rig, startApp, startGuard } from '../../guard/rig.ts'
import { runCommand } from './command-line.ts'

let app: App
let rig: Rig
let folder: string
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'propose-'))
  rig = await startGuard(app.port, { rows: rowsOf({ service: { mode: 'Audit' } }) })
})
afterEach(async () => {
  await rig.close()
  await rm(folder, { recursive: true })
})

async function run(log: string, ...args: string[]): Promise<string> {
  const all = ['propose', '--service', 'shop/orders', '--audit', '-', ...args]
  return (await runCommand(all, { input: [log] })).text
}

async function call(target: string, token: string | undefined = bob.token()): Promise<void> {
  const credential = token === '' ? '' : `Authorization: Bearer ${token}\r\n`
  await sendRaw(rig.port, `GET ${target} HTTP/1.1\r\nHost: orders\r\n${credential}\r\n`)
}
const logOf = async (lines: number): Promise<string> =>
  (await rig.audit(lines)).map(entry => `[pod/a] ${JSON.stringify(entry)}\n`).join('')

describe('latchkey propose', () => {
  it('writes every list out, without anchors and aliases', async () => {
    const time = '2026-11-30T12:00:00.000Z'
    const line = { v: 1, time, decision: 'deny', reason: 'not_granted', client: 'callers/bob', service: 'shop/orders' }
    const calls = [
      { method: 'GET', path: '/a' },
      { method: 'POST', path: '/b' },
    ]
    const text = await run(calls.map(call => `${JSON.stringify({ ...line, ...call })}\n`).join(''))
    expect(text.match(/- orders$/gm)).toHaveLength(2)
    expect(text).not.toMatch(/[&*]a\d/)
  })

  it('makes of the log of a guard in audit mode the Role and the AccessGrant that the traffic needs', async () => {
    for (let order = 1; order <= 12; order++) await call(`/api/orders/${order}`)
    await call('/api/report?month=5')
    await call('/api/report', '')
    const text = await run(await logOf(14))
    const [role, grant] = parseAllDocuments(text).map(document => document.toJS())
    expect(role).toEqual({
      apiVersion: 'latchkey.dev/v1alpha1',
      kind: 'Role',
      metadata: { name: 'orders-proposed', namespace: 'shop' },
      spec: { rules: [{ services: ['orders'], methods: ['GET'], paths: ['/api/orders/{id}', '/api/report'] }] },
    })
    expect(grant).toMatchObject({
      kind: 'AccessGrant',
      spec: { roleRef: { name: 'orders-proposed' }, clients: [{ namespace: 'callers', name: 'bob' }] },
    })
    expect(text).toMatch(/- \/api\/orders\/\{id\} # 12 calls, last [0-9TZ:.-]+, 12 paths\n/)
    expect(text).toMatch(/# - 1 call, last [^\n]* proved nothing, or nothing that counts \(credential_missing\)/)
  })

  it('leaves out what the manifests allow by now, and says when nothing is left', async () => {
    await call('/api/things')
    const grant = `---
apiVersion: latchkey.dev/v1alpha1
kind: ApiClient
metadata: { name: bob, namespace: callers }
---
apiVersion: latchkey.dev/v1alpha1
kind: AccessGrant
metadata: { name: bob-calls, namespace: shop }
spec: { roleRef: { name: caller }, clients: [{ namespace: callers, name: bob }] }
`
    await writeFile(join(folder, 'access.yaml'), accessYaml({ extra: grant }))
    const text = await run(await logOf(1), '--manifests', folder)
    expect(text).toContain('# Nothing is proposed.')
    expect(text).toContain('they are allowed by now')
    expect(parseAllDocuments(text)).toMatchObject({ empty: true })
  })

  it('reads a file, and refuses one that is not there', async () => {
    await call('/api/things')
    await writeFile(join(folder, 'audit.log'), await logOf(1))
    expect(await run('', '--audit', join(folder, 'audit.log'))).toContain('- /api/things # 1 call')
    await expect(run('', '--audit', join(folder, 'nothing'))).rejects.toThrow('cannot be read: ENOENT')
  })

  it('writes nothing of a log outside comments and strings', async () => {
    const [line] = await (async () => {
      await call('/api/things')
      return rig.audit(1)
    })()
    const evil = { ...line, path: '/a\n---\nkind: Evil', missing: "GET /x'\n: {", time: line?.time }
    const text = await run(`${JSON.stringify(evil)}\n${JSON.stringify({ ...line, method: 'GET\nx: y' })}\n`)
    expect(text).not.toContain('Evil')
    expect(text.split('\n').filter(each => each !== '' && !each.startsWith('#'))).toEqual([])
  })
})
