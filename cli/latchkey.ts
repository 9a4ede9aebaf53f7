import { existsSync } from 'node:fs'
import { guardFlags } from '../platform/guard-process.ts'
import { processes } from './processes.ts'

/**
 * The one command of the image: `latchkey <process>`, or a command for people. A process is a bundle beside this file (or,
 * in a checkout, its source); commands are loaded only when no process is asked for.
 */
const given = process.argv.slice(2)
const [first, asked = ''] = given
const [name = '', ...rest] = first === 'help' && hasHelp(asked) ? [asked, '--help'] : given
if (name === 'guard' || name === 'authorizer') withFlags(guardFlags)
const chosen = Object.hasOwn(processes, name) ? processes[name] : undefined
if (chosen && (chosen.hasHelp || !rest.some(word => word === '--help' || word === '-h'))) {
  process.argv.splice(2, process.argv.length - 2, ...rest)
  const bundle = new URL(`./${name}.mjs`, import.meta.url)
  await import((existsSync(bundle) ? bundle : new URL(chosen.source, import.meta.url)).href)
} else {
  const [{ runCommandLine }, { commandTable }] = await Promise.all([
    import('./frame/run-command-line.ts'),
    import('./commands.ts'),
  ])
  // Who reads may have seen enough, as `head` has; the command ends as it would have.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  process.exitCode = await runCommandLine(given, commandTable, {
    write: text => void process.stdout.write(text),
    complain: text => void process.stderr.write(text),
    get input() {
      return process.stdin
    },
    env: process.env,
    nowMs: Date.now(),
  })
}

function hasHelp(word: string): boolean {
  return Object.hasOwn(processes, word) && processes[word]?.hasHelp === true
}

/**
 * Begins again as the same process with V8's flags, which cannot be set later. An injected guard has them in NODE_OPTIONS
 * and starts once; where the system cannot do it, the process goes on without them.
 */
function withFlags(flags: readonly string[]): void {
  const { execArgv, execPath, execve, argv } = process
  const begun = [...execArgv, process.env.NODE_OPTIONS ?? ''].join(' ')
  const missing = flags.filter(flag => !begun.includes(flag.split('=', 1)[0] ?? flag))
  if (missing.length > 0 && execve) execve(execPath, [execPath, ...execArgv, ...missing, ...argv.slice(1)])
}
