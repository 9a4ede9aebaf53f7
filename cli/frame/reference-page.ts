import { processExits } from '../../platform/process-exit.ts'
import { type Command, type CommandTable, companyOf, exitsOf, flagOf, type Option } from './command.ts'
import { exitCodes } from './exit-codes.ts'

/** docs/cli.md: the table as people read it. */
export function commandLinePage({ processes, commands }: CommandTable): string {
  return `${head}
${table(
  ['Exit code', 'Meaning'],
  Object.values(exitCodes).map(({ code, what }) => [`${code}`, what]),
)}${rules}
## Processes

What runs until it is stopped. \`latchkey help PROCESS\` says how it is used.

${table(
  ['Process', 'What it does'],
  Object.entries(processes).map(([name, { summary }]) => [`\`${name}\``, summary]),
)}
They end in one of these ways, and a process that cannot begin says why on standard error:

${table(
  ['Exit code', 'Meaning'],
  Object.values(processExits).map(({ code, what }) => [`${code}`, what]),
)}
${commands.map(section).join('\n')}`
}

const head = `# Command line

<!-- Made by \`make generate\` from the tables in cli/. Do not edit. -->

\`latchkey\` is the one command of the image and, after \`make build\`, of a checkout: \`node dist/latchkey.mjs\`, with Node 20.16 or later.
\`latchkey help COMMAND\` prints the same of one command, but for which options are required. A word that nobody knows is answered with the nearest one that there is.

## Rules

Every command for people ends in one of these ways; [processes](#processes) end in ways of their own. What was asked for goes to standard output, what is wrong with the question to standard error.
`

const rules = `
**Output.** \`-o\` names the form where a command has several. \`text\` is for people and may change. \`json\` and \`yaml\` are for
programs: members may come in addition, but within a release none goes away or changes what it means. \`raw\` is one value alone.
[Troubleshooting](troubleshooting.md#output-for-programs) lists those of \`why\`, \`token inspect\`, \`token mint\`, \`token exchange\`, \`replaced\`, \`unused\` and \`leaked\`.

**Cluster.** A command that asks a cluster takes it as kubectl does: \`--kubeconfig\`, else the files that \`$KUBECONFIG\` lists, else
\`~/.kube/config\`; \`--context\`; where it looks at namespaces, \`-n\` for one, \`-A\` for all, else the context's. Tokens in files, other
people's rights (\`as\`), plugins (\`exec\`), which may ask at the terminal, and proxies (\`proxy-url\`, \`HTTPS_PROXY\`, \`NO_PROXY\`; HTTP and
SOCKS 5) are taken as there. Its credential goes to its API server alone, and never over plain HTTP. A command without these flags
uses no network, but for \`token exchange\`, which asks the issuer.

**Completion.** For this shell; put the line into the file that the shell reads at its start to have it always:

\`\`\`console
$ source <(latchkey completion bash)
$ source <(latchkey completion zsh)
$ latchkey completion fish | source
\`\`\`
`

function section(command: Command): string {
  const { name, summary, about = summary, arguments: all = [], options, examples } = command
  const places = all.map(each => (each.preset === undefined ? each.name.toUpperCase() : `[${each.name.toUpperCase()}]`))
  const exits = exitsOf(command).map(([exit, here]) => `${exitCodes[exit].code} ${here ?? exitCodes[exit].what}`)
  const given = [
    ...all.map(each => [`\`${each.name.toUpperCase()}\``, described(each)]),
    ...Object.entries(options).map(([key, option]) => [`\`${spelt(key, option)}\``, described(option)]),
  ]
  return `## latchkey ${name}

${about}

\`\`\`text
latchkey ${[name, ...places, ...(Object.keys(options).length > 0 ? ['[options]'] : [])].join(' ')}
\`\`\`

${table(['Argument or option', 'What it says'], given)}
Exit codes: ${exits.join('; ')}.

\`\`\`console
${examples.map(example => `$ ${example.replaceAll('\n', '\n  ')}`).join('\n')}
\`\`\`
`
}

function spelt(name: string, { short, value }: Option): string {
  return [short === undefined ? '' : `-${short}, `, flagOf(name), value === undefined ? '' : ` ${value}`].join('')
}

function described(each: Option): string {
  const { what, choices, required, preset } = each
  const notes = [
    ...(required ? ['required'] : []),
    ...(choices ? [choices.map(choice => `\`${choice}\``).join(', ')] : []),
    ...(preset === undefined || typeof preset === 'function' ? [] : [`default \`${preset}\``]),
    ...companyOf(each),
  ]
  // Markdown takes <name> for a tag.
  const told = what.replaceAll('<', '&lt;')
  return notes.length === 0 ? told : `${told} (${notes.join('; ')})`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('')
}
