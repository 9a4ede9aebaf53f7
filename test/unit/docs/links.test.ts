import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { repositoryRoot } from '../../cluster/binaries.ts'
import { codeOf, documents } from './documents.ts'

const folders = 'bench|charts|cli|core|crds|docs|examples|issuer|operator|platform|sdk|test|webhook'

/** Anchors as GitHub makes them from headings. */
function anchorsOf(path: string): string[] {
  const headings = [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)]
  return headings.map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function isDead(document: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const target = join(repositoryRoot, path === '' ? document : join(dirname(document), path))
  return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor))
}

test('no document links to what is not there', () => {
  const links = documents().flatMap(({ path, text }) =>
    [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = '']) => link)
      .filter(link => !/^[a-z]+:/.test(link))
      .map(link => ({ path, link })),
  )
  expect(links.length).toBeGreaterThan(20)
  expect(links.filter(({ path, link }) => isDead(path, link))).toEqual([])
})

test('no document names a file of the checkout that is not there', () => {
  const named = documents().flatMap(document =>
    codeOf(document)
      .filter(code => new RegExp(`^(${folders})/[A-Za-z0-9_./-]+$`).test(code))
      .map(code => ({ path: document.path, code })),
  )
  expect(named.length).toBeGreaterThan(10)
  expect(named.filter(({ path, code }) => !existsIn(path, code))).toEqual([])
})

/** From the top, or from where the document lies. */
function existsIn(document: string, path: string): boolean {
  return existsSync(join(repositoryRoot, path)) || existsSync(join(repositoryRoot, dirname(document), path))
}

test('every page of docs/ can be reached from the README or another page', () => {
  const all = documents()
  const pages = all.filter(({ path }) => /^docs\/[^/]+\.md$/.test(path)).map(({ path }) => path)
  const linked = new Set(
    all.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\(([^)\s#]+)/g)].map(([, link = '']) => join(dirname(path), link)),
    ),
  )
  expect(pages.length).toBeGreaterThan(5)
  expect(pages.filter(page => !linked.has(page))).toEqual([])
})
