import { describeCommand } from '../frame/command.ts'
import { outputOption } from '../frame/output.ts'
import { policyOptions, snapshotIfThere } from '../policy-options.ts'

export const tokenInspect = describeCommand({
  name: 'token inspect',
  summary: 'Says what is wrong with a token, and which service would take it.',
  about: `Says what is wrong with a token, every fault at once, and which service would take it.

The token is read from a file or from standard input, and goes nowhere: no network is used, and neither the token nor its \
signature is printed. Without a policy its form, its claims and its times are looked at. With the policy of a guard, or \
with a folder of manifests, its signature is checked too.`,
  arguments: [{ name: 'file', what: 'file with the token; - or nothing: standard input', preset: '-' }],
  options: {
    ...policyOptions,
    service: {
      ...policyOptions.service,
      what: 'only this GuardedService; in the container of a guard its own',
      needs: ['manifests', 'snapshot'],
    },
    snapshot: { ...policyOptions.snapshot, preset: snapshotIfThere },
    issuer: {
      value: '<url>',
      what: 'issuer URL of the installation that the manifests are for',
      needs: ['manifests'],
    },
    output: outputOption('text', 'json'),
  },
  exits: {
    ok: 'nothing is wrong, and, with a policy, some service takes it',
    bad: 'refused, or proved by none of the services',
  },
  examples: [
    'latchkey token inspect token.txt',
    'latchkey token inspect - < token.txt',
    'latchkey token inspect token.txt --manifests ./access',
    'latchkey token inspect token.txt --snapshot snapshot.json --service shop/orders',
    `kubectl exec -i -n shop deploy/orders -c latchkey-guard -- \\
  node /app/latchkey.mjs token inspect - < token.txt`,
  ],
})
