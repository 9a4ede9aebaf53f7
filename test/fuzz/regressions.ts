import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSpelledOut } from './corpus.ts'
import type { Violation } from './evidence.ts'
import type { Input } from './input.ts'

/** A failure that was found, as small as it could be made. Once mended it must stay so. */
export interface Regression extends Input {
  readonly found: Violation
}

const folder = join(import.meta.dirname, 'regressions')

export function readRegressions(from = folder): Regression[] {
  const files = readdirSync(from).filter(name => name.endsWith('.json'))
  return files.sort().map(name => parseSpelledOut(readFileSync(join(from, name), 'utf8')) as Regression)
}

/** @returns the file written */
export function writeRegression(regression: Regression, to = folder): string {
  mkdirSync(to, { recursive: true })
  const words = `${regression.found.kind} ${regression.name}`.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  const file = join(to, `${words.slice(0, 80)}.json`)
  writeFileSync(file, `${JSON.stringify(regression, null, 2)}\n`)
  return file
}
