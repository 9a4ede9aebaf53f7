import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, symlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cached, repositoryRoot } from './cluster/binaries.ts'

const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: repositoryRoot, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()

/**
 * The full hash of a commit.
 * @throws Error with the command that fetches it when this clone does not have it
 */
export function fullCommit(name: string): string {
  try {
    return git('rev-parse', '--verify', '--quiet', `${name}^{commit}`)
  } catch (cause) {
    throw new Error(`this clone has no commit ${name}: run git fetch --unshallow`, { cause })
  }
}

/** The commit of the last release, whole: guards of it run until their pods are rolled out again. */
export const previousRelease: { readonly release: string; readonly commit: string } = JSON.parse(
  readFileSync(join(repositoryRoot, 'test/previous.json'), 'utf8'),
)

/** The dist/ of an earlier commit: built once, with the packages of its own lock, and kept in the cache by its hash. */
export function previousBundle(commit: string): Promise<string> {
  const isFull = /^[0-9a-f]{40}$/.test(commit)
  return cached(`bundle-${isFull ? commit : fullCommit(commit)}`, async directory => {
    // What is in the cache needs no history.
    fullCommit(commit)
    const tree = await mkdtemp(join(tmpdir(), 'latchkey-previous-'))
    try {
      git('worktree', 'add', '--quiet', '--detach', '--force', tree, commit)
      installPackages(tree)
      execFileSync(process.execPath, ['build.ts'], { cwd: tree, stdio: ['ignore', 'ignore', 'inherit'] })
      cpSync(join(tree, 'dist'), directory, { recursive: true })
    } finally {
      await rm(tree, { recursive: true, force: true })
      git('worktree', 'prune')
    }
  })
}

function installPackages(tree: string): void {
  const lock = 'package-lock.json'
  if (readFileSync(join(tree, lock), 'utf8') === readFileSync(join(repositoryRoot, lock), 'utf8')) {
    symlinkSync(join(repositoryRoot, 'node_modules'), join(tree, 'node_modules'))
  } else {
    execFileSync('npm', ['install', '--no-save', '--no-fund', '--no-audit'], { cwd: tree, stdio: 'ignore' })
  }
}
