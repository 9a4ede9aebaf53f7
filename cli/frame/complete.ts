import { type Candidate, candidateLines, completeOptions, valuesOf } from '../../platform/completion.ts'
import { type Command, type CommandTable, flagOf } from './command.ts'

/**
 * What may stand where the cursor is: a line for each word, its meaning behind a tab. Words that begin otherwise than
 * what is there are left out.
 * @param words what stands behind `latchkey`, the last being the one that is typed
 */
export function complete(words: readonly string[], table: CommandTable): string {
  const typed = words.at(-1) ?? ''
  return candidateLines(candidates(words.slice(0, -1), typed, table), typed)
}

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
  const completed = Object.entries(options).map(([name, { short, value, choices, what }]) => ({
    flags: [flagOf(name), ...(short === undefined ? [] : [`-${short}`])],
    value,
    choices,
    what,
  }))
  const found = completeOptions(completed, rest, typed)
  if (found) return found
  const takesValue = (word = ''): boolean =>
    completed.some(({ flags, value }) => value !== undefined && flags.includes(word))
  const place = rest.filter((word, at) => !word.startsWith('-') && !takesValue(rest[at - 1])).length
  const argument = all[place]
  return argument ? valuesOf({ value: `<${argument.name}>`, ...argument }) : []
}
