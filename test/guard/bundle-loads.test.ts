import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sidecarSettings } from '../builders/sidecar-settings.ts'
import { accessYaml } from './access-manifests.ts'
import { type BundledGuard, bundleGuard, startBundled } from './bundled-guard.ts'
import { issuer, service } from './policy-rows.ts'

/** What costs a process megabytes each, and by what it is known. */
const heavy: Readonly<Record<string, string>> = {
  'fetch, which node:http offers too': 'internal/deps/undici/undici',
  'streams of the web': 'internal/webstreams/readablestream',
  'archives, which node:zlib brings': 'internal/zip',
  'HTTP/2': 'http2',
  'the client and server of https': 'https',
  TLS: 'tls',
}

describe('a guard that starts loads of Node', () => {
  let built: Awaited<ReturnType<typeof bundleGuard>>
  let folder: string
  beforeAll(async () => {
    built = await bundleGuard()
    folder = await mkdtemp(join(tmpdir(), 'bundle-loads-'))
    await writeFile(join(folder, 'access.yaml'), accessYaml())
  })
  afterAll(async () => {
    await built.remove()
    await rm(folder, { recursive: true })
  })

  async function lookAt(starting: Promise<BundledGuard>): ReturnType<BundledGuard['look']> {
    const guard = await starting
    try {
      return await guard.look()
    } finally {
      await guard.stop()
    }
  }

  const sidecar = () =>
    startBundled(built.directory, {
      args: [],
      env: sidecarSettings(folder, { service, appPort: 9, issuer: { url: 'https://127.0.0.1:9' } }),
    })
  const standalone = () => {
    const addresses = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--upstream', 'http://127.0.0.1:9']
    const policy = ['--manifests', join(folder, 'access.yaml'), '--service', service, '--issuer', issuer]
    return startBundled(built.directory, { args: [...policy, ...addresses, '--audit', join(folder, 'audit.log')] })
  }

  it.each([
    ['beside an app', sidecar],
    ['from manifests', standalone],
  ])('%s: what it needs, nothing heavy that it does not, and one optimizing compiler', async (_form, start) => {
    const { modules, maglev } = await lookAt(start())
    expect([...modules]).toEqual(expect.arrayContaining(['net', 'crypto', 'http']))
    expect(Object.keys(heavy).filter(what => modules.has(heavy[what] as string))).toEqual([])
    expect(maglev).toBe(false)
  })
  it('no parser of YAML and no schemas: they are in the process that compiles manifests', () => {
    const files = globSync(['guard.mjs', 'guard/*.mjs'], { cwd: built.directory })
    const texts = [...files, 'manifests.mjs'].map(file => readFileSync(join(built.directory, file), 'utf8'))
    const has = (text: string) => [/YAMLParseError/.test(text), /ZodError/.test(text)]
    expect(has(texts.pop() ?? '')).toEqual([true, true])
    expect(has(texts.join())).toEqual([false, false])
  })
})
