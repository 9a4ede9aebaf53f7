import { Readable } from 'node:stream'
import { commandTable } from '../../../cli/commands.ts'
import type { CommandTable, Environment } from '../../../cli/frame/command.ts'
import { runCommandLine } from '../../../cli/frame/run-command-line.ts'

export interface Around {
  /** What comes by standard input; undefined: it is a terminal. */
  readonly input?: readonly string[] | undefined
  readonly env?: Environment
  readonly nowMs?: number
  readonly table?: CommandTable
}

/** Runs `latchkey` as a process would, without one. */
export async function commandLine(
  args: readonly string[],
  { input, env = {}, nowMs = Date.now(), table = commandTable }: Around = {},
): Promise<{ code: number; text: string; complaint: string }> {
  const said = { text: '', complaint: '' }
  const code = await runCommandLine(args, table, {
    write(more) {
      said.text += more
    },
    complain(more) {
      said.complaint += more
    },
    input: Object.assign(Readable.from(input ?? []), { isTTY: input === undefined }),
    env,
    nowMs,
  })
  return { code, ...said }
}

/** The same where the command can be run. @throws Error with the complaint when it cannot */
export async function runCommand(args: readonly string[], around: Around): Promise<{ code: number; text: string }> {
  const { code, text, complaint } = await commandLine(args, around)
  if (code > 1) throw new Error(complaint)
  return { code, text }
}
