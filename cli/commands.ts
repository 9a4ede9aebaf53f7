import { completion } from './completion/entry.ts'
import { type CommandTable, defineCommand } from './frame/command.ts'
import { leaked } from './leaked/entry.ts'
import { processes } from './processes.ts'
import { propose } from './propose/entry.ts'
import { replaced } from './replaced/entry.ts'
import { tokenExchange, tokenInspect, tokenMint } from './token/entry.ts'
import { unused } from './unused/entry.ts'
import { version } from './version/entry.ts'
import { why } from './why/entry.ts'

/** All that `latchkey` can do. Another command is a folder with an entry and its code, and a line here. */
export const commandTable: CommandTable = {
  processes,
  groups: { token: 'Gets tokens, and looks at them.' },
  commands: [
    defineCommand(why, async () => (await import('./why/explain-call.ts')).explainCall),
    defineCommand(tokenInspect, async () => (await import('./token/inspect-token.ts')).inspect),
    defineCommand(tokenMint, async () => (await import('./token/get-token.ts')).mint),
    defineCommand(tokenExchange, async () => (await import('./token/get-token.ts')).exchangeToken),
    defineCommand(propose, async () => (await import('./propose/propose-access.ts')).proposeAccess),
    defineCommand(replaced, async () => (await import('./replaced/list-replaced.ts')).listReplaced),
    defineCommand(leaked, async () => (await import('./leaked/answer-leak.ts')).answerLeak),
    defineCommand(unused, async () => (await import('./unused/list-unused.ts')).listUnused),
    defineCommand(version, async () => (await import('./version/print-version.ts')).printVersion),
    defineCommand(completion, async () => (await import('./completion/print-script.ts')).printScript),
  ],
}
