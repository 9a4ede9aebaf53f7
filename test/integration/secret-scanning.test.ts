import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { writeApiKey, writeStaticSecret } from '../../core/secret/presented.ts'
import { hashOf, keyIdOf, writeSecret } from '../../core/secret/secret.ts'
import { repositoryRoot } from '../cluster/binaries.ts'
import { run } from '../cluster/command.ts'
import { gitleaks } from '../strangers/strangers.ts'

const secret = () => writeSecret(randomBytes(32))
const keyId = keyIdOf(hashOf(secret()))
const apiKey = () => writeApiKey({ keyId, secret: secret() })
const manifest = (text: string) => `data:\n  secret: ${Buffer.from(text).toString('base64')}\n`

let folder: string
// Builds it the first time.
beforeAll(async () => {
  await gitleaks()
  folder = await mkdtemp(join(tmpdir(), 'latchkey-scanning-'))
}, 600_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Rules of ours that real gitleaks finds by the file on the page, by file. */
async function scanned(files: Readonly<Record<string, string>>): Promise<Record<string, string[]>> {
  const page = await readFile(join(repositoryRoot, 'docs/secret-scanning.md'), 'utf8')
  const [, config = ''] = /```toml\n(title = .*?)```/s.exec(page) ?? []
  const tree = await mkdtemp(join(folder, 'tree-'))
  await writeFile(join(folder, 'gitleaks.toml'), config)
  for (const [name, text] of Object.entries(files)) await writeFile(join(tree, name), text)
  const report = join(folder, 'report.json')
  const options = ['--config', join(folder, 'gitleaks.toml'), '--report-format', 'json', '--report-path', report]
  await run(await gitleaks(), ['dir', tree, ...options, '--exit-code', '0', '--no-banner', '--max-decode-depth', '2'])
  const found: Record<string, string[]> = {}
  for (const { RuleID, File } of JSON.parse(await readFile(report, 'utf8')) as { RuleID: string; File: string }[]) {
    const name = File.split('/').at(-1) ?? ''
    if (RuleID.startsWith('latchkey')) found[name] = [...(found[name] ?? []), RuleID].sort()
  }
  return found
}

it('gitleaks finds by the page what is minted, beside its own rules', async () => {
  const files = {
    'app.env': `TOKEN=${writeStaticSecret({ clientId: 'billing', keyId, secret: secret() })}\n`,
    'client.yaml': `client_secret: "${secret()}"\n`,
    'curl.sh': `curl "https://orders/x?api-key=${apiKey()}&a=b"\n`,
    'basic.txt': `Authorization: Basic ${apiKey()}`,
    'secret.yaml': manifest(secret()),
    'key.yaml': manifest(apiKey()),
  }
  // It reads base64 too.
  const both = ['latchkey-api-key', 'latchkey-secret']
  expect(await scanned(files)).toEqual({
    'app.env': ['latchkey-secret'],
    'client.yaml': ['latchkey-secret'],
    'curl.sh': both,
    'basic.txt': both,
    'secret.yaml': ['latchkey-secret'],
    'key.yaml': both,
  })
})

it('gitleaks takes nothing else for one', async () => {
  const files = {
    'ids.txt': `${keyId}\n${Buffer.from(keyId).toString('base64')}\n`,
    'short.txt': `${secret().slice(0, -1)}\n${apiKey().slice(0, -1)}\n`,
    'long.txt': `${secret()}x\n${apiKey()}x\n`,
    'other.txt': `${randomBytes(84).toString('base64')}\nlks_example\n`,
  }
  expect(await scanned(files)).toEqual({})
})
