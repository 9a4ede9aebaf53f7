import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { cached, keyOf, repositoryRoot } from '../cluster/binaries.ts'
import { run } from '../cluster/command.ts'

/** Built once, which takes minutes: sops brings the clients of every cloud. */
const programs = ['filippo.io/age/cmd/age-keygen@v1.3.2', 'github.com/getsops/sops/v3/cmd/sops@v3.13.3']
const example = join(repositoryRoot, 'examples/own-key')

let bin: string
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sops-'))
  bin = await cached(`sops-${keyOf(...programs, process.arch)}`, async into => {
    for (const program of programs) await run('go', ['install', program], { env: { GOBIN: into } })
  })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a key of one’s own is encrypted with sops and age as the guide says, and comes back whole', async () => {
  await run('sh', [join(example, 'make-key.sh'), 'web', 'checkout', 'web', 'checkout.web', 'https://issuer'], {
    cwd: folder,
  })
  await run(join(bin, 'age-keygen'), ['-o', 'age.key'], { cwd: folder })
  const recipient = /public key: (age1\w+)/.exec(readFileSync(join(folder, 'age.key'), 'utf8'))?.[1] ?? ''
  const rules = readFileSync(join(example, '.sops.yaml'), 'utf8')
  writeFileSync(join(folder, '.sops.yaml'), rules.replace(/age: age1\w+/, `age: ${recipient}`))
  const text = () => readFileSync(join(folder, 'secret.yaml'), 'utf8')
  const before = parse(text())
  await run(join(bin, 'sops'), ['encrypt', '--in-place', 'secret.yaml'], { cwd: folder })

  const encrypted = parse(text())
  expect(encrypted.metadata).toEqual(before.metadata)
  for (const name of Object.keys(before.stringData)) expect(encrypted.stringData[name]).toMatch(/^ENC\[AES256_GCM,/)
  expect(text()).not.toContain(JSON.parse(before.stringData['private.jwk']).d)
  const env = { SOPS_AGE_KEY_FILE: join(folder, 'age.key') }
  expect(parse(await run(join(bin, 'sops'), ['decrypt', 'secret.yaml'], { cwd: folder, env }))).toEqual(before)
  // Without the key of the cluster nobody reads it.
  await run(join(bin, 'age-keygen'), ['-o', 'other.key'], { cwd: folder })
  const other = { SOPS_AGE_KEY_FILE: join(folder, 'other.key') }
  await expect(run(join(bin, 'sops'), ['decrypt', 'secret.yaml'], { cwd: folder, env: other })).rejects.toThrow()
})
