import { existsSync } from 'node:fs'
import { guardFlags } from '../platform/guard-process.ts'
import { version } from '../platform/version.ts'

/**
 * The one command of the image: `latchkey <process>`, or a command for people. Each is a bundle of its own beside this
 * file (or, in a checkout, its source), so that a guard never loads what only the operator needs.
 */
const processes: Readonly<Record<string, { source: string; what: string }>> = {
  operator: {
    source: '../operator/main.ts',
    what: 'Controllers: keys, grants, certificates. Reads its settings from LATCHKEY_*.',
  },
  issuer: { source: '../issuer/main.ts', what: 'JWKS, discovery, and the snapshots that guards decide from.' },
  webhook: { source: '../webhook/main.ts', what: 'Admission checks and guard injection.' },
  guard: {
    source: '../guard/main.ts',
    what: 'Decides every call to one service. `latchkey guard --help` tells its form without a cluster.',
  },
  authorizer: {
    source: '../authorizer/main.ts',
    what: 'Answers Envoy, nginx, haproxy and Traefik whether a call may pass. `latchkey authorizer --help` tells more.',
  },
}

/** What people run, and what ends by itself. */
const commands: typeof processes = {
  why: { source: './why/main.ts', what: 'Explains why a call is allowed or denied, and what would change that.' },
  token: { source: './token/main.ts', what: 'Says what is wrong with a token, and which service would take it.' },
  propose: { source: './propose/main.ts', what: 'Proposes the Role and AccessGrants that seen traffic needs.' },
}

function usage(): string {
  const width = Math.max(...Object.keys({ ...processes, ...commands }).map(name => name.length))
  const listed = (list: typeof processes): string =>
    Object.entries(list)
      .map(([name, { what }]) => `  ${name.padEnd(width)}  ${what}\n`)
      .join('')
  return `Usage: latchkey <process or command> [options]\n\nProcesses:\n${listed(processes)}\nCommands:\n${listed(commands)}  ${'version'.padEnd(width)}  Prints the version.\n`
}

/**
 * Begins again as the same process with V8's flags, which cannot be set later. An injected guard has them in NODE_OPTIONS
 * and starts once; where the system cannot do it, the process goes on without them.
 */
function withFlags(flags: readonly string[]): void {
  const { execArgv, execPath, execve, argv } = process
  const given = [...execArgv, process.env.NODE_OPTIONS ?? ''].join(' ')
  const missing = flags.filter(flag => !given.includes(flag.split('=', 1)[0] ?? flag))
  if (missing.length > 0 && execve) execve(execPath, [execPath, ...execArgv, ...missing, ...argv.slice(1)])
}

const [name, ...rest] = process.argv.slice(2)
if (name === 'guard') withFlags(guardFlags)
const known = { ...processes, ...commands }
const chosen = name === undefined || !Object.hasOwn(known, name) ? undefined : known[name]
if (chosen) {
  process.argv.splice(2, process.argv.length - 2, ...rest)
  const bundle = new URL(`./${name}.mjs`, import.meta.url)
  await import((existsSync(bundle) ? bundle : new URL(chosen.source, import.meta.url)).href)
} else if (name === 'version' || name === '--version') {
  process.stdout.write(`latchkey ${version}\n`)
} else if (name === 'help' || name === '--help' || name === '-h') {
  process.stdout.write(usage())
} else {
  process.stderr.write(
    `${name === undefined ? 'Name a process or a command.' : `There is no process or command named ${JSON.stringify(name)}.`}\n\n${usage()}`,
  )
  process.exitCode = 2
}
