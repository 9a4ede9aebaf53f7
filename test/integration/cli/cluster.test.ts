import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ClusterChoice, clusterOptions, withCluster } from '../../../cli/frame/cluster.ts'
import { defineCommand } from '../../../cli/frame/command.ts'
import { repositoryRoot } from '../../cluster/binaries.ts'
import { makeAuthority, makeCertificate } from '../../cluster/certificates.ts'
import { commandLine } from '../../unit/cli/command-line.ts'

let folder: string
let kubeconfig: string
let server: Server
const asked: { url: string | undefined; authorization: string | undefined }[] = []

/** What the path says, as an API server answers it. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-cluster-'))
  await makeAuthority(folder)
  const pair = await makeCertificate(folder, 'server', { user: 'server', names: ['127.0.0.1'] })
  const [cert, key] = await Promise.all([readFile(pair.certFile), readFile(pair.keyFile)])
  server = createServer({ cert, key }, ({ url, headers }, response) => {
    asked.push({ url, authorization: headers.authorization })
    const status = Number(/^\/answer\/(\d+)/.exec(url ?? '')?.[1] ?? 200)
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(status === 200 ? '{"gitVersion":"v1.35.4"}' : '{"kind":"Status","reason":"Because"}')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const at = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  // Port 9 is for what is thrown away: nobody listens.
  const clusters = {
    here: at,
    away: 'https://127.0.0.1:9',
    broken: `${at}/answer/503`,
    closed: `${at}/answer/403`,
    odd: 'what',
  }
  kubeconfig = join(folder, 'config')
  await writeFile(
    kubeconfig,
    JSON.stringify({
      clusters: Object.entries(clusters).map(([name, url]) => ({
        name,
        cluster: { server: url, 'certificate-authority': 'ca.crt' },
      })),
      users: [{ name: 'u', user: { token: 'abc' } }],
      contexts: [
        ...Object.keys(clusters).map(name => ({ name, context: { cluster: name, user: 'u' } })),
        { name: 'team', context: { cluster: 'here', user: 'u', namespace: 'team' } },
      ],
      'current-context': 'here',
    }),
  )
})
afterAll(async () => {
  server.close()
  await rm(folder, { recursive: true })
})

const version = (...args: string[]) => commandLine(['version', '--cluster', '--kubeconfig', kubeconfig, ...args])

describe('a command that asks a cluster', () => {
  it('takes kubeconfig and context as kubectl does', async () => {
    expect(await version()).toEqual({ code: 0, text: 'latchkey dev\nkubernetes v1.35.4\n', complaint: '' })
    expect(asked.at(-1)).toEqual({ url: '/version', authorization: 'Bearer abc' })
    const json = await version('--context', 'team', '-o', 'json')
    expect(JSON.parse(json.text)).toEqual({ latchkey: 'dev', kubernetes: 'v1.35.4' })
  })

  it.each([
    ['where nobody listens', 'away', 3, /^latchkey version: 127\.0\.0\.1:9 cannot be reached: .*ECONNREFUSED/],
    ['of an API server that does not serve', 'broken', 3, /does not serve: \/version GET: 503 Because$/m],
    ['of an API server that refuses', 'closed', 4, /refuses: \/version GET: 403 Because$/m],
    [
      'that the kubeconfig does not have',
      'none',
      2,
      /^latchkey version: context none cannot be used: there is no context none$/m,
    ],
    ['whose server is no URL', 'odd', 2, /the server of cluster odd is no http or https URL/],
  ])('says of a context %s so, and by its exit code', async (_, context, code, complaint) => {
    const ended = await version('--context', context)
    expect(ended).toEqual({ code, text: '', complaint: expect.stringMatching(complaint) })
    expect(ended.complaint).not.toContain('abc')
  })

  const main = join(repositoryRoot, 'cli/latchkey.ts')
  const run = (env: Record<string, string>) =>
    promisify(execFile)(process.execPath, [main, 'version', '--cluster'], { env, timeout: 15_000 })

  it('finds the kubeconfigs by the environment', async () => {
    const env = { KUBECONFIG: `${join(folder, 'gone')}:${kubeconfig}`, HOME: folder }
    const { stdout } = await run(env)
    expect(stdout).toBe('latchkey dev\nkubernetes v1.35.4\n')
  })

  it('lets a plugin of the kubeconfig talk to whoever sits there', async () => {
    const apiVersion = 'client.authentication.k8s.io/v1'
    const credential = JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token: 'by-plugin' } })
    const script = `#!/bin/sh\necho 'open https://login.example' >&2\nread code\necho '${credential}'\n`
    await writeFile(join(folder, 'plugin'), script, { mode: 0o755 })
    const config = JSON.parse(await readFile(kubeconfig, 'utf8')) as { users: object[] }
    const users = [{ name: 'u', user: { exec: { apiVersion, command: './plugin' } } }]
    await writeFile(join(folder, 'by-plugin'), JSON.stringify({ ...config, users }))
    const { stderr } = await run({ KUBECONFIG: join(folder, 'by-plugin'), PATH: process.env.PATH ?? '' })
    expect(stderr).toBe('open https://login.example\n')
    expect(asked.at(-1)?.authorization).toBe('Bearer by-plugin')
  })

  it('says of a kubeconfig that is none so, with 2, and shows nothing of it', async () => {
    await writeFile(join(folder, 'list'), 'users:\n- name: u\n  user: { token: s3cret\n')
    for (const name of ['none', 'list']) {
      const ended = await commandLine(['version', '--cluster', '--kubeconfig', join(folder, name)])
      expect([ended.code, ended.text]).toEqual([2, ''])
      expect(ended.complaint).toContain('latchkey version: the kubeconfig cannot be used: ')
      expect(ended.complaint).not.toContain('s3cret')
    }
  })

  it('leaves a mistake of its own what it is', async () => {
    const io = { env: {}, input: process.stdin }
    const act = () =>
      withCluster({ kubeconfig }, io, ({ ask }) => ask(() => Promise.reject(new TypeError('a mistake'))))
    await expect(act()).rejects.toThrow(TypeError)
  })
})

describe('namespaces', () => {
  const lookAt = async (
    ...args: string[]
  ): Promise<{ code: number; complaint: string; namespace?: string | undefined }> => {
    let found: { namespace: string | undefined } | undefined
    const command = defineCommand(
      { name: 'look', summary: 'Looks.', options: clusterOptions, examples: [] },
      async () => async (given, io) => {
        const choice: ClusterChoice = given.options
        found = await withCluster(choice, io, async ({ namespace }) => ({ namespace }))
        return 'ok'
      },
    )
    const table = { processes: {}, groups: {}, commands: [command] }
    const { code, complaint } = await commandLine(['look', '--kubeconfig', kubeconfig, ...args], { table })
    return { code, complaint, ...found }
  }

  it.each([
    ['default', []],
    ['team', ['--context', 'team']],
    ['shop', ['--context', 'team', '-n', 'shop']],
    ['shop', ['--namespace=shop']],
    [undefined, ['-A']],
    [undefined, ['--all-namespaces', '--context', 'team']],
  ])('are %s for %j', async (namespace, args) => {
    expect(await lookAt(...args)).toEqual({ code: 0, complaint: '', namespace })
  })

  it.each([
    [['-n', 'shop', '-A'], 'name -n or -A, not both'],
    [['-n', 'Shop'], 'Expected the name of a namespace.'],
    [['-n', 'a/b'], 'Expected the name of a namespace.'],
    [['-n', ''], 'Expected the name of a namespace.'],
  ])('are refused for %j', async (args, complaint) => {
    expect(await lookAt(...args)).toEqual({ code: 2, complaint: expect.stringContaining(complaint) })
  })
})
