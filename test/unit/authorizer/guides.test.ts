import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { readHttpCheck } from '../../../authorizer/http/read-check.ts'
import { readPeers } from '../../../authorizer/peers/peers.ts'

const root = join(import.meta.dirname, '../../..')
// Those of proxies: others stand beside them.
const guides = readdirSync(join(root, 'docs/guides'))
  .map(name => ({ name, text: readFileSync(join(root, 'docs/guides', name), 'utf8') }))
  .filter(({ text }) => text.includes('external-authorizer'))
const blocks = (text: string) =>
  [...text.matchAll(/```(\w+)\n(.*?)```\n/gs)].map(([, language = '', content = '']) => ({ language, content }))
const objects = (text: string) =>
  blocks(text)
    .filter(({ language }) => language === 'yaml')
    .flatMap(({ content }) => parseAllDocuments(content).map(document => [document.errors, document.toJS()] as const))

describe.each(guides)('$name', ({ text }) => {
  it('shows files as they are: those that the tests run', () => {
    for (const [, file = '', shown] of text.matchAll(/\[examples\/authorizer\/([\w.-]+)\].*?```\w+\n(.*?)```/gs)) {
      expect([file, shown]).toEqual([file, readFileSync(join(root, 'examples/authorizer', file), 'utf8')])
    }
  })
  it('has YAML that can be read, and a list of peers that is taken', () => {
    const found = objects(text)
    expect(found.flatMap(([errors]) => errors)).toEqual([])
    const peers = found.flatMap(([, object]) => object.authorizer?.peers ?? [])
    expect(peers).toHaveLength(1)
    const { secretName, ...peer } = peers[0]
    expect(readPeers([{ ...peer, ...(secretName && { secretFile: secretName }) }])).toHaveProperty('peers')
  })
  it('names the service in paths that are understood', () => {
    const paths = [...text.matchAll(/\/check\/[a-z]+\/[a-z]+/g)].map(([path]) => path)
    expect(paths.concat(text.includes('lua.latchkey shop/orders') ? '/check/shop/orders' : [])).not.toEqual([])
    for (const target of paths) {
      const check = readHttpCheck({ method: 'GET', target, fields: [], values: [] })
      expect(check).toMatchObject({ service: 'shop/orders', rest: '' })
    }
  })
})

it('every example stands in a guide, and every guide in the overview', () => {
  const shown = guides.map(({ text }) => text).join()
  const overview = readFileSync(join(root, 'docs/external-authorizer.md'), 'utf8')
  for (const file of readdirSync(join(root, 'examples/authorizer')))
    expect(shown + overview).toContain(
      `(../../examples/authorizer/${file})`.replace('../../', file === 'peers.yaml' ? '../' : '../../'),
    )
  for (const { name } of guides) expect(overview).toContain(`(guides/${name})`)
})
