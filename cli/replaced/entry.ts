import { clusterOptions } from '../frame/cluster.ts'
import { describeCommand } from '../frame/command.ts'
import { CommandError } from '../frame/exit-codes.ts'
import { outputOption } from '../frame/output.ts'

export const replaced = describeCommand({
  name: 'replaced',
  summary: 'Lists the grants that lost clients to another identity, and how to give again.',
  about: `Lists the grants that lost clients: a client got another identity, or a name means another client than when the \
grant was written. Such a client has no access by the grant until it is written again. For each grant the command that does \
so is printed; run it where the client of now is meant.

It reads the status of AccessGrants and nothing else.`,
  options: {
    ...clusterOptions,
    client: { value: '<namespace/name>', what: 'only grants that lost this ApiClient', read: readClientName },
    output: outputOption('table', 'json', 'yaml'),
  },
  exits: { ok: 'no grant lost a client', bad: 'some did' },
  examples: ['latchkey replaced -A', 'latchkey replaced -A --client checkout/checkout -o json'],
})

function readClientName(given: string): string {
  if (!/^[^/]+\/[^/]+$/.test(given)) throw new CommandError('usage', 'Expected <namespace>/<name> of an ApiClient.')
  return given
}
