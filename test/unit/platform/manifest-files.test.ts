import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readManifests } from '../../../platform/manifest-files.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'manifest-files-'))
})
afterEach(() => rm(folder, { recursive: true }))
const write = (name: string, text: string | Uint8Array): Promise<void> => writeFile(join(folder, name), text)
async function read(text: string | Uint8Array, name = 'a.yaml') {
  await write(name, text)
  const { objects, ...told } = await readManifests(folder)
  return { objects: objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`), ...told }
}

const client = (name: string) => `apiVersion: latchkey.dev/v1alpha1\nkind: ApiClient\nmetadata: {name: ${name}}\n`
const json = (name: string) =>
  JSON.stringify({ apiVersion: 'latchkey.dev/v1alpha1', kind: 'ApiClient', metadata: { name } })

describe('a folder of manifests', () => {
  it.each([
    ['YAML', client('a'), ['ApiClient a']],
    ['JSON', json('a'), ['ApiClient a']],
    ['JSON with a byte order mark', `\ufeff${json('a')}`, ['ApiClient a']],
    [
      'YAML that begins with a brace',
      '{apiVersion: latchkey.dev/v1alpha1, kind: ApiClient, metadata: {name: a}}',
      ['ApiClient a'],
    ],
    [
      'several documents, some of them empty',
      `---\n${client('a')}---\n---\n${client('b')}---\n`,
      ['ApiClient a', 'ApiClient b'],
    ],
    ['a List', `apiVersion: v1\nkind: List\nitems: [${json('a')}, ${json('b')}]`, ['ApiClient a', 'ApiClient b']],
    ['a List in a List', `kind: List\nitems: [{kind: List, items: [${json('a')}]}, null]`, ['ApiClient a']],
    ['an empty List', 'apiVersion: v1\nkind: List\nitems: null', []],
    [
      'a list of one kind',
      'apiVersion: latchkey.dev/v1alpha1\nkind: ApiClientList\nitems: [{metadata: {name: a}}]',
      ['ApiClient a'],
    ],
    ['merged parts', `x: 1\n---\n${client('a')}spec: {<<: &x {clientId: shop.a}}\n`, ['ApiClient a']],
    [
      'the built-in kinds of use',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}',
      ['ConfigMap c'],
    ],
    ['an object of another kind', 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {generateName: d-}', []],
    ['a Role of somebody else', 'apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r}', []],
  ])('holds %s', async (_what, text, objects) => {
    expect(await read(text)).toMatchObject({ objects, mistakes: [] })
  })

  it.each([
    ['a kustomization.yaml without a kind', 'resources: [a.yaml]\nnamespace: shop\n', 'no Kubernetes object'],
    ['a package.json', '{"name": "orders", "version": "1.0.0"}', 'no Kubernetes object'],
    ['an OpenAPI document', 'openapi: 3.1.0\ninfo: {}\npaths: {}\n', 'no Kubernetes object'],
    ['a Chart.yaml', 'apiVersion: v2\nname: orders\nversion: 1.0.0\n', 'no Kubernetes object'],
    ['a skaffold.yaml without a version', 'kind: Config\nbuild: {}\n', 'no Kubernetes object'],
    ['a list of texts', '- a\n- b\n', 'no Kubernetes object'],
    ['a text', 'hello\n', 'no Kubernetes object'],
    [
      'a kind of ours in another group',
      'apiVersion: example.org/v1\nkind: ApiClient\nmetadata: {name: a}',
      'ours are of latchkey.dev',
    ],
    [
      'a ConfigMap without a name',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: c-}',
      'generateName names nothing',
    ],
  ])('passes over %s with a warning, and nothing else', async (_what, text, warning) => {
    await write('client.yaml', client('a'))
    const found = await read(text, 'other.yaml')
    expect(found).toMatchObject({ objects: ['ApiClient a'], mistakes: [] })
    expect(found.warnings).toEqual([expect.stringContaining('other.yaml, document 1 is passed over: ')])
    expect(found.warnings.join()).toContain(warning)
  })

  it('passes over a Kustomization, which has no name, without a word', async () => {
    const text = 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n'
    expect(await read(text, 'kustomization.yaml')).toEqual({ objects: [], mistakes: [], warnings: [] })
  })

  it.each([
    [
      'generateName',
      client('a').replace('name: a', 'generateName: a-'),
      'a.yaml, document 1: ApiClient: metadata.generateName names nothing without a cluster',
    ],
    ['no name', client('a').replace('name: a', ''), 'a.yaml, document 1: ApiClient: metadata.name is required'],
    ['a name that Kubernetes would not take', client('a/b'), 'ApiClient a/b: metadata.name: expected lower-case'],
    [
      'a namespace that is a number',
      client('a').replace('{name: a', '{namespace: 5, name: a'),
      'metadata.namespace: expected',
    ],
    ['a misspelt apiVersion', client('a').replace('apiVersion', 'apiVerson'), 'apiVersion and kind are required'],
    ['no apiVersion', 'kind: Role\nmetadata: {name: a}', 'apiVersion and kind are required'],
    ['no kind', 'apiVersion: latchkey.dev/v1alpha1\nmetadata: {name: a}', 'apiVersion and kind are required'],
    [
      'a group in other letters',
      client('a').replace('latchkey', 'Latchkey'),
      'apiVersion must be latchkey.dev/v1alpha1',
    ],
    ['objects in a list', `- ${json('a')}`, 'this is no Kubernetes object'],
    ['a List that is none', 'apiVersion: v1\nkind: List\nitems: {}', 'List: items must be a list'],
    [
      'a fault in a List',
      `kind: List\nitems: [${json('a')}, ${json('a/b')}]`,
      'a.yaml, document 1, item 2: ApiClient a/b',
    ],
    [
      'a member twice in JSON',
      '{"kind": "Role", "kind": "ApiClient"}',
      'a.yaml, line 1, column 18: a key that stands twice',
    ],
    ['a key twice in YAML', `${client('a')}kind: Role\n`, 'a.yaml, line 4, column 1: a key that stands twice'],
    [
      'an object twice',
      `${client('a')}---\n${client('a')}`,
      'a.yaml, document 2: ApiClient default/a stands in a.yaml, document 1 already',
    ],
    ['a template that is not filled in', 'a: {{ .Values.a }}', 'a.yaml, line 1'],
    [
      'data that is no text',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {openapi.yaml: {openapi: 3.1.0}}',
      'data.openapi.yaml: expected a text',
    ],
    [
      'ports that are none',
      'apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: http}',
      'spec.ports: expected a list',
    ],
  ])('is told %s', async (_what, text, mistake) => {
    const { mistakes } = await read(text)
    expect(mistakes).toEqual([expect.stringContaining(mistake)])
  })

  it('is told a file that is not UTF-8', async () => {
    const { mistakes } = await read(Buffer.from(client('ä'), 'latin1'))
    expect(mistakes).toEqual(['a.yaml: the file is not UTF-8'])
    expect((await read(Buffer.from(`\ufeff${client('a')}`, 'utf16le'))).mistakes).toEqual([
      'a.yaml: the file is not UTF-8',
    ])
  })

  it('is told all mistakes of all files at once, and files in capitals are read too', async () => {
    await write('b.YAML', 'a: [')
    await write('.hidden.yaml', 'a: [')
    const { mistakes } = await read(`${client('a/b')}---\n${client('c/d')}`)
    expect(mistakes).toHaveLength(3)
  })
})
