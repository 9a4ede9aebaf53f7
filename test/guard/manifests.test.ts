import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RunningGuard } from '../../guard/guard.ts'
import { startStandalone } from '../../guard/standalone.ts'
import { systemClock } from '../../platform/clock.ts'
import { longestDocument } from '../integration/crowd/crowd.ts'
import { createQuietLog } from '../unit/platform/quiet-log.ts'
import { accessYaml, manifestToken } from './access-manifests.ts'
import { issuer, service } from './policy-rows.ts'
import { sendRaw } from './raw-socket.ts'
import { type App, auditLines, startApp } from './rig.ts'
import { until } from './until.ts'

let folder: string
let app: App
let guard: RunningGuard | undefined
let lines: Record<string, unknown>[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'manifests-'))
  app = await startApp()
})
afterEach(async () => {
  await guard?.stop()
  guard = undefined
  await app.close()
  await rm(folder, { recursive: true })
})

async function start(): Promise<void> {
  const quiet = createQuietLog()
  lines = quiet.lines
  guard = await startStandalone(
    {
      manifests: folder,
      service,
      upstreamProtocol: 'http1',
      upstream: `http://127.0.0.1:${app.port}`,
      listen: { host: '127.0.0.1', port: 0 },
      admin: { host: '127.0.0.1', port: 0 },
      audit: join(folder, 'audit.log'),
      issuer,
      installation: 'default',
    },
    { clock: systemClock, log: quiet.log, version: 'test', drainGraceMs: 0, intervalMs: 20 },
  )
}
const statusOf = async (target = '/api/things'): Promise<number> => {
  const head = `GET ${target} HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${manifestToken()}\r\n\r\n`
  return (await sendRaw(guard?.port ?? 0, head)).status
}
const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text)

describe('a guard from manifests', () => {
  it('decides as a cluster would, and audits to a file', async () => {
    await write('access.yaml', accessYaml())
    await start()
    expect(await statusOf()).toBe(200)
    expect(await statusOf('/other')).toBe(403)
    expect(await statusOf('/open/x')).toBe(200)
    const audit = await auditLines(join(folder, 'audit.log'), 3)
    expect(audit[0]).toMatchObject({
      decision: 'allow',
      client: 'callers/alice',
      rule: 'role/caller#0',
      grant: 'alice-calls',
    })
    expect(app.seen[0]?.header('Latchkey-Client')).toBe('callers.alice')
  })
  it('follows a change, also one made by renaming, and a file that goes', async () => {
    await write('access.yaml', accessYaml())
    await start()
    await write('next', accessYaml({ paths: '/other/**' }))
    await rename(join(folder, 'next'), join(folder, 'access.yaml'))
    await until(async () => (await statusOf()) === 403)
    expect(await statusOf('/other/x')).toBe(200)
    await write('more.yml', accessYaml().split('---')[3]?.replace('name: caller', 'name: reader') ?? '')
    await rm(join(folder, 'more.yml'))
    expect(await statusOf('/other/x')).toBe(200)
  })
  it('keeps the last good policy through a broken edit and says what is wrong', async () => {
    await write('access.yaml', accessYaml())
    await start()
    await write('access.yaml', accessYaml({ paths: 'no-slash' }))
    await until(() => lines.some(({ mistakes }) => mistakes !== undefined))
    expect(lines.map(({ mistakes }) => mistakes).join()).toContain(
      'access.yaml, document 4: Role caller: spec.rules[0].paths[0]:',
    )
    expect(await statusOf()).toBe(200)
    await write('access.yaml', accessYaml({ paths: '/mended/**' }))
    await until(async () => (await statusOf('/mended/x')) === 200)
  })
  it.each(['as it is', 'as gzip'])('takes its routes from an OpenAPI document of 2 MiB, %s', async form => {
    const text = longestDocument('api')
    const content =
      form === 'as it is'
        ? { data: { 'openapi.yaml': text } }
        : { binaryData: { 'openapi.yaml': gzipSync(text).toString('base64') } }
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'api', namespace: 'shop' }, ...content }
    await write('document.json', JSON.stringify(configMap))
    await write(
      'access.yaml',
      accessYaml().replace(/^ {2}targetRef: .*$/m, '$&\n  openapi: { configMapRef: { name: api } }'),
    )
    await start()
    expect(await statusOf('/api/things-7/x')).toBe(200)
    expect(await statusOf('/api/undeclared')).toBe(403)
  })
  it('tells of objects that do less than they say', async () => {
    const grant = `---
apiVersion: latchkey.dev/v1alpha1
kind: AccessGrant
metadata: { name: nobody, namespace: shop }
spec: { roleRef: { name: caller }, clients: [{ namespace: callers, name: bob }] }
`
    await write('access.yaml', accessYaml({ extra: grant }))
    await start()
    expect(lines.map(({ problem }) => problem).join()).toContain('there is no ApiClient callers/bob')
  })
  it('tells of a file that cannot be ours, and passes it over', async () => {
    await write('access.yaml', accessYaml())
    await write('kustomization.yaml', 'resources: [access.yaml]\n')
    await start()
    expect(await statusOf()).toBe(200)
    expect(lines.map(({ problem }) => problem)).toContain(
      'kustomization.yaml, document 1 is passed over: it is no Kubernetes object.',
    )
  })
})

describe('mistakes at the start name file, document and field', () => {
  const field = (spec: string): string =>
    `apiVersion: latchkey.dev/v1alpha1\nkind: Role\nmetadata: { name: r }\nspec: ${spec}\n`
  it.each([
    [
      'an unknown field',
      field('{ rules: [{ services: [a], methods: [GET], paths: [/a], verbs: [x] }] }'),
      'bad.yaml, document 1: Role r: spec.rules[0].verbs: there is no such field',
    ],
    [
      'a misspelt field: the one that was meant is named',
      field('{ rules: [{ services: [a], method: [GET], methods: [GET], paths: [/a] }] }'),
      'Role r: spec.rules[0].method: there is no such field; did you mean methods?',
    ],
    [
      'the same further down',
      `${field('{ rules: [] }').replace('Role', 'GuardedService').replace('rules: []', 'targetRef: { name: a, port: 80 }, routes: [{ name: a, path: /a, methods: [GET], permission: { resource: a, actoin: read } }]')}`,
      'spec.routes[0].permission.actoin: there is no such field; did you mean action?',
    ],
    ['a missing field', field('{}'), 'bad.yaml, document 1: Role r: spec.rules:'],
    [
      'a wrong method',
      field('{ rules: [{ services: [a], methods: [get], paths: [/a] }] }'),
      'spec.rules[0].methods[0]:',
    ],
    [
      'an unknown kind',
      'apiVersion: latchkey.dev/v1alpha1\nkind: Roll\nmetadata: { name: r }\n',
      'latchkey.dev has no such kind',
    ],
    [
      'another version',
      'apiVersion: latchkey.dev/v9\nkind: Role\nmetadata: { name: r }\n',
      'apiVersion must be latchkey.dev/v1alpha1',
    ],
    ['no name', 'apiVersion: latchkey.dev/v1alpha1\nkind: Role\n', 'Role: metadata.name is required'],
    ['broken YAML', 'a: [1\nb: 2\n', 'bad.yaml, line'],
    ['a repeated key', 'apiVersion: v1\nkind: A\nkind: B\nmetadata: { name: a }\n', 'bad.yaml, line 3'],
    ['objects in a list', '- apiVersion: latchkey.dev/v1alpha1\n', 'this is no Kubernetes object'],
    [
      'a generated name',
      'apiVersion: latchkey.dev/v1alpha1\nkind: Role\nmetadata: { generateName: r- }\n',
      'write metadata.name',
    ],
    [
      'a status beside the spec is ignored, a stranger is not',
      `${field('{ rules: [{ services: [a], methods: [GET], paths: [/a] }] }')}extra: 1\n`,
      'Role r: extra: there is no such field',
    ],
    [
      'a misspelt spec',
      `${field('{ rules: [] }')}sepc: {}\n`,
      'Role r: sepc: there is no such field; did you mean spec?',
    ],
  ])('%s', async (_what, text, message) => {
    await write('access.yaml', accessYaml())
    await write('bad.yaml', text)
    await expect(start()).rejects.toThrow(message)
  })
  it('no such service', async () => {
    await write('access.yaml', accessYaml().replace('name: orders, namespace', 'name: other, namespace'))
    await expect(start()).rejects.toThrow('There is no GuardedService shop/orders.')
  })
  it('all of them at once', async () => {
    await write('a.yaml', field('{}'))
    await write('b.yaml', field('{}'))
    await expect(start()).rejects.toThrow(/a\.yaml[\s\S]*b\.yaml/)
  })
})
