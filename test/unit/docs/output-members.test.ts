import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKeyTraffic } from '../../../cli/leaked/key-traffic.ts'
import type { LeakReport } from '../../../cli/leaked/render.ts'
import type { Revoked } from '../../../cli/leaked/revoke.ts'
import { lostBy } from '../../../cli/replaced/list-replaced.ts'
import { findUnused } from '../../../cli/unused/find-unused.ts'
import { sliceHash } from '../../../core/rows/hash.ts'
import { alice, nowSeconds, rowsOf } from '../../guard/policy-rows.ts'
import { runCommand } from '../cli/command-line.ts'
import { documents } from './documents.ts'

type Members = Readonly<Record<string, unknown>>

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'members-'))
  const routes = [{ name: 'order', path: '/api/orders/{id}', methods: ['GET', 'PUT'], variants: 'Refuse' }] as const
  const rows = rowsOf({ service: { routes }, grant: { expiresAt: nowSeconds() + 60 }, alice: { organization: 'acme' } })
  const confirmedAt = nowSeconds() * 1_000
  const stored = { version: 1, service: 'shop/orders', seen: {}, hash: sliceHash(rows), rows, confirmedAt }
  await writeFile(join(folder, 'snapshot.json'), JSON.stringify(stored))
  await writeFile(join(folder, 'good.txt'), alice.token())
  await writeFile(join(folder, 'bad.txt'), 'no token')
})
afterAll(() => rm(folder, { recursive: true }))

async function printed(...args: readonly string[]): Promise<Members> {
  const policy = ['--service', 'shop/orders', '--snapshot', join(folder, 'snapshot.json')]
  const { text } = await runCommand([...args, ...policy, '-o', 'json'], { env: {}, nowMs: nowSeconds() * 1_000 })
  return JSON.parse(text) as Members
}

/** What the page says of each member of a command's output, by its name. */
function told(command: string): Map<string, string> {
  const page = documents().find(({ path }) => path === 'docs/troubleshooting.md')?.text ?? ''
  const section = page.slice(page.indexOf('## Output for programs'))
  const table = section.slice(section.indexOf(`\n\`latchkey ${command}\``)).split('\n\n')[1] ?? ''
  const rows = [...table.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)]
  return new Map(rows.map(([, name = '', text = '']) => [name, text]))
}

function expectTold(outputs: readonly Members[], members: ReadonlyMap<string, string>): void {
  expect([...new Set(outputs.flatMap(Object.keys))].sort()).toEqual([...members.keys()].sort())
  for (const [name, value] of outputs.flatMap(output => Object.entries(output))) {
    const text = name === 'policy' ? members.get('decision') : members.get(name)
    for (const inner of [value].flat().flatMap(each => (typeof each === 'object' ? Object.keys(each ?? {}) : [])))
      expect(text, `${name}.${inner}`).toContain(`\`${inner}\``)
  }
}

test('the page tells every member that why prints, and no other', async () => {
  const calls = [
    ['callers/alice', 'GET', '/api/orders/7'],
    ['callers/bob', 'GET', '/api/orders/7'],
    ['callers/alice', 'GET', '/open/x'],
    ['callers/alice', 'GET', '/nowhere'],
  ]
  const outputs = await Promise.all(calls.map(([client = '', ...call]) => printed('why', '--client', client, ...call)))
  expectTold(outputs, told('why'))
})

test('the page tells every member that token inspect prints, and no other', async () => {
  const files = ['good.txt', 'bad.txt']
  const outputs = await Promise.all(files.map(file => printed('token', 'inspect', join(folder, file))))
  expectTold(outputs, told('token inspect'))
})

test('the page tells every member that replaced prints, and no other', () => {
  const pin = { namespace: 'partners', name: 'web', clientId: 'sc_before', state: 'Replaced' as const }
  const metadata = { namespace: 'shop', name: 'reads' }
  const outputs = lostBy({ metadata, spec: { roleRef: { name: 'reader' }, clients: [] }, status: { clients: [pin] } })
  expect(outputs).toHaveLength(1)
  expectTold(outputs as unknown as Members[], told('replaced'))
})

test('the page tells every member that unused prints, and no other', () => {
  const created = { kind: 'Role', metadata: { namespace: 'a', name: 'b', creationTimestamp: '2020-01-01T00:00:00Z' } }
  const used = { ...created, status: { lastUsedAt: '2021-01-01T00:00:00Z' } }
  const unused = [created, used].map(one => findUnused(one, 1, nowSeconds()))
  expectTold([{ days: 1, unused }], told('unused'))
})

test('the page tells every member that leaked prints, and no other', () => {
  const traffic = createKeyTraffic(alice.key.kid)
  const line = { v: 1, time: '2026-01-01T00:00:00Z', decision: 'allow', reason: 'granted', service: 'a/b' }
  traffic.add(JSON.stringify({ ...line, key: alice.key.kid, peer: '10.0.0.1' }))
  const revoked: Required<Revoked> = {
    ...{ namespace: 'a', name: 'b', client: 'c', alreadyRevoked: true, keysNotBefore: '', refusedAfterSeconds: 1 },
    ...{ newKey: 'd', newKeyAfterSeconds: 1, secret: 'e', missing: 'f' },
  }
  const report: Required<LeakReport> = {
    ...{
      kid: alice.key.kid,
      accessKeys: [revoked],
      calls: traffic.calls(),
      untoldCalls: 0,
      foreignLines: 0,
      unreadableLines: 0,
    },
    logs: { read: 1, unread: ['x'] },
  }
  expect(report.calls).toHaveLength(1)
  expectTold([report as unknown as Members], told('leaked'))
})
