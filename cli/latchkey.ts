import { existsSync } from 'node:fs'
import { completing } from '../platform/completion.ts'
import { guardFlags } from '../platform/guard-process.ts'
import { processes } from './processes.ts'

/**
 * The one command of the image: `latchkey <process>`, or a command for people. A process is a bundle beside this file (or,
 * in a checkout, its source); commands are loaded only when no process is asked for.
 */
const given = process.argv.slice(2)
const [first, asked = '', ...behind] = given
const [name = '', ...rest] = asProcess() ?? given
if ((name === 'guard' || name === 'authorizer') && first === name) withFlags(guardFlags)
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
  // Who reads may have seen enough, as `head` has; the command ends as it would have. What could not be written for another
  // reason was not said: a script must not take it for an answer.
  let lost = false
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') return
    if (!lost) process.stderr.write(`latchkey: standard output cannot be written: ${code}\n`)
    lost = true
    process.exitCode = 2
  })
  // Nobody is left who could be told.
  process.stderr.on('error', () => {})
  const code = await runCommandLine(given, commandTable, {
    write: text => void process.stdout.write(text),
    complain: text => void process.stderr.write(text),
    get input() {
      return process.stdin
    },
    env: process.env,
    nowMs: Date.now(),
  })
  process.exitCode = lost ? 2 : code
}

/** What of a process is asked that has options: it answers for them itself. */
function asProcess(): readonly string[] | undefined {
  if (!Object.hasOwn(processes, asked) || !processes[asked]?.hasHelp) return undefined
  if (first === 'help') return [asked, '--help']
  return first === completing && behind.length > 0 ? [asked, completing, ...behind] : undefined
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
