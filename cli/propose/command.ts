import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Command, InvalidArgumentError } from 'commander'
import { proposeRoles } from '../../core/learn/propose-role.ts'
import { createSeenTraffic, type SeenTraffic } from '../../core/learn/seen-traffic.ts'
import { readPolicy } from '../policy-source.ts'
import { issuerOfInstallation, readReference } from '../read-option.ts'
import { renderProposal } from './render.ts'

const about = `Proposes the Role and the AccessGrants that seen traffic needs, as YAML on stdout.

Reads the audit log of guards in audit mode, or that denied: calls of proved clients that no grant allowed. Paths become \
the templates of declared routes where there are any, else {id} only where many identifiers stood in one place.`

const example = `
Example:
  kubectl logs -n shop -l app=orders -c latchkey-guard --tail=-1 \\
    | latchkey propose --service shop/orders --audit - --manifests ./access
`

interface Options {
  readonly service: string
  readonly audit: string
  readonly manifests?: string
  readonly snapshot?: string
  readonly distinct: number
  readonly installation: string
}

/** @throws Error with a sentence for people */
export async function propose(
  args: readonly string[],
  io: { stdin: NodeJS.ReadableStream; write(text: string): void; nowMs: number },
): Promise<void> {
  const { service, audit, manifests, snapshot, distinct, installation } = readOptions(args)
  const issuer = issuerOfInstallation(installation)
  const source =
    manifests === undefined && snapshot === undefined
      ? undefined
      : await readPolicy({ service, manifests, snapshot, issuer, installation, nowMs: io.nowMs })
  const traffic = createSeenTraffic(service)
  await readLines(audit === '-' ? io.stdin : createReadStream(audit), traffic, audit)
  const now = Math.floor(io.nowMs / 1_000)
  const proposal = proposeRoles(traffic.denied(), { service, rows: source?.rows, distinct, now })
  const leftOut = [...traffic.leftOut(), ...proposal.leftOut]
  const summary = { service, allowed: traffic.allowed(), passedOver: traffic.passedOver() }
  io.write(renderProposal(proposal, leftOut, summary))
}

function readOptions(args: readonly string[]): Options {
  return new Command('latchkey propose')
    .description(about)
    .requiredOption('--service <namespace/name>', 'GuardedService whose traffic it is', readReference)
    .requiredOption('--audit <file>', 'audit log, one JSON object per line among others; - for stdin')
    .option('--manifests <dir>', 'the policy in force as YAML or JSON: routes, roles, grants')
    .option('--snapshot <file>', 'the same, as a guard stores it')
    .option('--distinct <number>', 'identifiers in one place that make it {id}', readDistinct, 10)
    .option('--installation <id>', 'installation id that client ids are made from', 'default')
    .addHelpText('after', example)
    .exitOverride(error => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse([...args], { from: 'user' })
    .opts<Options>()
}

function readDistinct(given: string): number {
  if (!/^[0-9]{1,6}$/.test(given) || Number(given) < 2) throw new InvalidArgumentError('Expected a number from 2.')
  return Number(given)
}

async function readLines(input: NodeJS.ReadableStream, traffic: SeenTraffic, name: string): Promise<void> {
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) traffic.add(line)
  } catch (error) {
    throw new Error(`${name} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`)
  }
}
