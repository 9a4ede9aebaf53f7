import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { schemaFaultOf } from '../../../core/api/kind.ts'
import { kinds } from '../../../core/api/kinds.ts'
import { repositoryRoot } from '../../cluster/binaries.ts'
import { documents } from './documents.ts'

interface Shown {
  readonly path: string
  readonly yaml: string
}
const shown: Shown[] = documents().flatMap(({ path, text }) =>
  [...text.matchAll(/^( *)```ya?ml\n([\s\S]*?)^\1```/gm)].map(([, indent = '', yaml = '']) => ({
    path,
    yaml: yaml.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  })),
)
const read = ({ path, yaml }: Shown) =>
  parseAllDocuments(yaml).map(document => ({ path, document, object: document.toJS() }))

test('all YAML that documents show can be read', () => {
  expect(shown.length).toBeGreaterThan(30)
  const faults = shown
    .flatMap(read)
    .flatMap(({ path, document }) => document.errors.map(({ message }) => [path, message]))
  expect(faults).toEqual([])
})

test('every whole object of ours that documents show is taken by its schema', () => {
  const ours = shown.flatMap(read).filter(({ object }) => String(object?.apiVersion).startsWith('latchkey.dev/'))
  expect(ours.length).toBeGreaterThan(20)
  const faults = ours.map(({ path, object }) => {
    const kind = kinds.find(one => one.kind === object.kind)
    return [path, kind ? schemaFaultOf(kind, object.spec ?? {}) : `no kind ${object.kind}`]
  })
  expect(faults.filter(([, fault]) => fault !== undefined)).toEqual([])
})

test.each([
  ['docs/guides/gitops.md', 'examples/gitops/argocd-cm.yaml'],
  ['docs/guides/own-keys.md', 'examples/own-key/.sops.yaml'],
])('%s shows %s as it is', (path, file) => {
  const yaml = readFileSync(join(repositoryRoot, file), 'utf8')
  expect(shown.filter(one => one.path === path).map(one => one.yaml)).toContain(yaml)
})
