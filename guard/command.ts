import { Command, InvalidArgumentError, Option } from 'commander'
import { traceTable } from '../enforce/report/trace-config.ts'
import { type OnBlock, onBlockChoices } from '../enforce/report/while-recorded.ts'
import { defaultProblemBase } from '../enforce/respond.ts'
import { readListen, readProblemBase, serviceName } from '../enforce/settings.ts'
import { completeProcess } from '../platform/completion.ts'
import { describeConfig } from '../platform/config.ts'
import { endByOptions, processExitHelp } from '../platform/process-exit.ts'
import { configTable } from './config.ts'
import { type UpstreamProtocol, upstreamProtocols } from './http2/sessions.ts'
import type { StandaloneOptions } from './standalone.ts'
import { readUpstream, upstreamForm } from './upstream/target.ts'

const about = `Decides every call to one service and passes on those that are allowed.

Beside an app in a cluster it is injected by the webhook and takes its settings from the environment (see below). \
With --manifests it needs no cluster: the same YAML that is applied to one is compiled from files.`

const example = `
Example:
  latchkey guard --manifests ./access --service shop/orders \\
    --upstream http://127.0.0.1:3000 --listen 127.0.0.1:8080 --audit -

Environment of the form without --manifests:
`

/** What can be said about the audit log on the command line of a guard beside an app. */
export interface AskedAudit {
  readonly audit?: string
  readonly auditOnBlock?: OnBlock
}

/** What the command line asks for: a guard from manifests, or one beside an app with another audit log. */
export type GuardOptions = { readonly standalone: StandaloneOptions } | AskedAudit

/** What a shell may be told of the options. @param words what stands behind the process, the last being typed */
export function completeCommand(words: readonly string[]): string {
  return completeProcess(makeCommand(), words)
}

function makeCommand(): Command {
  const address = orMistake(readListen, 'host:port or :port')
  // Both tables name the collector: once is enough.
  const { endpoint: _named, ...traces } = traceTable
  return new Command('latchkey guard')
    .description(about)
    .option('--manifests <dir>', 'folder of YAML or JSON manifests, or one file; changes are followed')
    .option('--service <namespace/name>', 'GuardedService to enforce', orMistake(serviceName, 'namespace/name'))
    .option(
      '--upstream <url>',
      'where the app listens, or unix:/path of its socket',
      orMistake(readUpstream, upstreamForm),
    )
    .addOption(
      new Option('--upstream-protocol <protocol>', 'what the app speaks to callers of HTTP/2 and gRPC')
        .choices(upstreamProtocols)
        .default('http1'),
    )
    .option('--listen <host:port>', 'address for callers', address)
    .option('--admin <host:port>', 'address of /livez, /readyz and /metrics', address)
    .option('--audit <file>', 'file for audit lines, - for stdout; also without --manifests (default: -)')
    .option('--debug', 'answer /debug on the admin address, to callers on loopback')
    .addOption(
      new Option('--audit-on-block <what>', 'while audit lines cannot be written: Count lost ones, or Deny calls')
        .choices(onBlockChoices)
        .default('Count'),
    )
    .option('--audit-otlp <url>', 'OTLP/HTTP endpoint that gets decisions besides', orMistake(readUrl, 'an URL'))
    .option(
      '--problem-base <url>',
      'what `type` of a problem body begins with',
      orMistake(readProblemBase, 'an URL'),
      defaultProblemBase,
    )
    .option('--issuer <url>', "issuer URL that the clients' tokens are made from", orMistake(readUrl, 'an URL'))
    .option('--installation <id>', 'installation id that client ids are made from', 'default')
    .addHelpText('after', `${example}${indented(describeConfig({ ...traces, ...configTable }))}\n${processExitHelp}`)
    .exitOverride(endByOptions)
}

/** Reads the command line. Prints help or the mistake and ends the process when there is nothing to run. */
export function readCommand(args: readonly string[]): GuardOptions {
  const command = makeCommand().parse([...args], { from: 'user' })
  const options = command.opts<Partial<Omit<StandaloneOptions, 'debug'>> & Defaulted & { debug?: true }>()
  const { manifests, service, upstream, upstreamProtocol, listen, admin, audit = '-', installation } = options
  const { auditOnBlock, auditOtlp, problemBase } = options
  if (args.every((word, at) => sidecarWord.test(word) || sidecarOption.test(args[at - 1] ?? '')))
    return {
      ...(options.audit !== undefined && { audit: options.audit }),
      ...(command.getOptionValueSource('auditOnBlock') === 'cli' && { auditOnBlock }),
    }
  if (manifests === undefined || service === undefined || upstream === undefined || listen === undefined) {
    return command.error('error: --manifests, --service, --upstream and --listen belong together; see --help')
  }
  if (options.debug && admin === undefined)
    return command.error("error: option '--debug' says nothing without '--admin': add that, or leave it out")
  const issuer = options.issuer ?? `https://latchkey-issuer.latchkey-system.svc/${installation}`
  const debug = options.debug ? 'on' : 'off'
  const app = { upstream, upstreamProtocol }
  const log = { audit, auditOnBlock, auditOtlp, problemBase }
  return { standalone: { manifests, service, ...app, listen, admin, debug, issuer, installation, ...log } }
}

interface Defaulted {
  readonly installation: string
  readonly upstreamProtocol: UpstreamProtocol
  readonly auditOnBlock: OnBlock
  readonly problemBase: string
}

/** Options that mean something without --manifests. */
const sidecarWord = /^--audit(-on-block)?(=|$)/
const sidecarOption = /^--audit(-on-block)?$/

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
