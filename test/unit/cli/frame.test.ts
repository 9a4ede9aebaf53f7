import { describe, expect, it, test } from 'vitest'
import { parse } from 'yaml'
import { commandTable } from '../../../cli/commands.ts'
import type { Given } from '../../../cli/frame/command.ts'
import { CommandError } from '../../../cli/frame/exit-codes.ts'
import { columns, formatted } from '../../../cli/frame/output.ts'
import { commandLine } from './command-line.ts'
import { plantedTable } from './command-table.ts'

const table = plantedTable()
const latchkey = (...args: string[]) => commandLine(args, { table })

it.each(['json', 'yaml'] as const)('what draws on a terminal stands in %s by its number', async form => {
  const drawing = 'a\u009b31m\u202eb\u200f'
  const text = await formatted(form, { name: drawing }, () => '')
  expect(text).toContain('a\\u009b31m\\u202eb\\u200f')
  expect((parse(text) as { name: string }).name).toBe(drawing)
})

describe('a command line that is wrong', () => {
  it.each([
    ['a word that nobody knows', ['weihg'], "unknown command 'weihg'", '(Did you mean weigh?)'],
    ['the same, asked for help', ['weihg', '--help'], "unknown command 'weihg'", '(Did you mean weigh?)'],
    ['help for it', ['help', 'weihg'], "unknown command 'weihg'", '(Did you mean weigh?)'],
    ['a word like none', ['zzzzzz'], "unknown command 'zzzzzz'", 'See: latchkey help\n'],
    ['a process that is misspelt', ['operater'], "unknown command 'operater'", '(Did you mean operator?)'],
    ['a second word that is misspelt', ['key', 'rotat'], "unknown command 'rotat'", '(Did you mean rotate?)'],
    ['the same, asked for help', ['help', 'key', 'rotat'], "unknown command 'rotat'", '(Did you mean rotate?)'],
    ['an option that is misspelt', ['weigh', 'bread', '--untt', 'gram'], "unknown option '--untt'", 'mean --unit?'],
    [
      'an option that is missing',
      ['weigh', 'bread'],
      "required option '--unit <name>' not specified",
      'See: latchkey help weigh',
    ],
    ['an option without its value', ['weigh', 'bread', '-u'], "'-u, --unit <name>' argument missing", ''],
    ['a value that is none', ['weigh', 'bread', '-u', 'stone'], 'Allowed choices are gram, ounce.', ''],
    ['an argument that is none', ['weigh', 'tea', '-u', 'gram'], 'Allowed choices are bread, salt.', ''],
    ['an argument that is missing', ['weigh', '-u', 'gram'], "missing required argument 'what'", ''],
    ['one argument too many', ['weigh', 'salt', '-', 'x', '-u', 'gram'], 'too many arguments', ''],
    ['a form that the command does not have', ['weigh', 'salt', '-u', 'gram', '-o', 'text'], 'table, json, yaml', ''],
    ['nothing', [], 'Name a process or a command.', 'Usage: latchkey'],
    ['half a command', ['key'], 'Usage: latchkey key', 'rotate'],
  ])('%s is answered on standard error, with 2', async (_, args, ...expected) => {
    const { code, text, complaint } = await latchkey(...args)
    expect([code, text]).toEqual([2, ''])
    for (const each of expected) expect(complaint).toContain(each)
  })
})

describe('help', () => {
  it('lists processes and commands, on standard output', async () => {
    const { code, text, complaint } = await latchkey('--help')
    expect([code, complaint]).toEqual([0, ''])
    expect(text).toMatch(/Processes:\n {2}operator +Controllers\.\n\nCommands:\n {2}weigh .*\n {2}key .*\n {2}help /)
    expect((await latchkey('help')).text).toBe(text)
    expect((await latchkey('-h')).text).toBe(text)
  })

  it.each([['weigh'], ['key'], ['key rotate'], ['operator']])('for %s is the same in both ways', async name => {
    const asked = await latchkey(...name.split(' '), '--help')
    expect(asked).toMatchObject({ code: 0, complaint: '', text: expect.stringContaining(`Usage: latchkey ${name} `) })
    expect(await latchkey('help', ...name.split(' '))).toEqual(asked)
  })

  it('is given behind the first of two words too', async () => {
    expect(await latchkey('key', 'help')).toEqual(await latchkey('key', '--help'))
    expect(await latchkey('key', 'help', 'rotate')).toEqual(await latchkey('key', 'rotate', '--help'))
  })

  it('says of a command its options, how it ends, and an example', async () => {
    const { text } = await latchkey('help', 'weigh')
    expect(text).toContain('Weighs something, with care.')
    expect(text).toMatch(/-u, --unit <name> +unit \(choices: "gram", "ounce"\)\n/)
    expect(text).toMatch(/--twice +weigh again\n/)
    expect(text).toContain('  0  nothing is wrong\n  1  too light\n  2  wrong usage, or a file that cannot be read\n')
    expect(text).toContain('Example:\n  latchkey weigh bread --unit gram\n')
  })
})

describe('a command', () => {
  const given = async (args: string[], env = {}): Promise<Given> => {
    let found: Given | undefined
    const planted = plantedTable(async each => {
      found = each
      return 'ok'
    })
    expect(await commandLine(args, { table: planted, env })).toMatchObject({ code: 0, complaint: '' })
    if (!found) throw new Error('it was not run')
    return found
  }

  it('is given what was said, and presets for the rest', async () => {
    expect(await given(['weigh', 'salt', '-u', 'gram'])).toEqual({
      arguments: ['salt', '-'],
      options: { unit: 'gram', twice: false, output: 'table' },
    })
    const all = ['weigh', '--twice', '--unit=ounce', 'salt', 'a.txt', '--log-file', 'b.txt', '-o', 'yaml']
    expect(await given(all)).toEqual({
      arguments: ['salt', 'a.txt'],
      options: { unit: 'ounce', logFile: 'b.txt', twice: true, output: 'yaml' },
    })
  })

  it('is given what the environment says, unless the command line says more', async () => {
    const env = { WEIGH_LOG: 'env.txt' }
    expect((await given(['weigh', 'salt', '-u', 'gram'], env)).options.logFile).toBe('env.txt')
    expect((await given(['weigh', 'salt', '-u', 'gram', '--log-file', 'x'], env)).options.logFile).toBe('x')
  })

  it.each([
    ['with nothing wrong', async () => 'ok' as const, 0, ''],
    ['having found something bad', async () => 'bad' as const, 1, ''],
    ['by a sentence', () => Promise.reject(new Error('a.txt cannot be read')), 2, 'a.txt cannot be read'],
    ['by wrong usage', () => Promise.reject(new CommandError('usage', 'name one')), 2, 'name one'],
    ['where no server is', () => Promise.reject(new CommandError('unreachable', 'no server')), 3, 'no server'],
    ['where the server refuses', () => Promise.reject(new CommandError('refused', 'not you')), 4, 'not you'],
  ])('that ends %s says so by its exit code', async (_, run, code, sentence) => {
    const ended = await commandLine(['key', 'rotate'], { table: plantedTable(run) })
    const complaint = sentence === '' ? '' : `latchkey key rotate: ${sentence}\n`
    expect(ended).toEqual({ code, text: '', complaint })
  })
})

test('no sentence that a command ends by can draw on a terminal', async () => {
  const run = () => Promise.reject(new Error('of a file:\n  \u001b[2J\u202e'))
  const { complaint } = await commandLine(['key', 'rotate'], { table: plantedTable(run) })
  expect(complaint).toBe('latchkey key rotate: of a file:\n  ?[2J?\n')
})

describe('output', () => {
  const value = { name: 'a', rules: [{ path: '/x' }, { path: '/x' }] }
  const asText = () => 'for people\n'

  it('is JSON or YAML for programs, else what people read', async () => {
    expect(await formatted('json', value, asText)).toBe(`${JSON.stringify(value, null, 2)}\n`)
    expect(await formatted('yaml', value, asText)).toBe('name: a\nrules:\n  - path: /x\n  - path: /x\n')
    expect(await formatted('table', value, asText)).toBe('for people\n')
    expect(await formatted('text', value, asText)).toBe('for people\n')
  })

  it('writes a list out wherever it stands: no anchors', async () => {
    const shared = ['x']
    expect(await formatted('yaml', { a: shared, b: shared }, asText)).toBe('a:\n  - x\nb:\n  - x\n')
  })

  it('puts columns below each other, with nothing behind the last', () => {
    const rows = [
      ['NAME', 'AGE'],
      ['checkout', '5d'],
    ]
    expect(columns(rows)).toBe('NAME      AGE\ncheckout  5d\n')
    expect(columns([])).toBe('')
  })
})

describe('the table of commands', () => {
  const { commands, groups, processes } = commandTable

  it('has each name once, and a sentence for each', () => {
    const names = [...Object.keys(processes), ...Object.keys(groups), ...commands.map(({ name }) => name)]
    expect(new Set([...names, 'help']).size).toBe(names.length + 1)
    for (const { name, summary, examples } of commands) {
      expect(summary, name).toMatch(/^[A-Z].*\.$/)
      expect(examples.length, name).toBeGreaterThan(0)
      if (name.includes(' ')) expect(groups).toHaveProperty(name.split(' ')[0] ?? '')
    }
  })

  test.each(commands.flatMap(({ name, examples }) => examples.map(example => [name, example])))(
    'the example of %s can be run: %s',
    async (name, example) => {
      // What stands behind latchkey, or behind the image's way to it, up to what the shell does with it.
      const joined = example.replaceAll(/\\\n */g, '')
      const [, line = ''] =
        /(?:latchkey|latchkey\.mjs) ((?:why|token|propose|leaked|unused|version|completion) ?[^<|)]*)/.exec(joined) ??
        []
      const asked: string[] = []
      const table = {
        ...commandTable,
        commands: commands.map(each => ({
          ...each,
          load: async () => async () => {
            asked.push(each.name)
            return 'ok' as const
          },
        })),
      }
      const env = { LATCHKEY_SERVICE: 'shop/orders' }
      expect(await commandLine(line.trim().split(' '), { table, env })).toMatchObject({ code: 0, complaint: '' })
      expect(asked).toEqual([name])
    },
  )

  it('loads the code of every command', async () => {
    for (const { load } of commands) expect(await load()).toBeTypeOf('function')
  })
})

test('version prints the version alone, and takes no cluster that it does not ask', async () => {
  expect(await commandLine(['version'])).toEqual({ code: 0, text: 'latchkey dev\n', complaint: '' })
  expect(await commandLine(['--version'])).toEqual({ code: 0, text: 'latchkey dev\n', complaint: '' })
  expect((await commandLine(['version', '-o', 'json'])).text).toBe('{\n  "latchkey": "dev"\n}\n')
})
