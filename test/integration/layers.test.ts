import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const cruiser = join(root, 'node_modules/.bin/depcruise')
const config = join(root, '.dependency-cruiser.mjs')

interface Report {
  readonly modules: readonly unknown[]
  readonly summary: { readonly violations: readonly { readonly rule: { readonly name: string } }[] }
}

describe('the import rules', () => {
  let place: string
  beforeAll(() => {
    place = mkdtempSync(join(tmpdir(), 'latchkey-layers-'))
    symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'))
    writeFileSync(join(place, 'tsconfig.json'), '{"compilerOptions":{"allowImportingTsExtensions":true,"noEmit":true}}')
  })
  afterAll(() => rmSync(place, { recursive: true, force: true }))

  const plant = (files: Record<string, string>): string[] => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(place, path)), { recursive: true })
      writeFileSync(join(place, path), text)
    }
    const folders = [...new Set(Object.keys(files).map(path => path.split('/')[0] ?? ''))]
    const run = spawnSync(cruiser, ['--config', config, '-T', 'json', ...folders], { cwd: place, encoding: 'utf8' })
    for (const folder of folders) rmSync(join(place, folder), { recursive: true, force: true })
    const report = JSON.parse(run.stdout) as Report
    return report.summary.violations.map(violation => violation.rule.name)
  }

  it.each([
    [
      'core imports platform, as a type',
      'core-imports',
      {
        'core/a.ts': "import type { B } from '../platform/b.ts'\nexport type A = B\n",
        'platform/b.ts': 'export type B = string\n',
      },
    ],
    [
      'core imports node:fs',
      'core-outside',
      { 'core/a.ts': "import { readFileSync } from 'node:fs'\nexport const a = readFileSync\n" },
    ],
    ['core imports pino', 'core-outside', { 'core/a.ts': "import { pino } from 'pino'\nexport const a = pino\n" }],
    [
      'one deployable imports another',
      'operator-imports',
      { 'operator/a.ts': "export { b } from '../issuer/b.ts'\n", 'issuer/b.ts': 'export const b = 1\n' },
    ],
    [
      'a dynamic import crosses deployables',
      'issuer-imports',
      { 'issuer/a.ts': "export const a = () => import('../webhook/b.ts')\n", 'webhook/b.ts': 'export const b = 1\n' },
    ],
    [
      'the SDK imports platform',
      'sdk-imports',
      {
        'sdk/a.ts': "import { b } from '../platform/b.ts'\nexport const a = b\n",
        'platform/b.ts': 'export const b = 1\n',
      },
    ],
    [
      'a rule outside core/api uses zod',
      'schemas-only-in-api',
      { 'core/policy/a.ts': "import { z } from 'zod'\nexport const a = z\n" },
    ],
    [
      'a second place imports client-node',
      'client-node-in-one-place',
      { 'operator/a.ts': "import { KubeConfig } from '@kubernetes/client-node'\nexport const a = KubeConfig\n" },
    ],
    [
      'a package is imported on demand',
      'packages-not-on-demand',
      { 'cli/a.ts': "export const a = () => import('yaml')\n" },
    ],
    [
      'a guard loads the Kubernetes client',
      'guard-stays-light',
      {
        'guard/a.ts': "import { b } from '../platform/kube/b.ts'\nexport const a = b\n",
        'platform/kube/b.ts': 'export const b = 1\n',
      },
    ],
    [
      'the authorizer imports the guard',
      'authorizer-imports',
      { 'authorizer/a.ts': "export { b } from '../guard/b.ts'\n", 'guard/b.ts': 'export const b = 1\n' },
    ],
    [
      'the guard imports the authorizer',
      'guard-imports',
      { 'guard/a.ts': "export { b } from '../authorizer/b.ts'\n", 'authorizer/b.ts': 'export const b = 1\n' },
    ],
    [
      'the guard imports the view of the cluster',
      'guard-imports',
      { 'guard/a.ts': "export { b } from '../cluster/b.ts'\n", 'cluster/b.ts': 'export const b = 1\n' },
    ],
    [
      'the webhook imports what is enforced with',
      'webhook-imports',
      { 'webhook/a.ts': "export { b } from '../enforce/b.ts'\n", 'enforce/b.ts': 'export const b = 1\n' },
    ],
    [
      'what is enforced with imports the guard',
      'enforce-imports',
      { 'enforce/a.ts': "export { b } from '../guard/b.ts'\n", 'guard/b.ts': 'export const b = 1\n' },
    ],
    [
      'the view of the cluster imports the operator',
      'cluster-imports',
      { 'cluster/a.ts': "export { b } from '../operator/b.ts'\n", 'operator/b.ts': 'export const b = 1\n' },
    ],
    [
      'the command line imports the operator',
      'cli-imports',
      { 'cli/a.ts': "export { b } from '../operator/b.ts'\n", 'operator/b.ts': 'export const b = 1\n' },
    ],
    [
      'the courier imports the guard',
      'outbound-imports',
      { 'outbound/a.ts': "export { b } from '../guard/b.ts'\n", 'guard/b.ts': 'export const b = 1\n' },
    ],
    [
      'platform imports what is enforced with',
      'platform-imports',
      { 'platform/a.ts': "export { b } from '../enforce/b.ts'\n", 'enforce/b.ts': 'export const b = 1\n' },
    ],
    [
      'a lower folder of core imports a higher one',
      'core-jose-imports',
      { 'core/jose/a.ts': "export { b } from '../policy/b.ts'\n", 'core/policy/b.ts': 'export const b = 1\n' },
    ],
    [
      'a file of core stands on no floor',
      'core-in-floors',
      { 'core/policy/a.ts': "export { b } from '../b.ts'\n", 'core/b.ts': 'export const b = 1\n' },
    ],
    [
      'something imports a main',
      'nothing-imports-a-main',
      { 'issuer/a.ts': "import './main.ts'\nexport const a = 1\n", 'issuer/main.ts': 'export const main = 1\n' },
    ],
    [
      'two files import each other',
      'no-cycles',
      {
        'core/a.ts': "import { b } from './b.ts'\nexport const a = () => b\n",
        'core/b.ts': "import { a } from './a.ts'\nexport const b = () => a\n",
      },
    ],
  ])('are broken when %s', (_what, rule, files) => {
    expect(plant(files as unknown as Record<string, string>)).toContain(rule)
  })

  it('hold for every folder of core', async () => {
    const { forbidden } = (await import(config)).default as { forbidden: { name: string; to: { pathNot?: string } }[] }
    const rules = forbidden.filter(({ name }) => /^core-.+-imports$/.test(name))
    const floors = rules.map(({ name }) => name.slice('core-'.length, -'-imports'.length))
    const upward = floors.slice(0, -1).map((floor, at): [string, string] => [floor, floors[at + 1] ?? ''])
    const files = upward.map(([floor, above]) => [`core/${floor}/a.ts`, `export { b } from '../${above}/b.ts'\n`])
    const targets = upward.map(([, above]) => [`core/${above}/b.ts`, 'export const b = 1\n'])
    const found = plant(Object.fromEntries([...files, ...targets]))
    expect(floors.length).toBeGreaterThan(10)
    expect(found.toSorted()).toEqual(upward.map(([floor]) => `core-${floor}-imports`).toSorted())
  })

  it('read the whole tree: a gate that sees no module passes nothing', () => {
    const folders = [
      'core',
      'platform',
      'cluster',
      'enforce',
      'operator',
      'issuer',
      'webhook',
      'guard',
      'authorizer',
      'sdk',
      'cli',
    ]
    const text = execFileSync(cruiser, ['--config', config, '-T', 'json', ...folders], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 1 << 27,
    })
    const report = JSON.parse(text) as Report
    expect(report.modules.length).toBeGreaterThan(100)
  })
})
