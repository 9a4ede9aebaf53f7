import type { Exit, Outcome } from './exit-codes.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What a command has of the process it runs in. */
export interface CommandIo {
  write(text: string): void
  complain(text: string): void
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined }
  readonly env: Environment
  /** Milliseconds since epoch. */
  readonly nowMs: number
}

/** One option. Its flag is made of its name in the table: `allNamespaces` is `--all-namespaces`. */
export interface Option {
  readonly short?: string
  /** What stands behind the flag; without it the option is a switch. `<file>` and `<dir>` are completed as paths. */
  readonly value?: `<${string}>`
  readonly what: string
  readonly choices?: readonly string[]
  /** @throws CommandError with what was expected */
  readonly read?: (given: string) => unknown
  readonly required?: true
  /** Names of options that would say the same once more: one of the two would be passed over. */
  readonly excludes?: readonly string[]
  /** Names of options of which one must hold, or this one says nothing. */
  readonly needs?: readonly string[]
  /** What holds where nothing is given. */
  readonly preset?: string | number | ((env: Environment) => string | undefined)
}
export type Options = Readonly<Record<string, Option>>

export interface Argument {
  readonly name: string
  readonly what: string
  readonly choices?: readonly string[]
  /** @throws CommandError with what was expected */
  readonly read?: (given: string) => unknown
  /** What holds where nothing is given; without it the argument must be given. */
  readonly preset?: string
}

/** What the command line says, by the names of the table. */
export type Values<O extends Options> = string extends keyof O
  ? Readonly<Record<string, unknown>>
  : { readonly [Name in keyof O]: Value<O[Name]> }
type Value<O> = O extends { value: string }
  ? Read<O> | (O extends { required: true } | { preset: string | number } ? never : undefined)
  : boolean
type Read<O> = O extends { read: (given: string) => infer T }
  ? T
  : O extends { choices: readonly (infer Choice)[] }
    ? Choice
    : string

export interface Given<O extends Options = Options> {
  readonly arguments: readonly string[]
  readonly options: Values<O>
}

/** @throws CommandError, or any Error with a sentence for people, which is wrong usage */
export type Run<O extends Options = Options> = (given: Given<O>, io: CommandIo) => Promise<Outcome>

/** All that help, completion and docs/cli.md say of a command. */
export interface Description<O extends Options = Options> {
  /** `why`, or two words: `token inspect`. */
  readonly name: string
  /** One sentence. */
  readonly summary: string
  /** Replaces the summary where the command alone is explained. */
  readonly about?: string
  readonly arguments?: readonly Argument[]
  readonly options: O
  /** What its exit codes say here, where that is more than the table of exit codes does. */
  readonly exits?: Partial<Record<Exit, string>>
  readonly examples: readonly string[]
}

/** A description that knows how each option is read. */
export function describeCommand<const O extends Options>(description: Description<O>): Description<O> {
  return description
}

/** One entry of the table of commands. */
export interface Command extends Description {
  /** The code, loaded only when the command is run. */
  load(): Promise<Run>
}

/** The code takes just what the options read; after that the table forgets how each is typed. */
export function defineCommand<O extends Options>(description: Description<O>, load: () => Promise<Run<O>>): Command {
  return { ...description, load: load as unknown as Command['load'] }
}

/** All that `latchkey` can do. */
export interface CommandTable {
  readonly processes: Readonly<Record<string, { readonly summary: string }>>
  /** First words of commands that have two. */
  readonly groups: Readonly<Record<string, string>>
  readonly commands: readonly Command[]
}

export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`
}

/** What its place beside other options is, for people. */
export function companyOf({ excludes = [], needs = [] }: Option): string[] {
  return [
    ...(needs.length > 0 ? [`only with ${needs.map(flagOf).join(' or ')}`] : []),
    ...(excludes.length > 0 ? [`not with ${excludes.map(flagOf).join(' or ')}`] : []),
  ]
}

/** How it may end: who asks the API server may be refused there. */
export function exitsOf({ exits, options }: Description): [Exit, string | undefined][] {
  const isAsking = 'kubeconfig' in options || exits?.unreachable !== undefined
  const cluster: Exit[] = isAsking ? ['unreachable', 'refused'] : []
  const possible: Exit[] = exits?.bad === undefined ? ['ok', 'usage'] : ['ok', 'bad', 'usage']
  const waits: Exit[] = exits?.timeout === undefined ? [] : ['timeout']
  return [...possible, ...cluster, ...waits].map(exit => [exit, exits?.[exit]])
}
