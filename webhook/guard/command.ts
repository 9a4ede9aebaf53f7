import { Command, InvalidArgumentError, Option } from 'commander'
import { describeConfig } from '../../platform/config.ts'
import { configTable, readListen, serviceName } from './config.ts'
import { upstreamProtocols } from './http2/sessions.ts'
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

/** What the command line asks for: a guard from manifests, or one beside an app with another sink for audit lines. */
export type Asked = { readonly standalone: StandaloneOptions } | { readonly audit: string | undefined }

/** Reads the command line. Prints help or the mistake and ends the process when there is nothing to run. */
export function readCommand(args: readonly string[]): Asked {
  const address = orMistake(readListen, 'host:port or :port')
  const command = new Command('latchkey guard')
    .description(about)
    .option('--manifests <dir>', 'folder of YAML or JSON manifests, or one file; changes are followed')
    .option('--service <namespace/name>', 'GuardedService to enforce', orMistake(serviceName, 'namespace/name'))
    .option('--upstream <url>', 'where the app listens', orMistake(readUrl, 'an http or https URL'))
    .addOption(
      new Option('--upstream-protocol <protocol>', 'what the app speaks to callers of HTTP/2 and gRPC')
        .choices(upstreamProtocols)
        .default('http1'),
    )
    .option('--listen <host:port>', 'address for callers', address)
    .option('--admin <host:port>', 'address of /livez, /readyz and /metrics', address)
    .option('--audit <file>', 'file for audit lines, - for stdout; also without --manifests (default: -)')
    .option('--issuer <url>', "issuer URL that the clients' tokens are made from", orMistake(readUrl, 'an URL'))
    .option('--installation <id>', 'installation id that client ids are made from', 'default')
    .addHelpText('after', `${example}${indented(describeConfig(configTable))}`)
    .parse([...args], { from: 'user' })
  const options = command.opts<
    Partial<StandaloneOptions> & Pick<StandaloneOptions, 'installation' | 'upstreamProtocol'>
  >()
  const { manifests, service, upstream, upstreamProtocol, listen, admin, audit = '-', installation } = options
  if (args.every((word, at) => word.startsWith('--audit') || args[at - 1] === '--audit'))
    return { audit: options.audit }
  if (manifests === undefined || service === undefined || upstream === undefined || listen === undefined) {
    return command.error('error: --manifests, --service, --upstream and --listen belong together; see --help')
  }
  const issuer = options.issuer ?? `https://latchkey-issuer.latchkey-system.svc/${installation}`
  return { standalone: { manifests, service, upstream, upstreamProtocol, listen, admin, audit, issuer, installation } }
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
