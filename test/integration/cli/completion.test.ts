import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { repositoryRoot } from '../../cluster/binaries.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'completion-'))
  const latchkey = `#!/bin/sh\nexec '${process.execPath}' '${join(repositoryRoot, 'cli/latchkey.ts')}' "$@"\n`
  await writeFile(join(folder, 'latchkey'), latchkey, { mode: 0o755 })
  await writeFile(join(folder, 'token.txt'), '')
})
afterAll(() => rm(folder, { recursive: true }))

/** A shell that takes the script as a person gives it, and completes what was typed. */
function completed(typed: readonly string[]): string[] {
  const script = `
    source <(latchkey completion bash) || exit 1
    complete -p latchkey > /dev/null || exit 1
    compopt() { echo "compopt $*"; }
    COMP_WORDS=(latchkey "$@")
    COMP_CWORD=$#
    _latchkey latchkey "\${COMP_WORDS[COMP_CWORD]}"
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const run = spawnSync('bash', ['--norc', '-c', script, 'bash', ...typed], {
    cwd: folder,
    env: { PATH: `${folder}:${process.env.PATH}` },
    encoding: 'utf8',
  })
  expect([run.status, run.stderr]).toEqual([0, ''])
  return run.stdout.split('\n').filter(line => line !== '')
}

it.each([
  [['to'], ['token']],
  [
    ['token', ''],
    ['inspect', 'mint', 'exchange'],
  ],
  [['why', '--sn'], ['--snapshot']],
  [['why', '--output', '=', 'j'], ['json']],
  [['token', 'inspect', 't'], ['compopt -o default']],
  [['guard', '--upstream-p'], ['--upstream-protocol']],
  [['guard', '--audit-on-block', '=', 'D'], ['Deny']],
  [['authorizer', '--tls-k'], ['--tls-key']],
  [['authorizer', '--peers', ''], ['compopt -o default']],
])('bash completes %j', (typed, expected) => {
  expect(completed(typed)).toEqual(expected)
})
