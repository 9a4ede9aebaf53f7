import type { CommandTable, Run } from '../../../cli/frame/command.ts'
import { defineCommand } from '../../../cli/frame/command.ts'
import { outputOption } from '../../../cli/frame/output.ts'

/** A table with two commands, `weigh` and `key rotate`, that do what the test says. */
export function plantedTable(run: Run = async () => 'ok'): CommandTable {
  const load = async () => run
  return {
    processes: { operator: { summary: 'Controllers.' } },
    groups: { key: 'Keys.' },
    commands: [
      defineCommand(
        {
          name: 'weigh',
          summary: 'Weighs something.',
          about: 'Weighs something, with care.',
          arguments: [
            { name: 'what', what: 'what is weighed', choices: ['bread', 'salt'] },
            { name: 'file', what: 'where it is written', preset: '-' },
          ],
          options: {
            unit: { short: 'u', value: '<name>', what: 'unit', choices: ['gram', 'ounce'], required: true },
            logFile: { value: '<file>', what: 'where to tell', preset: env => env.WEIGH_LOG },
            twice: { what: 'weigh again' },
            output: outputOption('table', 'json', 'yaml'),
          },
          exits: { bad: 'too light' },
          examples: ['latchkey weigh bread --unit gram'],
        },
        load,
      ),
      defineCommand({ name: 'key rotate', summary: 'Makes a key anew.', options: {}, examples: [] }, load),
    ],
  }
}
