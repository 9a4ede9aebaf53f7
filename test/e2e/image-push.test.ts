import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../../bench/machine/process.ts'
import { repositoryRoot } from '../cluster/binaries.ts'
import { debianProgram } from '../cluster/debian-program.ts'
import { until } from '../cluster/progress.ts'

let registry: ChildProcess
let directory: string
let address: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registry-'))
  address = `127.0.0.1:${await freePort()}`
  const config = { version: 0.1, storage: { filesystem: { rootdirectory: directory } }, http: { addr: address } }
  await writeFile(join(directory, 'config.json'), JSON.stringify(config))
  const program = await debianProgram('docker-registry', 'usr/bin/docker-registry')
  registry = spawn(program, ['serve', join(directory, 'config.json')], { stdio: 'ignore' })
  const answers = () =>
    fetch(`http://${address}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    )
  await until('the registry answers', 15_000, answers)
})
afterAll(async () => {
  const ended = once(registry, 'exit')
  registry.kill()
  await ended
  await rm(directory, { recursive: true, force: true })
})

const push = (...variables: string[]): string =>
  execFileSync('make', ['--no-print-directory', 'image-push', ...variables], {
    cwd: repositoryRoot,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })

it('make image-push pushes to a real registry and prints the value that the chart is given, by digest', async () => {
  const said = push(`REGISTRY=${address}/platform`)
  const [, digest] = /^image\.reference=\S+\/platform\/latchkey@(sha256:[0-9a-f]{64})$/m.exec(said) ?? []
  expect(said).toContain(`image.reference=${address}/platform/latchkey@${digest}`)
  const accept = { accept: 'application/vnd.oci.image.manifest.v1+json' }
  const manifest = await fetch(`http://${address}/v2/platform/latchkey/manifests/${digest ?? ''}`, { headers: accept })
  expect(manifest.status).toBe(200)
  expect(await manifest.json()).toMatchObject({ schemaVersion: 2, config: { digest: expect.any(String) } })
})

it('make image-push without a registry says what to name', () => {
  expect(() => push()).toThrow(/REGISTRY: name where to push to/)
})
