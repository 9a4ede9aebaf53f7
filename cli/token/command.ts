import { open } from 'node:fs/promises'
import { Command, InvalidArgumentError } from 'commander'
import { inspectToken } from '../../core/explain/inspect-token.ts'
import { type PolicySource, readPolicy, servicesIn } from '../policy-source.ts'
import { issuerOfInstallation, readReference } from '../read-option.ts'
import { renderToken, type TokenReport } from './render.ts'
import { judgeToken, type ServicePolicy } from './services.ts'

const about = `Says what is wrong with a token, every fault at once, and which service would take it.

The token is read from a file or from standard input, and goes nowhere: no network is used, and neither the token nor its \
signature is printed. Without a policy its form, its claims and its times are looked at. With the policy of a guard, or \
with a folder of manifests, its signature is checked too.`

const example = `
Exit code: 0 nothing wrong (and, with a policy, some service takes it), 1 refused, 2 wrong usage.

Examples:
  latchkey token inspect token.txt
  latchkey token inspect - < token.txt
  latchkey token inspect token.txt --manifests ./access
  latchkey token inspect token.txt --snapshot snapshot.json --service shop/orders
  kubectl exec -i -n shop deploy/orders -c latchkey-guard -- \\
    node /app/latchkey.mjs token inspect - < token.txt
`

/** No token is longer than 8 KiB; what is much longer is another file. */
const maxBytes = 65_536

export interface TokenIo {
  write(text: string): void
  /** Standard input; undefined where it is a terminal. */
  readonly input: AsyncIterable<Buffer | string> | undefined
  /** What the environment of a guard's container says. */
  readonly defaults: { readonly service: string | undefined; readonly snapshot: string | undefined }
  /** Milliseconds since epoch. */
  readonly nowMs: number
}

interface Options {
  readonly service?: string
  readonly manifests?: string
  readonly snapshot?: string
  readonly issuer?: string
  readonly installation: string
  readonly output: 'text' | 'json'
}

/** @returns the exit code: 0 nothing is wrong, 1 something is @throws Error with a sentence for people */
export async function token(args: readonly string[], io: TokenIo): Promise<0 | 1> {
  const { file, options } = readCommand(args, io)
  const text = bare(await readToken(file, io))
  const now = Math.floor(io.nowMs / 1_000)
  const policies = await readPolicies(options, io.nowMs)
  const services = policies.map(policy => judgeToken(text, policy, now))
  const report: TokenReport = { ...inspectToken(text, now), services }
  io.write(options.output === 'json' ? `${JSON.stringify(report, null, 2)}\n` : renderToken(report, now))
  const isTaken = services.length === 0 || services.some(({ verdict }) => verdict !== 'refused')
  return report.faults.length === 0 && isTaken ? 0 : 1
}

function readCommand(args: readonly string[], { defaults }: TokenIo): { file: string; options: Options } {
  const command = new Command('latchkey token').description('Looks at tokens.')
  const inspect = command
    .command('inspect')
    .description(about)
    .argument('[file]', 'file with the token; - or nothing: standard input', '-')
    .option('--service <namespace/name>', 'only this GuardedService', readReference, defaults.service)
    .option('--manifests <dir>', 'the policy as YAML or JSON')
    .option('--snapshot <file>', 'the policy as a guard stores it', defaults.snapshot)
    .option('--issuer <url>', 'issuer URL of the installation that the manifests are for')
    .option('--installation <id>', 'installation id that client ids of manifests are made from', 'default')
    .option('-o, --output <form>', 'text or json', readForm, 'text')
    .addHelpText('after', example)
  for (const each of [command, inspect]) each.exitOverride(error => process.exit(error.exitCode === 0 ? 0 : 2))
  let file = '-'
  inspect.action(given => {
    file = String(given)
  })
  command.parse([...args], { from: 'user' })
  const options = inspect.opts<Options>()
  if (options.manifests === undefined && options.snapshot !== undefined && options.service === undefined)
    inspect.error('error: name the service of the snapshot: --service namespace/name')
  return { file, options }
}

function readForm(given: string): string {
  if (given !== 'text' && given !== 'json') throw new InvalidArgumentError('Expected text or json.')
  return given
}

async function readToken(file: string, { input }: TokenIo): Promise<string> {
  if (file !== '-') return readStart(file)
  if (!input) throw new Error('name a file with the token, or send it to standard input')
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of input) {
    const bytes = Buffer.from(piece)
    pieces.push(bytes)
    length += bytes.length
    if (length > maxBytes) throw new Error(`standard input is longer than ${maxBytes} bytes: it is no token`)
  }
  return Buffer.concat(pieces).toString('utf8')
}

async function readStart(file: string): Promise<string> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file} cannot be read: ${error.code ?? error.message}`)
  })
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1)
    if (bytesRead > maxBytes) throw new Error(`${file} is longer than ${maxBytes} bytes: it is no token`)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** The token alone, also where a whole header was copied. */
function bare(text: string): string {
  return text.trim().replace(/^(?:authorization: *)?bearer +/i, '')
}

/** The policies that were named; none where none was. */
async function readPolicies(options: Options, nowMs: number): Promise<ServicePolicy[]> {
  const { manifests, snapshot, service, installation, issuer = issuerOfInstallation(installation) } = options
  if (manifests === undefined && snapshot === undefined) return []
  const names = manifests === undefined || service !== undefined ? [service ?? ''] : await servicesIn(manifests)
  if (names.length === 0) throw new Error(`${manifests} holds no GuardedService`)
  return Promise.all(
    names.map(async name => {
      const source = await readPolicy({ service: name, manifests, snapshot, issuer, installation, nowMs })
      return policyOf(name, source, manifests === undefined ? 'All' : 'Brought', nowMs)
    }),
  )
}

function policyOf(
  service: string,
  { rows, confirmedAt }: PolicySource,
  keys: ServicePolicy['keys'],
  nowMs: number,
): ServicePolicy {
  return { service, rows, keys, ageSeconds: confirmedAt === undefined ? undefined : (nowMs - confirmedAt) / 1_000 }
}
