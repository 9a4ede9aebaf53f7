import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { sliceHash } from '../../../core/rows/hash.ts'
import type { Row } from '../../../core/rows/rows.ts'
import { nowSeconds } from '../../guard/policy-rows.ts'
import { runCommand } from './command-line.ts'

export interface Result {
  readonly code: number
  readonly text: string
}
export function run(text: string, ...args: string[]): Promise<Result> {
  const input = [text.slice(0, 10), text.slice(10)]
  const env = { LATCHKEY_SNAPSHOT_FILE: join(tmpdir(), 'no-snapshot-is-here') }
  return runCommand(['token', 'inspect', ...args], { input, env, nowMs: nowSeconds() * 1_000 })
}
export const codes = ({ text }: Result): string[] =>
  (JSON.parse(text) as { faults: { code: string }[] }).faults.map(({ code }) => code)

/** A folder for each test of the file that calls this. */
export function folderForEach(): { readonly path: string; store(rows: readonly Row[]): Promise<string[]> } {
  let path = ''
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'token-'))
  })
  afterEach(() => rm(path, { recursive: true }))
  return {
    get path() {
      return path
    },
    /** Writes the rows there as a guard would keep them. @returns the arguments that name them */
    async store(rows) {
      const file = join(path, 'snapshot.json')
      const confirmedAt = nowSeconds() * 1_000
      const stored = { version: 1, service: 'shop/orders', seen: {}, hash: sliceHash(rows), rows, confirmedAt }
      await writeFile(file, JSON.stringify(stored))
      return ['--snapshot', file, '--service', 'shop/orders']
    },
  }
}
