import { Command, InvalidArgumentError, Option } from 'commander'
import { type OnBlock, onBlockChoices } from '../enforce/report/while-recorded.ts'
import { defaultProblemBase } from '../enforce/respond.ts'
import { readListen, readProblemBase } from '../enforce/settings.ts'
import { completeProcess } from '../platform/completion.ts'
import { describeConfig } from '../platform/config.ts'
import { endByOptions, processExitHelp } from '../platform/process-exit.ts'
import { configTable } from './config.ts'
import type { StandaloneOptions } from './standalone.ts'

const about = `Answers proxies that ask whether a call may pass: Envoy (gRPC and HTTP), nginx, haproxy, Traefik.

In a cluster the chart runs it and it takes its settings from the environment (see below). With --manifests it needs no \
cluster: the same YAML that is applied to one is compiled from files. The file of peers lists the proxies that may ask, \
how each proves itself and about which services; who is not listed is denied.`

const example = `
Example:
  latchkey authorizer --manifests ./access --peers ./peers.yaml \\
    --listen 127.0.0.1:9191 --grpc-listen 127.0.0.1:9192 --audit -

  peers.yaml:
    peers:
      - { name: edge, proxy: Nginx, services: [shop/orders], secretFile: edge.secret }

Environment of the form without --manifests:
`

interface Given {
  manifests: string
  peers: string
  listen?: StandaloneOptions['listen']
  grpcListen?: StandaloneOptions['grpcListen']
  health?: StandaloneOptions['health']
  tlsCert?: string
  tlsKey?: string
  peerCa?: string
  audit: string
  auditOnBlock: OnBlock
  problemBase: string
  issuer?: string
  installation: string
}

/** What a shell may be told of the options. @param words what stands behind the process, the last being typed */
export function completeCommand(words: readonly string[]): string {
  return completeProcess(makeCommand(), words)
}

function makeCommand(): Command {
  return new Command('latchkey authorizer')
    .description(about)
    .requiredOption('--manifests <dir>', 'folder of YAML or JSON manifests, or one file; changes are followed')
    .requiredOption('--peers <file>', 'YAML file with the list of proxies that may ask')
    .option('--listen <host:port>', 'address for checks over HTTP', readAddress)
    .option('--grpc-listen <host:port>', 'address for checks over gRPC', readAddress)
    .option('--health <host:port>', 'address of /livez, /readyz and /metrics', readAddress)
    .option('--tls-cert <file>', 'certificate that proxies see; without it everything goes in the clear')
    .option('--tls-key <file>', 'its key')
    .option('--peer-ca <file>', "authorities of the proxies' certificates")
    .option('--audit <file>', 'file for audit lines, - for stdout', '-')
    .addOption(
      new Option('--audit-on-block <what>', 'while audit lines cannot be written: Count lost ones, or Deny calls')
        .choices(onBlockChoices)
        .default('Count'),
    )
    .option(
      '--problem-base <url>',
      'what `type` of a problem body begins with; the code follows',
      readBase,
      defaultProblemBase,
    )
    .option('--issuer <url>', "issuer URL that the clients' tokens are made from")
    .option('--installation <id>', 'installation id that client ids are made from', 'default')
    .addHelpText('after', `${example}${describeConfig(configTable).replace(/^/gm, '  ')}\n${processExitHelp}`)
    .exitOverride(endByOptions)
}

/** Reads the command line. Prints help or the mistake and ends the process when there is nothing to run. */
export function readCommand(args: readonly string[]): StandaloneOptions {
  const command = makeCommand().parse([...args], { from: 'user' })
  const given = command.opts<Given>()
  const { tlsCert, tlsKey, peerCa, listen, grpcListen, health, installation } = given
  if (!listen && !grpcListen) return command.error('error: give --listen, --grpc-listen or both')
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    return command.error('error: --tls-cert and --tls-key belong together')
  }
  if (peerCa !== undefined && tlsCert === undefined) return command.error('error: --peer-ca needs --tls-cert')
  const tls = tlsCert !== undefined && tlsKey !== undefined ? { cert: tlsCert, key: tlsKey, ca: peerCa } : undefined
  const issuer = given.issuer?.replace(/\/+$/, '') ?? `https://latchkey-issuer.latchkey-system.svc/${installation}`
  const { manifests, peers, audit, auditOnBlock, problemBase } = given
  const log = { audit, auditOnBlock, problemBase }
  return { manifests, peers, listen, grpcListen, health, tls, ...log, issuer, installation }
}

function readAddress(given: string): { host?: string; port: number } {
  const value = readListen(given)
  if (!value) throw new InvalidArgumentError('Expected host:port or :port.')
  return value
}

function readBase(given: string): string {
  const value = readProblemBase(given)
  if (value === undefined) throw new InvalidArgumentError('Expected an http or https URL.')
  return value
}
