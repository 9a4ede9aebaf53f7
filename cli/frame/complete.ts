import { type Argument, type Command, type CommandTable, flagOf, type Option } from './command.ts'

/** Said to the shell's script instead of words: what is wanted here is a path. */
const files = ':files'

/**
 * What may stand where the cursor is: a line for each word, its meaning behind a tab. Words that begin otherwise than
 * what is there are left out.
 * @param words what stands behind `latchkey`, the last being the one that is typed
 */
export function complete(words: readonly string[], table: CommandTable): string {
  const typed = words.at(-1) ?? ''
  const found = candidates(words.slice(0, -1), typed, table)
  // Bash takes `--output=js` apart, at the sign.
  const begun = typed === '=' ? '' : typed
  return found
    .filter(([word]) => word === files || word.startsWith(begun))
    .map(([word, what]) => (what === '' ? `${word}\n` : `${word}\t${what.replaceAll(/\s+/g, ' ')}\n`))
    .join('')
}

type Candidate = readonly [word: string, what: string]

function candidates(before: readonly string[], typed: string, table: CommandTable): readonly Candidate[] {
  const words = before[0] === 'help' ? before.slice(1) : before
  const command = table.commands.find(({ name }) => `${words.join(' ')} `.startsWith(`${name} `))
  if (!command) return namesAfter(words, before.length > words.length, table)
  if (words.length < before.length) return []
  const rest = words.slice(command.name.split(' ').length).filter(word => word !== '=')
  return ofCommand(command, rest, typed)
}

/** The next word of what has been begun. */
function namesAfter(
  words: readonly string[],
  isHelp: boolean,
  { processes, groups, commands }: CommandTable,
): Candidate[] {
  const begun = words.map(word => `${word} `).join('')
  const [first] = words
  if (words.length > 1 || (first !== undefined && !Object.hasOwn(groups, first))) return []
  if (first !== undefined)
    return commands.flatMap(({ name, summary }) =>
      name.startsWith(begun) ? [[name.slice(begun.length), summary]] : [],
    )
  return [
    ...Object.entries(processes).map(([name, { summary }]): Candidate => [name, summary]),
    ...Object.entries(groups),
    ...commands.flatMap(({ name, summary }): Candidate[] => (name.includes(' ') ? [] : [[name, summary]])),
    ...(isHelp ? [] : [['help', 'Says how a command is used.'] as const]),
  ]
}

function ofCommand(
  { options, arguments: all = [] }: Command,
  rest: readonly string[],
  typed: string,
): readonly Candidate[] {
  const named = new Map<string, Option>()
  for (const [name, option] of Object.entries(options)) {
    named.set(flagOf(name), option)
    if (option.short !== undefined) named.set(`-${option.short}`, option)
  }
  const joined = /^(--[a-z-]+=)/.exec(typed)?.[1]
  if (joined !== undefined)
    return valuesOf(named.get(joined.slice(0, -1))).map(([word, what]) => [word === files ? word : joined + word, what])
  const last = named.get(rest.at(-1) ?? '')
  if (last?.value !== undefined) return valuesOf(last)
  if (typed.startsWith('-')) return flagsOf(options)
  const place = rest.filter(
    (word, at) => !word.startsWith('-') && named.get(rest[at - 1] ?? '')?.value === undefined,
  ).length
  const argument = all[place]
  return argument ? valuesOf({ value: `<${argument.name}>`, ...argument }) : []
}

function flagsOf(options: Command['options']): Candidate[] {
  const flags = Object.entries(options).map(([name, { what }]): Candidate => [flagOf(name), what])
  return [...flags, ['--help', 'Says how it is used.']]
}

function valuesOf(of: Pick<Option, 'value' | 'choices'> | Argument | undefined): readonly Candidate[] {
  if (of?.choices) return of.choices.map(choice => [choice, ''])
  return of && 'value' in of && (of.value === '<file>' || of.value === '<dir>') ? [[files, '']] : []
}
