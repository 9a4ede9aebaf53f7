import { Command, InvalidArgumentError } from 'commander'
import { type Explanation, explain, type WhyQuestion } from '../../core/explain/explain.ts'
import { readPolicy } from '../policy-source.ts'
import { issuerOfInstallation, readClient, readReference } from '../read-option.ts'
import { type IdOf, renderWhy } from './render.ts'

const about = `Explains why a call is allowed or denied: who the client is, what its keys and grants are worth, which route \
decides, which rule comes nearest, what is missing, and as YAML the change that would allow it.

The policy is that of a folder of manifests, or the one a guard has: run it in the guard's container, where it finds \
the snapshot and the service by itself.`

const example = `
Exit code: 0 allowed (or let through by audit mode), 1 denied, 2 wrong usage.

Examples:
  latchkey why --manifests ./access --service shop/orders --client checkout/checkout GET /orders/7
  kubectl exec -n shop deploy/orders -c latchkey-guard -- \\
    node /app/latchkey.mjs why --client checkout/checkout GET /orders/7
`

/** What the environment of a guard's container says. */
export interface WhyDefaults {
  readonly service: string | undefined
  readonly snapshot: string
}

interface Options {
  readonly client: string
  readonly key?: string
  readonly service: string
  readonly manifests?: string
  readonly snapshot: string
  readonly installation: string
  readonly json: boolean
}

/** @returns the exit code: 0 the call passes, 1 it does not @throws Error with a sentence for people */
export async function why(
  args: readonly string[],
  io: { write(text: string): void; defaults: WhyDefaults; nowMs: number },
): Promise<0 | 1> {
  const { nowMs } = io
  const { method, target, options } = readCommand(args, io.defaults)
  const { client, key, manifests, installation } = options
  const source = await readPolicy({ ...options, issuer: issuerOfInstallation(installation), nowMs })
  const question: WhyQuestion = {
    client,
    key,
    method,
    target,
    keys: manifests === undefined ? 'Stored' : 'Assumed',
    ageSeconds: source.confirmedAt === undefined ? undefined : (nowMs - source.confirmedAt) / 1_000,
    now: Math.floor(nowMs / 1_000),
  }
  const explanation = explain(source.rows, question)
  if (!explanation) throw new Error('this version of latchkey does not understand the policy')
  const { revision, provisional, problems } = source
  const idOf: IdOf = explanation.client && provisional.has(explanation.client.name) ? 'standalone' : 'cluster'
  if (options.json) io.write(`${JSON.stringify({ revision, ...withId(explanation, idOf) }, null, 2)}\n`)
  else io.write(renderWhy(explanation, question, { revision, idOf }) + notes(problems, options))
  return explanation.outcome === 'deny' ? 1 : 0
}

function readCommand(
  args: readonly string[],
  defaults: WhyDefaults,
): { method: string; target: string; options: Options } {
  const command = new Command('latchkey why')
    .description(about)
    .argument('<method>', 'method, upper case')
    .argument('<path>', 'path, with its query if there is one', readTarget)
    .requiredOption('--client <namespace/name>', 'ApiClient that calls, or its client id (sc_…)', readClient)
    .option(
      '--key <kid>',
      'its key: kid, name of the AccessKey, or serviceaccount:<name> (default: the first that counts)',
    )
    .option('--service <namespace/name>', 'GuardedService that is called', readReference, defaults.service)
    .option('--manifests <dir>', 'the policy as YAML or JSON')
    .option('--snapshot <file>', 'the policy as a guard stores it', defaults.snapshot)
    .option('--installation <id>', 'installation id that client ids are made from', 'default')
    .option('--json', 'the explanation as JSON', false)
    .addHelpText('after', example)
    .exitOverride(error => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse([...args], { from: 'user' })
  const options = command.opts<Options>()
  if (options.service === undefined) command.error('error: name the service: --service namespace/name')
  const [method = '', target = ''] = command.processedArgs as string[]
  return { method, target, options }
}

function readTarget(given: string): string {
  if (!given.startsWith('/')) throw new InvalidArgumentError('Expected a path that begins with a slash.')
  return given
}

/** `clientId` is the one that the cluster has, or is not there. */
function withId(explanation: Explanation, idOf: IdOf): object {
  if (!explanation.client || idOf === 'cluster') return explanation
  const { clientId, ...client } = explanation.client
  return { ...explanation, client: { ...client, standaloneClientId: clientId } }
}

/** What the manifests do less than they say, as far as it concerns this client or this service. */
function notes(problems: readonly string[], { client, service }: Options): string {
  const concerned = problems.filter(problem => problem.includes(client) || problem.includes(service))
  return concerned.length === 0 ? '' : `\nOf the manifests:\n${concerned.map(problem => `- ${problem}\n`).join('')}`
}
