import { clusterOptions } from '../frame/cluster.ts'
import { describeCommand } from '../frame/command.ts'
import { CommandError } from '../frame/exit-codes.ts'
import { outputOption } from '../frame/output.ts'

export const leaked = describeCommand({
  name: 'leaked',
  summary: 'Revokes an access key that leaked, mints a new one, and lists what the leaked one did.',
  about: `Revokes an access key that leaked, mints a new one, and lists what the leaked one did. The AccessKey is found by \
the id of the key (kid), by a token that it signed, or by the static secret, API key or client secret itself; nothing of a \
token or a secret is shown. Its keysNotBefore is set, so that \
every key that there is of it is refused at once, and it is waited for until every guard does. Put the same \
keysNotBefore into Git where the AccessKey comes from there.

What the key did is read from an audit log, or from the logs of the guards' containers as far as you may read them.`,
  arguments: [
    {
      name: 'key',
      what: 'key id, token or secret; - for a token, a secret, the line that holds it, or the file private.jwk, on standard input',
    },
  ],
  options: {
    kubeconfig: clusterOptions.kubeconfig,
    context: clusterOptions.context,
    namespace: { ...clusterOptions.namespace, what: 'namespace of the AccessKey (default: all are looked through)' },
    yes: { what: 'revokes without asking' },
    timeout: { value: '<seconds>', what: 'how long is waited for the guards', read: readSeconds, preset: 60 },
    audit: { value: '<file>', what: 'audit log to look for the key in, one JSON object per line; - for stdin' },
    logs: {
      value: '<which>',
      what: "whether the logs of guards' containers are looked through",
      choices: ['read', 'skip'],
      preset: 'read',
      excludes: ['audit'],
    },
    output: outputOption('text', 'json', 'yaml'),
  },
  exits: {
    ok: 'no guard takes the key any more',
    bad: 'no AccessKey has the key, or it was not confirmed',
    timeout: 'the key is revoked, but not every guard has it yet, or the new key is not there',
  },
  examples: [
    'latchkey leaked AwtTqpRkMQx5xh2Cg5W7mf2OzcE0pO9nPS8WgDMBVbM --audit ./audit.log',
    'latchkey leaked --yes - < leaked-token.txt',
    'git show a1b2c3d:app.env | grep lks_ | latchkey leaked --yes -',
  ],
})

function readSeconds(given: string): number {
  if (!/^[0-9]{1,4}$/.test(given) || Number(given) < 1) throw new CommandError('usage', 'Expected seconds, from 1.')
  return Number(given)
}
