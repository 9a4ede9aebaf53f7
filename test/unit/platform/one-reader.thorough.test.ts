import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readPolicy } from '../../../cli/policy-source.ts'
import { openApiRoutes } from '../../../core/registry/openapi-routes.ts'
import { compileManifests } from '../../../enforce/policy/compile/compile-manifests.ts'
import { readYaml } from '../../../platform/read-yaml.ts'
import { service } from '../core/registry/objects.ts'

const options = { service: 'shop/orders', issuer: 'https://issuer', installation: 'default' }
const root = join(import.meta.dirname, '../../..')
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'one-reader-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** What a reader makes of a text: the routes, or that it is refused. */
type Verdict = readonly unknown[] | 'refused'
const refused = (): Verdict => 'refused'

const named = service('shop', 'orders', { openapi: { configMapRef: { name: 'api' } } })
const configMap = (text: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'api', namespace: 'shop' },
  data: { 'openapi.yaml': text },
})

/** Issuer and operator have the document from a ConfigMap, and no reader but these. */
function inTheCluster(text: string): Verdict {
  const found = readYaml(text)
  const read = 'value' in found ? openApiRoutes(found.value, 'orders') : found
  return 'routes' in read ? read.routes : refused()
}

async function atTheGuard(text: string): Promise<Verdict> {
  const { rows } = await compileManifests({ ...options, path: await filesWith(text), now: 0 })
  return rows.flatMap(row => (row.type === 'service' ? [row.routes] : []))[0] ?? refused()
}

async function byWhy(text: string): Promise<Verdict> {
  const path = await filesWith(text)
  const policy = await readPolicy({ ...options, manifests: path, nowMs: 0 }).catch(() => undefined)
  return policy?.rows.flatMap(row => (row.type === 'service' ? [row.routes] : []))[0] ?? refused()
}

async function filesWith(text: string): Promise<string> {
  const file = join(folder, 'access.json')
  const gsvc = {
    apiVersion: 'latchkey.dev/v1alpha1',
    kind: 'GuardedService',
    metadata: named.metadata,
    spec: named.spec,
  }
  await writeFile(file, JSON.stringify({ kind: 'List', items: [gsvc, configMap(text)] }))
  return file
}

const routes = 'paths: {/a: {get: {}}}'
const good = { openapi: '3.1.0', paths: { '/a': { get: {} } } }

describe('issuer, operator, guard and why give one verdict for one document (S08, S09)', () => {
  it.each([
    ['JSON', JSON.stringify(good), true],
    ['JSON with a byte order mark', `\ufeff${JSON.stringify(good)}`, true],
    ['YAML with a byte order mark', `\ufeffopenapi: 3.1.0\n${routes}`, true],
    ['YAML that begins with a brace', `{openapi: 3.1.0, ${routes}}`, true],
    ['JSON with a key twice', `{"openapi":"3.1.0",${JSON.stringify(good).slice(1)}`, false],
    ['JSON with a path twice', '{"openapi":"3.1.0","paths":{"/a":{"get":{}},"/a":{}}}', false],
    ['YAML with a path twice', 'openapi: 3.1.0\npaths: {/a: {get: {}}, /a: {}}', false],
    ['a merge key', 'openapi: 3.1.0\nx-a: &a {get: {}}\npaths: {/a: {<<: *a}}', true],
    [
      'one anchor used 150 times',
      `openapi: 3.1.0\nx-a: &a {get: {}}\npaths:\n${Array.from({ length: 150 }, (_, at) => `  /a${at}: *a\n`).join('')}`,
      true,
    ],
    ['a tag of somebody', 'openapi: 3.1.0\npaths: !include paths.yaml', false],
    ['YAML 1.1', `%YAML 1.1\n---\nopenapi: 3.1.0\n${routes}`, false],
    ['two documents', `openapi: 3.1.0\n${routes}\n---\nopenapi: 3.1.0\n${routes}`, false],
    ['nothing', '', false],
    ['too many items in YAML', `openapi: 3.1.0\n${routes}\nx-a: [${'1,'.repeat(490_000)}1]`, false],
    ['as many in JSON', JSON.stringify({ ...good, 'x-a': Array(490_000).fill(1) }), true],
    ['a misspelt security', 'openapi: 3.1.0\npaths: {/a: {get: {securtiy: []}}}', false],
  ])('%s', async (_what, text, isTaken) => {
    const verdict = inTheCluster(text)
    expect(verdict !== 'refused').toBe(isTaken)
    expect(await atTheGuard(text)).toEqual(verdict)
    expect(await byWhy(text)).toEqual(verdict)
  })

  it('whatever becomes of a document', async () => {
    const documents = [
      JSON.stringify(good),
      `openapi: 3.1.0\nx-a: &a {get: {security: []}}\npaths:\n  /a: *a\n  /b: {<<: *a}\n`,
    ]
    const pieces = fc.constantFrom(
      '',
      '\ufeff',
      '{',
      '}',
      '"',
      ':',
      '\n',
      '<<',
      '*a',
      '&a ',
      '---\n',
      '#',
      'get',
      ', ',
      '? ',
    )
    const edits = fc.tuple(fc.constantFrom(...documents), fc.nat(120), fc.nat(12), pieces)
    await fc.assert(
      fc.asyncProperty(edits, async ([text, from, length, piece]) => {
        const edited = text.slice(0, from) + piece + text.slice(from + length)
        const verdict = inTheCluster(edited)
        expect(await atTheGuard(edited)).toEqual(verdict)
        expect(await byWhy(edited)).toEqual(verdict)
      }),
      { numRuns: 200 },
    )
  })

  it('because no other code of a process reads YAML, kubeconfigs apart, which are read as kubectl does', () => {
    const sources = globSync('{core,platform,operator,issuer,webhook,cli}/**/*.ts', { cwd: root })
    const readers = sources.filter(file => {
      const [, imported = ''] = /import \{([^}]*)\} from 'yaml'/.exec(readFileSync(join(root, file), 'utf8')) ?? []
      return /\b(parse|parseDocument|parseAllDocuments|Parser|Composer)\b/.test(imported)
    })
    expect(readers.sort()).toEqual(['platform/kube/kubeconfig/choose-context.ts', 'platform/yaml/compose.ts'])
  })
})
