import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../../cluster/binaries.ts'

/** A document that a person reads, with its path in the checkout. */
export interface Document {
  readonly path: string
  readonly text: string
}

const ignored = /(^|\/)(node_modules|build|dist)(\/|$)|^\./

/** Every Markdown file of the checkout, and what `helm install` prints. */
export function documents(): Document[] {
  const below = (folder: string): string[] =>
    readdirSync(join(repositoryRoot, folder), { withFileTypes: true }).flatMap(entry => {
      const path = join(folder, entry.name)
      if (ignored.test(path)) return []
      return entry.isDirectory() ? below(path) : /\.md$|^NOTES\.txt$/.test(entry.name) ? [path] : []
    })
  return below('').map(path => ({ path, text: readFileSync(join(repositoryRoot, path), 'utf8') }))
}

/** What a document shows as code: its blocks and its spans. What is printed to a terminal is taken as it is. */
export function codeOf({ path, text }: Document): string[] {
  if (path.endsWith('.txt')) return [text]
  // A block within a list stands as far to the right as its item.
  const blocks = [...text.matchAll(/^( *)```.*\n([\s\S]*?)^\1```/gm)].map(([, indent = '', code = '']) =>
    code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  )
  const prose = text.replace(/^( *)```.*\n[\s\S]*?^\1```/gm, '')
  return [...blocks, ...[...prose.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)]
}
