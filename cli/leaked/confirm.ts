import { createInterface } from 'node:readline'
import type { CommandIo } from '../frame/command.ts'
import { CommandError } from '../frame/exit-codes.ts'

/** Asks a person at a terminal. @throws CommandError `usage` where nobody can be asked */
export async function confirm(question: string, io: CommandIo): Promise<boolean> {
  if (!io.input.isTTY)
    throw new CommandError('usage', 'nobody can be asked here whether the key is to be revoked: add --yes')
  io.complain(`${question} [y/N] `)
  const lines = createInterface({ input: io.input })
  for await (const line of lines) {
    lines.close()
    return /^\s*y(es)?\s*$/i.test(line)
  }
  return false
}
