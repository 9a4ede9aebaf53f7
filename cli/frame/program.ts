import {
  CommanderError,
  InvalidArgumentError,
  Command as Program,
  Argument as ProgramArgument,
  Option as ProgramOption,
} from 'commander'
import { processExitHelp } from '../../platform/process-exit.ts'
import { version } from '../../platform/version.ts'
import {
  type Argument,
  type Command,
  type CommandIo,
  type CommandTable,
  companyOf,
  exitsOf,
  flagOf,
  type Given,
  type Option,
} from './command.ts'
import { type Exit, exitCodes } from './exit-codes.ts'

/** The table as commander reads it. `run` is called with what was given; mistakes and help are thrown as CommanderError. */
export function createProgram(
  { processes, groups, commands }: CommandTable,
  io: CommandIo,
  run: (command: Command, given: Given) => Promise<void>,
): Program {
  const program = new Program('latchkey')
    .usage('<process or command> [options]')
    .version(`latchkey ${version}`, '--version', 'Prints the version.')
    .helpOption('-h, --help', 'Says how it is used.')
    .configureOutput({ writeOut: text => io.write(text), writeErr: text => io.complain(text) })
    .showHelpAfterError('See: latchkey help')
    .configureHelp({ subcommandTerm: command => command.name() })
    .exitOverride()
  program.commandsGroup('Processes:')
  for (const [name, { summary }] of Object.entries(processes))
    program.command(name).description(summary).addHelpText('after', processExitHelp)
  program.commandsGroup('Commands:')
  const parents = new Map<string, Program>()
  for (const command of commands) {
    const [first = '', second] = command.name.split(' ')
    if (second !== undefined && !parents.has(first)) {
      const about = groups[first] ?? ''
      parents.set(first, program.command(first).description(about).helpCommand(false))
    }
    describe((parents.get(first) ?? program).command(second ?? first), command, io, run)
  }
  return program.helpCommand('help [command]', 'Says how a command is used.')
}

/** How it ended by itself: after help, or because of a mistake. @returns undefined for any other error */
export function endOf(error: unknown): Exit | undefined {
  if (!(error instanceof CommanderError)) return undefined
  return error.exitCode === 0 ? 'ok' : 'usage'
}

function describe(
  program: Program,
  command: Command,
  io: CommandIo,
  run: (command: Command, given: Given) => Promise<void>,
): void {
  const { summary, about = summary, options } = command
  program.summary(summary).description(about).addHelpText('after', afterHelp(command))
  program.showHelpAfterError(`See: latchkey help ${command.name}`)
  const all = command.arguments ?? []
  for (const argument of all) program.addArgument(argumentOf(argument))
  // Counted below: commander would show what was given, and a token may be among it.
  program.allowExcessArguments()
  for (const [name, option] of Object.entries(options)) program.addOption(optionOf(name, option, io))
  program.action(async () => {
    if (program.args.length > all.length) {
      program.error(`error: too many arguments for '${command.name}': ${program.args.length}, not ${all.length}`)
    }
    const given = program.opts<Record<string, unknown>>()
    // Here and not by commander, which would tell of a missing option before one that is misspelt.
    for (const [name, option] of Object.entries(options)) {
      if (option.value === undefined) given[name] ??= false
      if (option.required && given[name] === undefined) {
        program.error(`error: required option '${flagOf(name)} ${option.value}' not specified`)
      }
    }
    const passedOver = findPassedOver(program, options, given)
    if (passedOver !== undefined) program.error(`error: ${passedOver}`)
    await run(command, { arguments: program.processedArgs as string[], options: given })
  })
}

/** What somebody wrote and nothing would read: who believes that it counts would be misled. */
function findPassedOver(
  program: Program,
  options: Command['options'],
  given: Readonly<Record<string, unknown>>,
): string | undefined {
  const isWritten = (name: string): boolean => program.getOptionValueSource(name) === 'cli'
  for (const [name, { excludes = [], needs = [] }] of Object.entries(options)) {
    if (!isWritten(name)) continue
    const other = excludes.find(isWritten)
    if (other !== undefined)
      return `options '${flagOf(name)}' and '${flagOf(other)}' say the same thing twice: leave one of them out`
    const holds = needs.some(each => given[each] !== undefined && given[each] !== false)
    if (needs.length > 0 && !holds)
      return `option '${flagOf(name)}' says nothing without ${needs.map(each => `'${flagOf(each)}'`).join(' or ')}: add that, or leave it out`
  }
  return undefined
}

function argumentOf({ name, what, choices, read, preset }: Argument): ProgramArgument {
  const argument = new ProgramArgument(preset === undefined ? `<${name}>` : `[${name}]`, what)
  if (preset !== undefined) argument.default(preset)
  if (choices) argument.choices(choices)
  if (read) argument.argParser(orMistake(read))
  return argument
}

function optionOf(name: string, described: Option, io: CommandIo): ProgramOption {
  const { short, value, what, choices, read, preset } = described
  const flag = `${short === undefined ? '' : `-${short}, `}${flagOf(name)}${value === undefined ? '' : ` ${value}`}`
  const option = new ProgramOption(flag, [what, ...companyOf(described)].join('; '))
  if (choices) option.choices(choices)
  if (read) option.argParser(orMistake(read))
  const given = typeof preset === 'function' ? preset(io.env) : preset
  return given === undefined ? option : option.default(given)
}

/** Our mistakes as commander's, which adds where they are. */
function orMistake(read: (given: string) => unknown): (given: string) => unknown {
  return given => {
    try {
      return read(given)
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message)
    }
  }
}

function afterHelp(command: Command): string {
  const exits = exitsOf(command).map(([exit, here]) => `  ${exitCodes[exit].code}  ${here ?? exitCodes[exit].what}\n`)
  const examples = command.examples.map(example => `  ${example.replaceAll('\n', '\n  ')}\n`)
  return `\nExit codes:\n${exits.join('')}\nExample${examples.length > 1 ? 's' : ''}:\n${examples.join('')}`
}
