import { inspectToken } from '../../core/explain/inspect-token.ts'
import type { CommandIo, Given, Values } from '../frame/command.ts'
import { CommandError, type Outcome } from '../frame/exit-codes.ts'
import { formatted } from '../frame/output.ts'
import { issuerOfInstallation } from '../policy-options.ts'
import { type PolicySource, readPolicy, servicesIn } from '../policy-source.ts'
import { bareToken, readToken } from '../token-text.ts'
import type { tokenInspect } from './entry.ts'
import { renderToken, type TokenReport } from './render.ts'
import { judgeToken, type ServicePolicy } from './services.ts'

type InspectOptions = typeof tokenInspect.options

/** @returns `bad` when something is wrong, or nobody could prove the token @throws Error with a sentence for people */
export async function inspect(
  { arguments: [file = '-'], options }: Given<InspectOptions>,
  io: CommandIo,
): Promise<Outcome> {
  const { manifests, snapshot, service, output } = options
  if (manifests === undefined && snapshot !== undefined && service === undefined)
    throw new CommandError('usage', 'name the service of the snapshot: --service namespace/name')
  const text = bareToken(await readToken(file, io))
  const now = Math.floor(io.nowMs / 1_000)
  const policies = await readPolicies(options, io.nowMs)
  const services = policies.map(policy => judgeToken(text, policy, now))
  const report: TokenReport = { ...inspectToken(text, now), services }
  io.write(await formatted(output, report, () => renderToken(report, now)))
  const isTaken = services.length === 0 || services.some(({ verdict }) => verdict === 'taken')
  return report.faults.length === 0 && isTaken ? 'ok' : 'bad'
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
