import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkManifest } from '../../../core/registry/check-manifest.ts'
import { workAtMost } from '../../../core/registry/openapi-reading.ts'
import { openApiRoutes } from '../../../core/registry/openapi-routes.ts'
import { documentLimits, readYaml } from '../../../platform/read-yaml.ts'
import { lexemesPerEntry } from '../../../platform/yaml/compose.ts'
import { repositoryRoot } from '../../cluster/binaries.ts'

const guide = readFileSync(join(repositoryRoot, 'docs/openapi.md'), 'utf8')
/** Each block of YAML with what stands after it, up to the next heading. */
const blocks = [...guide.matchAll(/```yaml\n([\s\S]*?)```\n([\s\S]*?)(?=\n## |\n```yaml|$)/g)].map(
  ([, text = '', after = '']) => ({ value: read(text), after }),
)
const documents = blocks.filter(({ value }) => 'openapi' in value)

function read(text: string): object {
  const found = readYaml(text)
  if ('fault' in found) throw new Error(found.fault)
  return found.value as object
}

function tableOf(text: string): string[][] {
  const lines = text.trimStart().split('\n')
  const rows = lines.slice(
    2,
    lines.findIndex(line => !line.startsWith('|')),
  )
  return rows.map(row =>
    row
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim()),
  )
}

describe('the guide to OpenAPI', () => {
  it('shows manifests that are taken', () => {
    const manifests = blocks.filter(block => !documents.includes(block))
    expect(manifests).toHaveLength(2)
    for (const { value } of manifests) expect(checkManifest(value)).toHaveProperty('object')
  })

  it('shows the routes, or the faults, of its documents', () => {
    expect(documents).toHaveLength(5)
    for (const { value, after } of documents) {
      const found = openApiRoutes(value, 'orders')
      const [, fault] = /^\n```text\n(.*)\n```/.exec(after) ?? []
      if (fault !== undefined) expect(found).toMatchObject({ fault })
      else {
        const shown = 'routes' in found ? found.routes : []
        const rows = shown.map(({ name, methods, path, permission }) => {
          return [name, methods.join(), path, permission ? `${permission.action} ${permission.resource}` : '']
        })
        expect(rows).toEqual(tableOf(after))
      }
    }
  })

  it('says how names of parameters are made', () => {
    for (const [name, made] of [
      ['order-id', 'order_id'],
      ['_id', 'p_id'],
      ['2fa', 'p2fa'],
    ]) {
      expect(guide.replaceAll('\n', ' ')).toContain(`\`{${name}}\` is \`{${made}}\``)
      const found = openApiRoutes({ openapi: '3.1.0', paths: { [`/{${name}}`]: { get: {} } } }, 'orders')
      expect(found).toMatchObject({ routes: [{ path: `/{${made}}` }] })
    }
  })

  it('refuses what it says is refused', () => {
    for (const path of [
      '/{name}:cancel',
      '/{id}.json',
      '/{+name}',
      '/{name*}',
      '/{id:[0-9]+}',
      '/files/*',
      '/a?b=c',
      '/a//b',
      '/a#b',
    ]) {
      expect(guide).toContain(`\`${path}\``)
      expect(openApiRoutes({ openapi: '3.1.0', paths: { [path]: { get: {} } } }, 'orders')).toHaveProperty('fault')
    }
  })

  it('gives the sizes that hold', () => {
    const numbers = Object.fromEntries(tableOf(guide.slice(guide.indexOf('| Limit |'))))
    expect(numbers['size of the document']).toBe(`${documentLimits.bytes / 2 ** 20} MiB as text`)
    expect(numbers['members and items, each reference counted as all that it leads to']).toBe(
      workAtMost.toLocaleString('en'),
    )
    expect(numbers['levels within each other']).toBe(String(documentLimits.depth))
    expect(numbers['values and keys in JSON']).toBe(documentLimits.jsonNodes.toLocaleString('en'))
    const [entries = '', written] = Object.entries(numbers).find(([what]) => what.startsWith('entries of')) ?? []
    expect(entries).toContain('in YAML')
    expect(written).toBe(documentLimits.yamlEntries.toLocaleString('en'))
    expect(numbers['words, signs, spaces and line ends in YAML']).toBe(
      (documentLimits.yamlEntries * lexemesPerEntry).toLocaleString('en'),
    )
  })
})
