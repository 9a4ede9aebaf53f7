import { open } from 'node:fs/promises'
import { inspectToken } from '../../core/explain/inspect-token.ts'
import type { CommandIo, Given, Values } from '../frame/command.ts'
import { CommandError, type Outcome } from '../frame/exit-codes.ts'
import { formatted } from '../frame/output.ts'
import { issuerOfInstallation } from '../policy-options.ts'
import { type PolicySource, readPolicy, servicesIn } from '../policy-source.ts'
import type { tokenInspect } from './entry.ts'
import { renderToken, type TokenReport } from './render.ts'
import { judgeToken, type ServicePolicy } from './services.ts'

type InspectOptions = typeof tokenInspect.options

/** No token is longer than 8 KiB; what is much longer is another file. */
const maxBytes = 65_536

/** @returns `bad` when something is wrong, or nobody could prove the token @throws Error with a sentence for people */
export async function inspect(
  { arguments: [file = '-'], options }: Given<InspectOptions>,
  io: CommandIo,
): Promise<Outcome> {
  const { manifests, snapshot, service, output } = options
  if (manifests === undefined && snapshot !== undefined && service === undefined)
    throw new CommandError('usage', 'name the service of the snapshot: --service namespace/name')
  const text = bare(await readToken(file, io))
  const now = Math.floor(io.nowMs / 1_000)
  const policies = await readPolicies(options, io.nowMs)
  const services = policies.map(policy => judgeToken(text, policy, now))
  const report: TokenReport = { ...inspectToken(text, now), services }
  io.write(await formatted(output, report, () => renderToken(report, now)))
  const isTaken = services.length === 0 || services.some(({ verdict }) => verdict === 'taken')
  return report.faults.length === 0 && isTaken ? 'ok' : 'bad'
}

async function readToken(file: string, { input }: CommandIo): Promise<string> {
  if (file !== '-') return readStart(file)
  if (input.isTTY) throw new Error('name a file with the token, or send it to standard input')
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
async function readPolicies(options: Values<InspectOptions>, nowMs: number): Promise<ServicePolicy[]> {
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
