import { Command, InvalidArgumentError } from 'commander'
import { describeConfig } from '../../platform/config.ts'
import { configTable, readListen, serviceName } from './config.ts'
import type { StandaloneOptions } from './standalone.ts'

const about = `Decides every call to one service and passes on those that are allowed.

Beside an app in a cluster it is injected by the webhook and takes its settings from the environment (see below).
With --manifests it needs no cluster: the same YAML that is applied to one is compiled from files.`

const example = `
Example:
  latchkey guard --manifests ./access --service shop/orders \\
    --upstream http://127.0.0.1:3000 --listen 127.0.0.1:8080 --audit -

Environment of the form without --manifests:
`

/**
 * Reads the command line of the form without a cluster. Prints help or the mistake and ends the process when there is
 * nothing to run.
 */
export function readCommand(args: readonly string[]): StandaloneOptions {
  const command = new Command('latchkey guard')
    .description(about)
    .requiredOption('--manifests <dir>', 'folder of YAML or JSON manifests, or one file; changes are followed')
    .requiredOption('--service <namespace/name>', 'GuardedService to enforce', orMistake(serviceName, 'namespace/name'))
    .requiredOption('--upstream <url>', 'where the app listens', orMistake(readUrl, 'an http or https URL'))
    .requiredOption('--listen <host:port>', 'address for callers', orMistake(readListen, 'host:port or :port'))
    .option(
      '--admin <host:port>',
      'address of /livez, /readyz and /metrics',
      orMistake(readListen, 'host:port or :port'),
    )
    .option('--audit <file>', 'file for audit lines, - for stdout', '-')
    .option('--issuer <url>', "issuer URL that the clients' tokens are made from", orMistake(readUrl, 'an URL'))
    .option('--installation <id>', 'installation id that client ids are made from', 'default')
    .addHelpText('after', `${example}${indented(describeConfig(configTable))}`)
    .parse([...args], { from: 'user' })
  const options = command.opts<Omit<StandaloneOptions, 'issuer' | 'admin'> & Partial<StandaloneOptions>>()
  return {
    ...options,
    admin: options.admin,
    issuer: options.issuer ?? `https://latchkey-issuer.latchkey-system.svc/${options.installation}`,
  }
}

function orMistake<T>(read: (text: string) => T | undefined, expected: string): (text: string) => T {
  return given => {
    const value = read(given)
    if (value === undefined) throw new InvalidArgumentError(`Expected ${expected}.`)
    return value
  }
}

function readUrl(given: string): string | undefined {
  return URL.canParse(given) && /^https?:$/.test(new URL(given).protocol) ? given.replace(/\/+$/, '') : undefined
}

function indented(text: string): string {
  return text.replace(/^/gm, '  ')
}
