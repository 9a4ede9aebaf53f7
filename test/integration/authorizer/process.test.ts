import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { repositoryRoot } from '../../cluster/binaries.ts'
import { accessYaml } from '../../guard/access-manifests.ts'

const command = join(repositoryRoot, 'cli/latchkey.ts')
const run = promisify(execFile)
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'authorizer-process-'))
  await writeFile(join(folder, 'access.yaml'), accessYaml())
  await writeFile(join(folder, 'edge.secret'), 's'.repeat(40))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function failing(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; stderr: string }> {
  try {
    await run(process.execPath, [command, 'authorizer', ...args], { env: { ...process.env, ...env } })
    throw new Error('it ran')
  } catch (error) {
    return error as { code: number; stderr: string }
  }
}
async function withPeers(yaml: string): Promise<string[]> {
  const file = join(folder, 'peers.yaml')
  await writeFile(file, yaml)
  return ['--manifests', join(folder, 'access.yaml'), '--peers', file, '--listen', '127.0.0.1:0']
}
const peer = '{ name: edge, proxy: Nginx, services: [shop/orders], secretFile: edge.secret }'

// Each starts a process of its own, which takes its time on a busy machine.
describe('latchkey authorizer', { timeout: 60_000 }, () => {
  it('prints help with both forms', async () => {
    const { stdout } = await run(process.execPath, [command, 'authorizer', '--help'])
    for (const word of ['--manifests', '--peers', '--grpc-listen', '--peer-ca', 'LATCHKEY_PEERS', 'peers.yaml:']) {
      expect(stdout).toContain(word)
    }
  })
  it('tells every mistaken setting at once, without a stack trace', async () => {
    const { code, stderr } = await failing([], {
      LATCHKEY_PEERS: '[{"name":"A"}]',
      LATCHKEY_LISTEN: 'x',
      LATCHKEY_PEER: '',
    })
    expect(code).toBe(2)
    for (const said of [
      'peers[0].name',
      'peers[0].proxy',
      'LATCHKEY_LISTEN: expected',
      'LATCHKEY_SNAPSHOT_URL: required',
    ]) {
      expect(stderr).toContain(said)
    }
    expect(stderr).toContain('LATCHKEY_PEER: no such setting')
    expect(stderr).not.toContain('    at ')
  })
  it.each([
    [
      'options that do not belong together',
      async () => [...(await withPeers(`peers: [${peer}]`)), '--peer-ca', 'x'],
      '--peer-ca needs --tls-cert',
    ],
    [
      'no address',
      async () => (await withPeers(`peers: [${peer}]`)).slice(0, 4),
      'give --listen, --grpc-listen or both',
    ],
    ['a peer that is none', () => withPeers('peers: [{ name: edge }]'), 'peers[0].proxy: expected one of'],
    ['no list of peers', () => withPeers('{}'), 'peers: expected a list'],
    [
      'a service that the manifests lack',
      () => withPeers(`peers: [${peer.replace('orders', 'none')}]`),
      'There is no GuardedService shop/none',
    ],
  ])('tells of %s', async (_, args, said) => {
    const { code, stderr } = await failing(await args())
    expect([code, stderr]).toEqual([2, expect.stringContaining(said)])
    expect(stderr).not.toContain('    at ')
  })
  it('loads neither the Kubernetes client nor schemas in a cluster', async () => {
    const main = join(repositoryRoot, 'authorizer/main.ts')
    const script = `import { registerHooks } from 'node:module'; const seen = []; registerHooks({ load(url, context, next) { seen.push(url); return next(url, context) } }); process.on('exit', () => process.stdout.write(seen.join('\\n'))); await import(${JSON.stringify(main)}).catch(() => {})`
    await writeFile(join(folder, 'loaded.mjs'), script)
    const { stdout } = (await run(process.execPath, [join(folder, 'loaded.mjs')]).catch((error: unknown) => error)) as {
      stdout: string
    }
    expect(stdout).toContain('/authorizer/in-cluster.ts')
    expect(stdout).not.toMatch(/node_modules\/(zod|@kubernetes|commander|yaml|jose)\//)
  })
})
