import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

let folder = ''

/** Everything that tests put into the system's folder for temporary files goes into one of theirs, which goes with them. */
export function setup(): void {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-tests-'))
  process.env.TMPDIR = folder
}

export function teardown(): void {
  // A program that a test has just killed may still put a file there: then a folder is not empty when it is removed.
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
}
