import { execFileSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { delimiter, join, sep } from 'node:path'

export interface FoundNode {
  readonly path: string
  readonly version: string
}

/** The oldest Node of PATH that is not one of a node_modules: what a person has, on a machine that ran `make`. */
export function oldestNode(): FoundNode {
  const paths = (process.env.PATH ?? '')
    .split(delimiter)
    .map(folder => join(folder, 'node'))
    .filter(path => existsSync(path))
    .map(path => realpathSync(path))
    .filter(path => !path.includes(`${sep}node_modules${sep}`))
  const found = [...new Set(paths)].map(path => ({ path, version: versionOf(path) }))
  const own = { path: process.execPath, version: process.version }
  return found.sort((a, b) => a.version.localeCompare(b.version, 'en', { numeric: true }))[0] ?? own
}

function versionOf(path: string): string {
  return execFileSync(path, ['--version'], { encoding: 'utf8' }).trim()
}
