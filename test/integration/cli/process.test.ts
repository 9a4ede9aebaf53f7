import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { accessYaml } from '../../guard/access-manifests.ts'

const main = fileURLToPath(new URL('../../../cli/latchkey.ts', import.meta.url))
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-'))
  await writeFile(join(folder, 'access.yaml'), accessYaml())
})
afterAll(() => rm(folder, { recursive: true }))

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise(resolve => {
    execFile(process.execPath, [main, ...args], (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr })
    })
  })
}
const why = (...args: string[]) => run('why', '--manifests', folder, '--service', 'shop/orders', ...args)

it('lists processes and commands', async () => {
  const { code, stdout } = await run('--help')
  expect(code).toBe(0)
  expect(stdout).toMatch(/Processes:\n {2}operator .*Commands:\n {2}why .*\n {2}propose /s)
  expect((await run('unknown')).code).toBe(2)
})

it('latchkey why ends with 0 for an allowed call, 1 for a denied one, 2 for wrong usage', async () => {
  const [allowed, denied, ...wrong] = await Promise.all([
    why('--client', 'callers/alice', 'GET', '/api/x'),
    why('--client', 'callers/alice', 'DELETE', '/api/x'),
    why('GET', '/api/x'),
    why('--client', 'alice', 'GET', '/api/x'),
    why('--client', 'callers/alice', 'GET', 'api/x'),
    run('why', '--service', 'a/b', '--client', 'callers/alice', '--manifests', '/no/such', 'GET', '/x'),
  ])
  expect([allowed?.code, denied?.code]).toEqual([0, 1])
  expect(wrong.map(({ code }) => code)).toEqual([2, 2, 2, 2])
  expect(wrong.every(({ stdout, stderr }) => stdout === '' && stderr !== '')).toBe(true)
  expect((await run('why', '--help')).code).toBe(0)
})

it('latchkey propose takes a log and ends with 2 for wrong usage', async () => {
  await writeFile(join(folder, 'audit.log'), 'no audit line\n')
  const [done, ...wrong] = await Promise.all([
    run('propose', '--service', 'shop/orders', '--audit', join(folder, 'audit.log')),
    run('propose', '--audit', '-'),
    run('propose', '--service', 'shop/orders', '--audit', '/no/such'),
    run('propose', '--service', 'shop/orders', '--audit', '-', '--distinct', '1'),
  ])
  expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining('# Nothing is proposed.') })
  expect(wrong.map(({ code }) => code)).toEqual([2, 2, 2])
})
