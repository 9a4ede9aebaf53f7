import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repositoryRoot } from '../cluster/binaries.ts'
import { kubectl } from '../demo/install.ts'

const documents = [
  'README.md',
  'charts/latchkey/README.md',
  'examples/orders/README.md',
  ...readdirSync(join(repositoryRoot, 'docs'))
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
]

/** Every `kubectl get …` line that a document shows in a console block. */
const shown = documents.flatMap(document =>
  [...readFileSync(join(repositoryRoot, document), 'utf8').matchAll(/^\s*\$ (kubectl get [^\n|]*)$/gm)].map(match => ({
    document,
    command: (match[1] ?? '').replace(/\s+#.*$/, '').trim(),
  })),
)

describe('the documented kubectl commands', () => {
  it('are there to be tried', () => {
    expect(shown.length).toBeGreaterThan(0)
  })

  it.each(shown)('$command ($document) answers with objects of ours', async ({ command }) => {
    const args = command
      .split(/\s+/)
      .slice(1)
      .filter(arg => arg !== '-w' && arg !== '--watch')
    const text = await kubectl([...args.filter((arg, i) => arg !== '-o' && args[i - 1] !== '-o'), '-o', 'json'])
    const found = JSON.parse(text) as {
      items?: { apiVersion: string; kind: string }[]
      apiVersion: string
      kind: string
    }
    const ours = /latchkey|apiclient|accesskey|accessgrant|guardedservice|lclient|akey|lrole|gsvc/.test(command)
    for (const object of found.items ?? [found]) if (ours) expect(object.apiVersion).toBe('latchkey.dev/v1alpha1')
  })

  it('mean our roles only when written in full: roles alone is Kubernetes own', async () => {
    const plain = JSON.parse(await kubectl(['get', 'roles', '-A', '-o', 'json'])) as { items: { apiVersion: string }[] }
    expect(plain.items.every(item => item.apiVersion === 'rbac.authorization.k8s.io/v1')).toBe(true)
    const full = JSON.parse(await kubectl(['get', 'roles.latchkey.dev', '-A', '-o', 'json'])) as {
      items: { apiVersion: string }[]
    }
    expect(full.items.length).toBeGreaterThan(0)
    expect(full.items.every(item => item.apiVersion === 'latchkey.dev/v1alpha1')).toBe(true)
  })

  it('show columns that answer the question', async () => {
    const heads = async (resource: string) =>
      (await kubectl(['get', resource, '-A']))
        .split('\n')[0]
        ?.trim()
        .split(/\s{2,}/)
    expect(await heads('apiclients')).toEqual([
      'NAMESPACE',
      'NAME',
      'TYPE',
      'CLIENT-ID',
      'KEYS',
      'STATE',
      'READY',
      'AGE',
    ])
    expect(await heads('accesskeys')).toEqual([
      'NAMESPACE',
      'NAME',
      'CLIENT',
      'TYPE',
      'STATE',
      'EXPIRES',
      'ROTATES',
      'READY',
      'AGE',
    ])
    expect(await heads('guardedservices')).toEqual(['NAMESPACE', 'NAME', 'TARGET', 'MODE', 'GUARDS', 'READY', 'AGE'])
  })
})
