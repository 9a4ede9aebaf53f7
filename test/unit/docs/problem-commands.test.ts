import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DenyReason, reasons } from '../../../core/base/reasons.ts'
import { problemsPage } from '../../../core/explain/problems.ts'
import { sliceHash } from '../../../core/rows/hash.ts'
import { alice, nowSeconds, rowsOf } from '../../guard/policy-rows.ts'
import { runCommand } from '../cli/command-line.ts'

// Every command that the page of problems prints is run here as it stands, with an example for each word in capitals.
// What kubectl runs in a cluster is run there by test/e2e/commands.test.ts, and looked at here.

const commands = [
  ...new Set([...problemsPage().matchAll(/`((?:kubectl|latchkey) [^`]+)`/g)].map(([, found = '']) => found)),
]

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'problems-'))
  const rows = rowsOf()
  const confirmedAt = nowSeconds() * 1_000
  const stored = { version: 1, service: 'shop/orders', seen: {}, hash: sliceHash(rows), rows, confirmedAt }
  await writeFile(join(folder, 'snapshot.json'), JSON.stringify(stored))
  await writeFile(join(folder, 'token.txt'), alice.token())
})
afterAll(() => rm(folder, { recursive: true }))

const examples = (client: string): Readonly<Record<string, string>> => ({
  ...{
    NAMESPACE: 'shop',
    NAME: 'orders',
    POD: 'orders-1',
    METHOD: 'GET',
    CLIENT: client,
    FILE: join(folder, 'token.txt'),
  },
})
const filled = (command: string, client = 'callers/alice'): string[] =>
  command
    .split(' ')
    .map(
      word => examples(client)[word] ?? word.replace(/\b(?:NAMESPACE|NAME)\b/g, name => examples(client)[name] ?? name),
    )

/** What our own command prints; the guard's container says by itself which service and snapshot it is about. */
async function runOwn(args: readonly string[]): Promise<string> {
  const env = { LATCHKEY_SERVICE: 'shop/orders', LATCHKEY_SNAPSHOT_FILE: join(folder, 'snapshot.json') }
  return (await runCommand(args, { env, nowMs: nowSeconds() * 1_000 })).text
}

test('there are commands on the page, and no word of one of them is left to guess', () => {
  expect(commands.length).toBeGreaterThan(5)
  // The folder has a random name, which may be four capitals and more.
  for (const command of commands) expect(filled(command).join(' ').replace(folder, '')).not.toMatch(/\b[A-Z]{4,}\b/)
})

test.each(commands.filter(command => / why /.test(command)))(
  '%s explains a call, by the client’s name and by its id',
  async command => {
    for (const client of ['callers/alice', alice.clientId]) {
      const own = filled(command, client)
      const text = await runOwn(own.slice(own.indexOf('why')))
      expect(text).toContain('Client      callers/alice (')
    }
    expect(command).toMatch(/^kubectl exec -n NAMESPACE POD -c latchkey-guard -- node \/app\/latchkey\.mjs why /)
  },
)

test.each(commands.filter(command => command.startsWith('latchkey ')))('%s comes back', async command => {
  expect(await runOwn(filled(command).slice(1))).toContain('TAKEN by shop/orders')
})

test.each(commands.filter(command => command.startsWith('kubectl ')))('%s says where it is to look', command => {
  const args = command.split(' ')
  expect(args.includes('-n') || args.includes('-A')).toBe(true)
  if (args.includes('restart')) expect(command).toMatch(/rollout restart deployment\/NAME -n NAMESPACE$/)
})

test('every reason of a token that is proved names the command that tells all of its faults', () => {
  const ofClaims = (Object.keys(reasons) as DenyReason[]).filter(code => /_invalid$|^claim_missing$/.test(code))
  expect(ofClaims).toHaveLength(10)
  const sections = problemsPage().split('\n## ')
  for (const code of ofClaims) {
    expect(sections.find(section => section.startsWith(`${code}\n`))).toContain('`latchkey token inspect FILE`')
  }
})
