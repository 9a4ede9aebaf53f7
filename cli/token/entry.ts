import { describeCommand, type Options } from '../frame/command.ts'
import { CommandError } from '../frame/exit-codes.ts'
import { outputOption } from '../frame/output.ts'
import { policyOptions, readReference, snapshotIfThere } from '../policy-options.ts'

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

/** Of the two that give a token. */
const givingOptions = {
  service: {
    value: '<namespace/name>',
    what: 'GuardedService the token is for, where it has chosen no audience of its own',
    read: readReference,
    excludes: ['audience'],
  },
  audience: { value: '<uri>', what: 'audience of the service the token is for' },
  directory: {
    value: '<dir>',
    what: 'where the Secret of the AccessKey is mounted, or was written to; default: LATCHKEY_PRIVATE_JWK, the one binding of type latchkey below SERVICE_BINDING_ROOT, /var/run/secrets/latchkey',
  },
  output: outputOption('text', 'json', 'raw'),
} as const satisfies Options

const where = `The private key is looked for where the SDK looks for it. The token goes to standard output and nowhere else: with -o raw \
it alone, for scripts; with -o json beside what it says; otherwise what it says is shown, and the token is not.`

export const tokenMint = describeCommand({
  name: 'token mint',
  summary: 'Signs a client token with the key of an AccessKey.',
  about: `Signs a client token with the key of an AccessKey, for one service. No network is used.

${where}`,
  options: {
    ...givingOptions,
    lifetime: {
      value: '<seconds>',
      what: 'how long it lives, 1 to 900',
      read: readLifetime,
      preset: 300,
    },
  },
  examples: [
    'latchkey token mint --service shop/orders --directory ./secret',
    `curl -H "Authorization: Bearer $(latchkey token mint --service shop/orders -o raw)" http://orders.shop.svc/orders`,
  ],
})

export const tokenExchange = describeCommand({
  name: 'token exchange',
  summary: 'Exchanges the key or secret of an AccessKey for a session token.',
  about: `Exchanges the key, or the client secret, of an AccessKey for a session token of one service, at the token endpoint that the \
issuer's discovery document names (client_credentials). The issuer is that of the Secret, and its certificate is checked against the \
Secret's ca.crt where there is one.

${where}`,
  options: {
    ...givingOptions,
    scope: { value: '<scopes>', what: 'scopes to ask for, with blanks between them' },
    ca: {
      value: '<file>',
      what: 'authorities that the issuer is checked against, PEM; default: ca.crt of the Secret, else the system’s',
    },
  },
  exits: {
    unreachable: 'the issuer cannot be reached, or gives no token now',
    refused: 'the issuer refuses: the client is not known, or granted nothing there',
  },
  examples: [
    'latchkey token exchange --service shop/orders --directory ./secret',
    'TOKEN=$(latchkey token exchange --audience https://orders.example.com -o raw)',
  ],
})

function readLifetime(given: string): number {
  const seconds = /^[0-9]{1,3}$/.test(given) ? Number(given) : 0
  if (seconds < 1 || seconds > 900) throw new CommandError('usage', 'Expected a number from 1 to 900.')
  return seconds
}
