import { completing } from '../../platform/completion.ts'
import type { CommandIo, CommandTable } from './command.ts'
import { CommandError, exitCodes, type Outcome } from './exit-codes.ts'
import { printable } from './output.ts'

/** Runs what the command line asks for. @returns the exit code */
export async function runCommandLine(args: readonly string[], table: CommandTable, io: CommandIo): Promise<number> {
  if (args[0] === completing) {
    const { complete } = await import('./complete.ts')
    io.write(complete(args.slice(1), table))
    return exitCodes.ok.code
  }
  const { createProgram, endOf } = await import('./program.ts')
  let name = ''
  let outcome: Outcome = 'ok'
  const program = createProgram(table, io, async (command, given) => {
    name = ` ${command.name}`
    outcome = await (await command.load())(given, io)
  })
  try {
    if (args.length === 0) {
      io.complain('Name a process or a command.\n\n')
      program.help({ error: true })
    }
    await program.parseAsync(idsLast(asCommand(args, table)), { from: 'user' })
    return exitCodes[outcome].code
  } catch (error) {
    const end = endOf(error)
    if (end !== undefined) return exitCodes[end].code
    // Somebody else's text may be in it, of a file or of a server.
    const lines = (error as Error).message.split('\n').map(printable)
    io.complain(`latchkey${name}: ${lines.join('\n')}\n`)
    return exitCodes[error instanceof CommandError ? error.exit : 'usage'].code
  }
}

/** One key id in 64 begins with a dash, and none of our options is as long: no option, so it stands behind all of them. */
function idsLast(words: readonly string[]): readonly string[] {
  const ids = words.filter(word => /^-[A-Za-z0-9_-]{42}$/.test(word))
  if (ids.length === 0 || words.includes('--')) return words
  return [...words.filter(word => !ids.includes(word)), '--', ...ids]
}

/**
 * `help why` is `why --help`, and `token help` is `token --help`. What follows a word that nobody knows is left out:
 * commander would answer `--help` behind it, and not say that there is no such command.
 */
function asCommand(args: readonly string[], { processes, groups, commands }: CommandTable): readonly string[] {
  const at = Object.hasOwn(groups, args[0] ?? '') ? 1 : 0
  const words = args[at] === 'help' ? [...args.slice(0, at), ...args.slice(at + 1), '--help'] : args
  const names = [...Object.keys(processes), ...commands.map(({ name }) => name)]
  for (const [place, word] of words.entries()) {
    const begun = words.slice(0, place + 1).join(' ')
    if (word.startsWith('-') || names.includes(begun)) return words
    if (!names.some(name => name.startsWith(`${begun} `))) return words.slice(0, place + 1)
  }
  return words
}
