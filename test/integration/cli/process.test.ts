import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accessYaml, manifestToken } from '../../guard/access-manifests.ts'
import { issuer } from '../../guard/policy-rows.ts'

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
  expect(stdout).toMatch(/Processes:\n {2}operator .*Commands:\n {2}why .*\n {2}token .*\n {2}propose /s)
  expect((await run('unknown')).code).toBe(2)
})

it('helps with a process too: with its own help where it has one, and starts none', async () => {
  const [guard, operator] = await Promise.all([run('help', 'guard'), run('operator', '--help')])
  expect(guard).toMatchObject({ code: 0, stdout: expect.stringContaining('--upstream <url>'), stderr: '' })
  expect(operator).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage: latchkey operator'), stderr: '' })
  for (const { stdout } of [guard, operator])
    expect(stdout).toMatch(/\nExit codes:\n {2}0 {2}.*\n {2}1 {2}.*\n {2}2 {2}/)
})

it('ends as it would have when its reader has seen enough', async () => {
  const command = `"${process.execPath}" "${main}" why --manifests "${folder}" --service shop/orders --client callers/alice GET /api/things`
  const said = await new Promise<string>(resolve => {
    execFile('bash', ['-c', `${command} | true; echo "ended with \${PIPESTATUS[0]}"`], (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    )
  })
  expect(said).toBe('ended with 0\n')
})

it.each([
  ['nonsense 2>&1 >/dev/null | true', 2, ''],
  ['nonsense 2>/dev/full', 2, ''],
  ['nonsense 2>&-', 2, ''],
  ['version >/dev/full', 2, 'latchkey: standard output cannot be written: ENOSPC\n'],
  ['version >/dev/full 2>&1', 2, ''],
  ['version >&- <&-', 0, ''],
])('ends by its exit code whatever becomes of what it says: %s', async (command, code, complaint) => {
  const said = await new Promise<string>(resolve => {
    const line = `"${process.execPath}" "${main}" ${command}; echo "ended with \${PIPESTATUS[0]}"`
    execFile('bash', ['-c', line], (_error, stdout, stderr) => resolve(stdout + stderr))
  })
  expect(said).toBe(`ended with ${code}\n${complaint}`)
})

it.each(['operator', 'issuer', 'webhook'])('says in sentences what %s cannot begin without', async name => {
  const { code, stderr } = await run(name)
  expect(code).toBe(2)
  expect(stderr).toMatch(new RegExp(`^latchkey ${name}: configuration:\n  LATCHKEY_NAMESPACE: required`))
  expect(stderr).not.toContain('    at ')
})

describe('what a command loads', () => {
  /** Says at the end what was loaded: URLs of modules. */
  const tells = `import { registerHooks } from 'node:module'
const loaded = []
registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context) } })
process.on('exit', () => process.stderr.write(loaded.join('\\n')))`
  const loadedBy = (...args: string[]): Promise<string> =>
    new Promise(resolve => {
      const preload = `data:text/javascript,${encodeURIComponent(tells)}`
      execFile(process.execPath, ['--import', preload, main, ...args], (_error, _stdout, stderr) => resolve(stderr))
    })

  it('is what reaches a Kubernetes cluster only where one is asked, and client-node not even then', async () => {
    const nowhere = join(folder, 'kubeconfig')
    await writeFile(nowhere, '{"clusters":[],"contexts":[],"users":[]}')
    const [help, inspected, asking] = await Promise.all([
      loadedBy('--help'),
      loadedBy('token', 'inspect', join(folder, 'access.yaml')),
      loadedBy('version', '--cluster', '--kubeconfig', nowhere),
    ])
    expect(asking).toContain('/platform/kube/kubeconfig/')
    expect(asking).not.toContain('client-node')
    for (const loaded of [help, inspected]) {
      expect(loaded).toContain('/commander/')
      expect(loaded).not.toMatch(/client-node|platform\/kube\//)
    }
    expect(inspected).toContain('/cli/token/inspect-token.ts')
    expect(help).not.toMatch(/\/cli\/(?!frame\/)[a-z]+\/(?!entry\.ts)/)
  })

  it('is nothing but names where a shell completes', async () => {
    expect(await loadedBy('__complete', 'w')).not.toMatch(/commander|client-node|yaml/)
  })
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

describe('latchkey token inspect', () => {
  /** Node refuses whoever may not: this process reads files and does nothing else. */
  const alone = ['--permission', '--allow-fs-read=*']
  const inspect = (input: string, ...args: string[]) =>
    new Promise<{ code: number | null; stdout: string; stderr: string }>(resolve => {
      const child = spawn(process.execPath, [...alone, main, 'token', 'inspect', ...args])
      const said = { stdout: '', stderr: '' }
      child.stdout.on('data', piece => (said.stdout += piece))
      child.stderr.on('data', piece => (said.stderr += piece))
      child.on('close', code => resolve({ code, ...said }))
      child.stdin.on('error', () => {})
      child.stdin.end(input)
    })

  it('reads a file or standard input, and can do so without a network and without other processes', async () => {
    const file = join(folder, 'token.txt')
    await writeFile(file, manifestToken())
    const policy = ['--manifests', folder, '--issuer', issuer]
    const [fromFile, fromInput, judged, refused] = await Promise.all([
      inspect('', file),
      inspect(manifestToken(), '-'),
      inspect(manifestToken(), ...policy),
      inspect('a.b.c', ...policy, '-o', 'json'),
    ])
    expect([fromFile, fromInput, judged, refused].map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ''],
      [0, ''],
      [0, ''],
      [1, ''],
    ])
    expect(fromFile.stdout).toContain('WELL-FORMED')
    expect(judged.stdout).toContain('TAKEN by shop/orders')
    expect(JSON.parse(refused.stdout)).toMatchObject({ faults: [{ code: 'invalid_token' }] })
    const ask = "require('node:net').connect(9).on('error', error => console.log(error.code))"
    const { stdout } = await new Promise<{ stdout: string }>(resolve =>
      execFile(process.execPath, [...alone, '-e', ask], (_error, out, err) => resolve({ stdout: out + err })),
    )
    expect(stdout).toContain('ERR_ACCESS_DENIED')
  })

  it('ends with 2 for wrong usage', async () => {
    const wrong = await Promise.all([
      inspect('', join(folder, 'none')),
      inspect('a.b.c', '-o', 'yaml'),
      inspect('a.b.c', '--snapshot', join(folder, 'none')),
      inspect('a.b.c', '--manifests', join(folder, 'none')),
      run('token'),
    ])
    expect(wrong.map(({ code }) => code)).toEqual([2, 2, 2, 2, 2])
    expect(wrong.every(({ stdout, stderr }) => stdout === '' && stderr !== '')).toBe(true)
    expect((await run('token', 'inspect', '--help')).code).toBe(0)
  })
})
