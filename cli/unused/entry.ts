import { clusterOptions } from '../frame/cluster.ts'
import { describeCommand } from '../frame/command.ts'
import { CommandError } from '../frame/exit-codes.ts'
import { outputOption } from '../frame/output.ts'

export const unused = describeCommand({
  name: 'unused',
  summary: 'Lists access keys, grants and roles that no call has used for some days.',
  about: `Lists access keys, grants and roles that no call has used for some days, as their statuses tell, which is some \
minutes behind. What was never used is listed when it is that old itself. Keys that are revoked or have ended, and grants \
that have, are left out: they open nothing.

A use is seen by guards and authorizers from release 0.2.0 on. What an older guard let in, or was used before the \
upgrade, is not known: wait as many days after it before you believe that something is not used.`,
  options: {
    days: { value: '<number>', what: 'days without a use', read: readDays, preset: 30 },
    ...clusterOptions,
    output: outputOption('table', 'json', 'yaml'),
  },
  exits: { ok: 'everything was used', bad: 'something was not, and is listed' },
  examples: ['latchkey unused --days 30 -A', 'latchkey unused --days 90 -n shop -o json'],
})

function readDays(given: string): number {
  if (!/^[0-9]{1,5}$/.test(given) || Number(given) < 1) throw new CommandError('usage', 'Expected a number from 1.')
  return Number(given)
}
