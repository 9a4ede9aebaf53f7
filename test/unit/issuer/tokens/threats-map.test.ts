import { readdir, readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'

// Which test holds which line of the threat list that is about token endpoints: by its title, or the first column of its table.

const lines = 'O01 O02 O03 O04 O05 O06 O08 O09 O10 O12 O14 O15 O25 O26 O27'
const title = /(?:\b(?:it|test|describe)\(\s*|\)\(\s*|^\s*\[\s*)(['"`])((?:(?!\1).)*)\1/gm
const folders = ['./', '../../../integration/issuer/']

it('holds every line of token endpoints by a test of that name', async () => {
  const held = new Set<string>()
  for (const folder of folders.map(path => new URL(path, import.meta.url))) {
    for (const name of (await readdir(folder)).filter(one => one.endsWith('.test.ts'))) {
      const text = await readFile(new URL(name, folder), 'utf8')
      for (const match of text.matchAll(title)) for (const id of match[2]?.match(/\bO\d\d\b/g) ?? []) held.add(id)
    }
  }
  expect(lines.split(' ').filter(id => !held.has(id))).toEqual([])
})
