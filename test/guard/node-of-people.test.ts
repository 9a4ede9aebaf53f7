import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundle, forPeople } from '../../bundling/bundle.ts'
import { accessYaml, manifestToken } from './access-manifests.ts'
import { oldestNode } from './oldest-node.ts'
import { issuer } from './policy-rows.ts'

const node = oldestNode()
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'node-of-people-'))
  await Promise.all(forPeople.map(name => bundle(name, join(folder, 'dist'))))
  await mkdir(join(folder, 'access'))
  await writeFile(join(folder, 'access', 'access.yaml'), accessYaml() + declared)
})
afterAll(() => rm(folder, { recursive: true }))

/** A second service, with the routes of a document. */
const declared = `---
apiVersion: latchkey.dev/v1alpha1
kind: GuardedService
metadata: { name: parts, namespace: shop }
spec: { targetRef: { name: parts, port: 80 }, openapi: { configMapRef: { name: parts-api } } }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: parts-api, namespace: shop }
data:
  openapi.yaml: |
    openapi: 3.1.0
    paths: { "/parts/{id}": { get: { operationId: getPart, responses: {} } } }
`

async function latchkey(input: string, ...args: string[]): Promise<{ code: number; out: string; complaint: string }> {
  const child = spawn(node.path, [join(folder, 'dist/latchkey.mjs'), ...args], { cwd: folder, env: { PATH: '' } })
  let [out, complaint] = ['', '']
  child.stdout.setEncoding('utf8').on('data', piece => {
    out += piece
  })
  child.stderr.setEncoding('utf8').on('data', piece => {
    complaint += piece
  })
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number]
  return { code, out, complaint }
}

describe(`what the documents run as node dist/latchkey.mjs, on Node ${node.version}`, () => {
  it.each([
    [['--help'], 'Usage: latchkey'],
    [['version'], 'latchkey '],
    [['why', '--help'], 'Usage: latchkey why'],
    [['propose', '--help'], 'Usage: latchkey propose'],
    [['token', 'inspect', '--help'], 'Usage: latchkey token inspect'],
    [['guard', '--help'], 'Usage: latchkey guard'],
    [['completion', 'bash'], 'complete -F _latchkey latchkey'],
    [['__complete', 'wh'], 'why'],
  ])('%j tells its usage', async (args, text) => {
    const { code, out, complaint } = await latchkey('', ...args)
    expect([code, complaint]).toEqual([0, ''])
    expect(out).toContain(text)
  })

  it.each([
    ['orders', '/api/things', 'ALLOWED', 0],
    ['parts', '/parts/7', 'get-part', 1],
  ])('why explains a call to %s', async (service, path, text, exit) => {
    const asked = ['--service', `shop/${service}`, '--client', 'callers/alice', 'GET', path]
    const { code, out, complaint } = await latchkey('', 'why', '--manifests', 'access', ...asked)
    expect([code, complaint]).toEqual([exit, ''])
    expect(out).toContain(text)
  })

  it.each([
    ['version', [], 'latchkey: '],
    [
      'why',
      ['--manifests', 'access', '--service', 'shop/orders', '--client', 'callers/alice', 'GET', '/api/x'],
      'revision: ',
    ],
  ])('%s writes YAML', async (name, args, begin) => {
    const { code, out, complaint } = await latchkey('', name, ...args, '-o', 'yaml')
    expect([code, complaint]).toEqual([0, ''])
    expect(out).toMatch(new RegExp(`^${begin}`, 'm'))
  })

  it('token inspect proves a token', async () => {
    const { code, out } = await latchkey(
      manifestToken(),
      'token',
      'inspect',
      '-',
      '--manifests',
      'access',
      '--issuer',
      issuer,
    )
    expect(out).toContain('TAKEN by shop/orders')
    expect(code).toBe(0)
  })

  it('propose reads an audit log', async () => {
    const line = { v: 1, time: '2026-11-30T12:00:00.000Z', decision: 'deny', reason: 'not_granted' }
    const call = { client: 'callers/alice', method: 'GET', path: '/stock', service: 'shop/orders' }
    const log = `${JSON.stringify({ ...line, ...call })}\n`
    const asked = ['--service', 'shop/orders', '--audit', '-', '--manifests', 'access']
    const { code, out, complaint } = await latchkey(log, 'propose', ...asked)
    expect([code, complaint]).toEqual([0, ''])
    expect(out).toContain('- /stock')
  })

  it('version asks the cluster of a kubeconfig', async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"gitVersion":"v1.35.4"}')
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true }
    const kubeconfig = {
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: { token: 'abc' } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'c',
    }
    try {
      await writeFile(join(folder, 'kubeconfig'), JSON.stringify(kubeconfig))
      const { code, out, complaint } = await latchkey('', 'version', '--cluster', '--kubeconfig', 'kubeconfig')
      expect([code, complaint]).toEqual([0, ''])
      expect(out).toMatch(/^latchkey \d\S+\nkubernetes v1\.35\.4\n$/)
    } finally {
      server.close()
    }
  })

  it('guard --manifests decides', async () => {
    const asked = ['--service', 'shop/parts', '--upstream', 'http://127.0.0.1:9', '--listen', '127.0.0.1:0']
    const args = [join(folder, 'dist/latchkey.mjs'), 'guard', '--manifests', join(folder, 'access'), ...asked]
    const child = spawn(node.path, args, { env: { PATH: '' } })
    try {
      let log = ''
      child.stderr.setEncoding('utf8').on('data', piece => {
        log += piece
      })
      await expect.poll(() => log).toMatch(/"port":\d+,"msg":"guarding"/)
      const answer = await fetch(`http://127.0.0.1:${/"port":(\d+),"msg":"guarding"/.exec(log)?.[1]}/parts/7`)
      expect(answer.headers.get('latchkey-decision')).toBe('deny; reason=credential_missing; by=guard')
      await answer.body?.cancel()
    } finally {
      child.kill()
    }
  })
})

describe('the bundles that people run', () => {
  /** Of Node 21 and later; a machine whose own Node is newer would not show them. What a package asks for first is not here. */
  const newer =
    /\b(?:(?:Map|Object)\.groupBy|Promise\.(?:withResolvers|try)|Array\.fromAsync|RegExp\.escape|Iterator\.(?:from|concat)|Error\.isError|Math\.sumPrecise|import\.meta\.main|Symbol\.(?:asyncDispose|dispose))\b|\.(?:isSubsetOf|isSupersetOf|isDisjointFrom|symmetricDifference|getOrInsert(?:Computed)?)\(|\.(?:values|keys|entries)\(\)\.(?:map|filter|take|drop|flatMap|reduce|toArray|forEach|some|every|find)\(/

  it('use nothing that came after Node 20', async () => {
    const files = (await readdir(join(folder, 'dist'), { recursive: true })).filter(name => name.endsWith('.mjs'))
    expect(files.length).toBeGreaterThanOrEqual(forPeople.length)
    for (const file of files) {
      const found = newer.exec(await readFile(join(folder, 'dist', file), 'utf8'))
      expect(found?.[0], file).toBeUndefined()
    }
  })
})
