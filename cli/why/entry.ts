import { describeCommand } from '../frame/command.ts'
import { CommandError } from '../frame/exit-codes.ts'
import { outputOption } from '../frame/output.ts'
import { policyOptions, readClient, snapshotOf } from '../policy-options.ts'

export const why = describeCommand({
  name: 'why',
  summary: 'Explains why a call is allowed or denied, and what would change that.',
  about: `Explains why a call is allowed or denied: who the client is, what its keys and grants are worth, which route \
decides, which rule comes nearest, what is missing, and as YAML the change that would allow it.

The policy is that of a folder of manifests, or the one a guard has: run it in the guard's container, where it finds \
the snapshot and the service by itself.`,
  arguments: [
    { name: 'method', what: 'method, upper case' },
    { name: 'path', what: 'path, with its query if there is one', read: readTarget },
  ],
  options: {
    client: {
      value: '<namespace/name>',
      what: 'ApiClient that calls, or its client id (sc_…)',
      read: readClient,
      required: true,
    },
    key: {
      value: '<kid>',
      what: 'its key: kid, name of the AccessKey, or serviceaccount:<name> (default: the first that counts)',
    },
    ...policyOptions,
    snapshot: { ...policyOptions.snapshot, preset: snapshotOf },
    output: outputOption('text', 'json', 'yaml'),
    json: { what: 'the same as -o json', excludes: ['output'] },
  },
  exits: { ok: 'allowed, or let through by audit mode', bad: 'denied' },
  examples: [
    'latchkey why --manifests ./access --service shop/orders --client checkout/checkout GET /orders/7',
    `kubectl exec -n shop deploy/orders -c latchkey-guard -- \\
  node /app/latchkey.mjs why --client checkout/checkout GET /orders/7`,
  ],
})

function readTarget(given: string): string {
  if (!given.startsWith('/')) throw new CommandError('usage', 'Expected a path that begins with a slash.')
  return given
}
