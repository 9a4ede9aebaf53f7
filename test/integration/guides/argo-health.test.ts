import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { kinds } from '../../../core/api/kinds.ts'
import { unseenStatus } from '../../../core/api/schema.ts'
import { cached, keyOf, repositoryRoot } from '../../cluster/binaries.ts'
import { run } from '../../cluster/command.ts'
import { kstatus } from '../kinds/kstatus.ts'

/** The interpreter of Lua that Argo CD has built in. */
const interpreter = 'github.com/yuin/gopher-lua/cmd/glua@v1.1.2'
const scripts: Record<string, string> = parse(
  readFileSync(join(repositoryRoot, 'examples/gitops/argocd-cm.yaml'), 'utf8'),
).data

let glua: string
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'argo-health-'))
  const directory = await cached(`glua-${keyOf(interpreter, process.arch)}`, async into => {
    await run('go', ['install', interpreter], { env: { GOBIN: into } })
  })
  glua = join(directory, 'glua')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** An object as a table of Lua. */
function lua(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(lua).join(',')}}`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([name, one]) => `[${JSON.stringify(name)}]=${lua(one)}`)
    .join(',')}}`
}

async function health(kind: string, object: object): Promise<{ status: string; message: string }> {
  const script = scripts[`resource.customizations.health.latchkey.dev_${kind}`] ?? ''
  const file = join(folder, 'check.lua')
  writeFileSync(
    file,
    `local obj = ${lua(object)}\nlocal health = (function()\n${script}\nend)()\nprint(health.status)\nprint(health.message)\n`,
  )
  const [status = '', message = ''] = (await run(glua, [file])).split('\n')
  return { status, message }
}

const condition = (type: string, status: string, reason = type) => ({
  type,
  status,
  reason,
  message: `It is ${reason}.`,
})
const object = (conditions?: object[], observedGeneration?: number) => ({
  metadata: { name: 'x', generation: 3 },
  ...(conditions && { status: { conditions, ...(observedGeneration !== undefined && { observedGeneration }) } }),
})

test('there is a health check for every kind', () => {
  const names = Object.keys(scripts).filter(name => name.includes('.health.'))
  expect(names.sort()).toEqual(kinds.map(({ kind }) => `resource.customizations.health.latchkey.dev_${kind}`).sort())
  expect(new Set(names.map(name => scripts[name])).size).toBe(1)
})

test('what is written every few minutes while a key is used is no reason to look again, of every kind that has it', () => {
  const used = kinds
    .filter(({ columns }) => columns.some(({ jsonPath }) => jsonPath === '.status.lastUsedAt'))
    .map(({ kind }) => kind)
  expect(used).toEqual(['AccessKey', 'Role', 'AccessGrant'])
  for (const kind of used) {
    const pointers = parse(scripts[`resource.customizations.ignoreResourceUpdates.latchkey.dev_${kind}`] ?? '')
    expect(pointers).toEqual({ jsonPointers: ['/status/lastUsedAt'] })
  }
})

const unseen = [...unseenStatus.conditions]
describe('the health of an object', () => {
  test.each<[string, ReturnType<typeof object>, string]>([
    ['without a status', object(), 'Progressing'],
    ['that nobody has looked at', object(unseen), 'Progressing'],
    ['that is ready', object([condition('Ready', 'True')], 3), 'Healthy'],
    ['whose spec has changed since', object([condition('Ready', 'True')], 2), 'Progressing'],
    ['that is revoked', object([condition('Ready', 'True', 'Revoked')], 3), 'Healthy'],
    ['that waits for another', object([condition('Ready', 'False', 'ClientNotFound')], 3), 'Progressing'],
    ['that a person has to mend', object([condition('Ready', 'False'), condition('Stalled', 'True')], 3), 'Degraded'],
    ['that is ready, and open', object([condition('Ready', 'True'), condition('Stalled', 'True')], 3), 'Degraded'],
    ['that is paused, with something left to do', object([condition('Ready', 'False', 'Paused')], 3), 'Suspended'],
    [
      'that is paused and well',
      object([condition('Ready', 'True', 'Paused'), condition('Paused', 'True')], 3),
      'Healthy',
    ],
  ])('%s: %j is %s', async (_, one, expected) => {
    const { status, message } = await health('AccessKey', one)
    expect([status, message]).toEqual([expected, expect.stringMatching(/\.$/)])
    const same = { Current: 'Healthy', Failed: 'Degraded', InProgress: 'Progressing', Terminating: '' }
    // kstatus knows no word for what waits on purpose.
    if (expected !== 'Suspended' && 'status' in one)
      expect(same[kstatus(one as Parameters<typeof kstatus>[0])]).toBe(expected)
  })
})
