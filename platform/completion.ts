import type { Command } from 'commander'

/** First word of what the script of a shell asks. */
export const completing = '__complete'

/** Said to the shell's script instead of words: what is wanted here is a path. */
const files = ':files'

export type Candidate = readonly [word: string, what: string]

/** An option as a shell may be told of it. */
export interface CompletedOption {
  /** `--output`, and `-o` where there is a short one. */
  readonly flags: readonly string[]
  /** What stands behind it; none behind a switch. `<file>` and `<dir>` are paths. */
  readonly value?: string | undefined
  readonly choices?: readonly string[] | undefined
  readonly what: string
}

/** A line for each word that begins as what is typed, its meaning behind a tab. */
export function candidateLines(found: readonly Candidate[], typed: string): string {
  // Bash takes `--output=js` apart, at the sign.
  const begun = typed === '=' ? '' : typed
  return found
    .filter(([word]) => word === files || word.startsWith(begun))
    .map(([word, what]) => (what === '' ? `${word}\n` : `${word}\t${what.replaceAll(/\s+/g, ' ')}\n`))
    .join('')
}

/**
 * What may stand where the cursor is: the value of the option before it, or another option.
 * @param before what stands before it, behind the command
 * @returns undefined where an argument may stand
 */
export function completeOptions(
  options: readonly CompletedOption[],
  before: readonly string[],
  typed: string,
): readonly Candidate[] | undefined {
  const named = new Map(options.flatMap(option => option.flags.map(flag => [flag, option] as const)))
  const joined = /^(--[a-z-]+=)/.exec(typed)?.[1]
  if (joined !== undefined)
    return valuesOf(named.get(joined.slice(0, -1))).map(([word, what]) => [word === files ? word : joined + word, what])
  const last = named.get(before.filter(word => word !== '=').at(-1) ?? '')
  if (last?.value !== undefined) return valuesOf(last)
  if (!typed.startsWith('-')) return undefined
  const flags = options.map(({ flags: [long = ''], what }): Candidate => [long, what])
  return [...flags, ['--help', 'Says how it is used.']]
}

/** What may stand for a value. */
export function valuesOf(of: Pick<CompletedOption, 'value' | 'choices'> | undefined): readonly Candidate[] {
  if (of?.choices) return of.choices.map(choice => [choice, ''])
  return of?.value === '<file>' || of?.value === '<dir>' ? [[files, '']] : []
}

/** The same for a process, whose options commander has. They are all that it takes: without a dash they are shown too. */
export function completeProcess(command: Command, words: readonly string[]): string {
  const options = command.options.map(
    ({ long, short, flags, argChoices, description }): CompletedOption => ({
      flags: [long, short].filter(flag => flag != null),
      value: /<.*>$/.exec(flags)?.[0],
      choices: argChoices,
      what: description,
    }),
  )
  const typed = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  return candidateLines(completeOptions(options, before, typed) ?? completeOptions(options, before, '-') ?? [], typed)
}
