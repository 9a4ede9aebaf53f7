import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { token } from '../../../cli/token/command.ts'
import { sliceHash } from '../../../core/rows/hash.ts'
import type { Row } from '../../../core/rows/rows.ts'
import { nowSeconds } from '../../guard/policy-rows.ts'

export interface Result {
  readonly code: number
  readonly text: string
}
export async function run(text: string, ...args: string[]): Promise<Result> {
  let out = ''
  const write = (more: string): void => {
    out += more
  }
  async function* input(): AsyncGenerator<string> {
    yield text.slice(0, 10)
    yield text.slice(10)
  }
  const io = {
    write,
    input: input(),
    defaults: { service: undefined, snapshot: undefined },
    nowMs: nowSeconds() * 1_000,
  }
  return { code: await token(['inspect', ...args], io), text: out }
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
