import { describeCommand } from '../frame/command.ts'
import { CommandError } from '../frame/exit-codes.ts'
import { policyOptions, readReference } from '../policy-options.ts'

export const propose = describeCommand({
  name: 'propose',
  summary: 'Proposes the Role and AccessGrants that seen traffic needs.',
  about: `Proposes the Role and the AccessGrants that seen traffic needs, as YAML on stdout.

Reads the audit log of guards in audit mode, or that denied: calls of proved clients that no grant allowed. Paths become \
the templates of declared routes where there are any, else {id} only where many identifiers stood in one place.`,
  options: {
    service: {
      value: '<namespace/name>',
      what: 'GuardedService whose traffic it is',
      read: readReference,
      required: true,
    },
    audit: {
      value: '<file>',
      what: 'audit log, one JSON object per line among others; - for stdin',
      required: true,
    },
    manifests: {
      value: '<dir>',
      what: 'the policy in force as YAML or JSON: routes, roles, grants',
      excludes: ['snapshot'],
    },
    snapshot: { value: '<file>', what: 'the same, as a guard stores it' },
    distinct: {
      value: '<number>',
      what: 'identifiers in one place that make it {id}',
      read: readDistinct,
      preset: 10,
    },
    installation: policyOptions.installation,
  },
  examples: [
    `kubectl logs -n shop -l app=orders -c latchkey-guard --tail=-1 \\
  | latchkey propose --service shop/orders --audit - --manifests ./access`,
  ],
})

function readDistinct(given: string): number {
  if (!/^[0-9]{1,6}$/.test(given) || Number(given) < 2) throw new CommandError('usage', 'Expected a number from 2.')
  return Number(given)
}
