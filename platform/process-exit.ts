/**
 * How every process ends that runs until it is stopped. 2 is what the commands for people end with on wrong usage: beginning
 * again helps nobody there, until somebody changes something.
 */
export const processExits = {
  stopped: { code: 0, what: 'it was stopped by SIGTERM or SIGINT and has ended in order' },
  fault: {
    code: 1,
    what: 'a fault, which the log or standard error tells: no longer the leader, a port that is taken, not stopped in time or told twice, a mistake of ours',
  },
  settings: { code: 2, what: 'options, settings or files that it cannot begin with; standard error names each' },
} as const

/** The same for `--help`. */
export const processExitHelp = `\nExit codes:\n${Object.values(processExits)
  .map(({ code, what }) => `  ${code}  ${what}\n`)
  .join('')}`

/** What somebody has to change before the process can begin; the message says it in sentences. */
export class SettingsError extends Error {}

/** What a process cannot begin without. @param read throws Error with a sentence for people */
export function readOrExit<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    return end(name, error, 'settings')
  }
}

/** Ends a process that could not begin. Where a setting or a file is wrong the sentence is what helps, no stack trace. */
export function endUnbegun(name: string, error: unknown): never {
  end(name, error, error instanceof SettingsError || isOfFile(error) ? 'settings' : 'fault')
}

/** Ends it as commander wants to: after help that was asked for, or a mistake that it has told. */
export function endByOptions({ exitCode }: { readonly exitCode: number }): never {
  process.exit(processExits[exitCode === 0 ? 'stopped' : 'settings'].code)
}

function end(name: string, error: unknown, as: keyof typeof processExits): never {
  process.stderr.write(`latchkey ${name}: ${(error as Error).message}\n`)
  process.exit(processExits[as].code)
}

/** A file that a setting names is not there, or may not be opened. */
function isOfFile(error: unknown): boolean {
  const { errno, path } = error as { errno?: unknown; path?: unknown }
  return typeof errno === 'number' && typeof path === 'string'
}
