import { describeCommand, type Options } from '../../frame/command.ts'
import { CommandError } from '../../frame/exit-codes.ts'
import { outputOption } from '../../frame/output.ts'
import { readReference } from '../../policy-options.ts'

const options = {
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
    ...options,
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
    ...options,
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
