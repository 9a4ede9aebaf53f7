import { type Explanation, explain, type WhyQuestion } from '../../core/explain/explain.ts'
import type { Row } from '../../core/rows/rows.ts'
import type { CommandIo, Given } from '../frame/command.ts'
import { CommandError, type Outcome } from '../frame/exit-codes.ts'
import { formatted } from '../frame/output.ts'
import { issuerOfInstallation } from '../policy-options.ts'
import { readPolicy } from '../policy-source.ts'
import type { why } from './entry.ts'
import { type IdOf, renderWhy } from './render.ts'

/** @returns `bad` when the call does not pass @throws Error with a sentence for people */
export async function explainCall(given: Given<typeof why.options>, { write, nowMs }: CommandIo): Promise<Outcome> {
  const [method = '', target = ''] = given.arguments
  const { client, key, service, manifests, snapshot, installation, json, output } = given.options
  if (service === undefined) throw new CommandError('usage', 'name the service: --service namespace/name')
  const issuer = issuerOfInstallation(installation)
  const source = await readPolicy({ service, manifests, snapshot, installation, issuer, nowMs })
  const name = clientNameOf(source.rows, client)
  const question: WhyQuestion = {
    client,
    minted: source.minted.get(name),
    unfit: source.unfit.get(name),
    key,
    method,
    target,
    keys: manifests === undefined ? 'Stored' : 'Assumed',
    ageSeconds: source.confirmedAt === undefined ? undefined : (nowMs - source.confirmedAt) / 1_000,
    now: Math.floor(nowMs / 1_000),
  }
  const explanation = explain(source.rows, question)
  if (!explanation) throw new Error('this version of latchkey does not understand the policy')
  complainOfKey(explanation, question)
  const { revision, provisional, problems } = source
  const idOf: IdOf = explanation.client && provisional.has(explanation.client.name) ? 'standalone' : 'cluster'
  const text = (): string => renderWhy(explanation, question, { revision, idOf }) + notes(problems, { client, service })
  write(await formatted(json ? 'json' : output, { revision, ...withId(explanation, idOf) }, text))
  return explanation.outcome === 'deny' ? 'bad' : 'ok'
}

/** A client may be asked for by its id. */
function clientNameOf(rows: readonly Row[], asked: string): string {
  const row = rows.find(one => one.type === 'client' && one.clientId === asked)
  return row?.type === 'client' ? `${row.namespace}/${row.name}` : asked
}

/** @throws CommandError where the client has no such key: it was misspelt, and a denial for it would mislead */
function complainOfKey({ client, credentials }: Explanation, { key, minted = [] }: WhyQuestion): void {
  if (!client || key === undefined || minted.includes(key)) return
  if (credentials.some(one => one.key === key || one.accessKey === key)) return
  const names = [...minted, ...credentials.map(one => one.accessKey ?? one.key)]
  const known = names.length === 0 ? 'none' : names.slice(0, 10).join(', ')
  throw new CommandError('usage', `${client.name} has no key ${JSON.stringify(key)}. It has: ${known}.`)
}

/** `clientId` is the one that the cluster has, or is not there. */
function withId(explanation: Explanation, idOf: IdOf): object {
  if (!explanation.client || idOf === 'cluster') return explanation
  const { clientId, ...client } = explanation.client
  return { ...explanation, client: { ...client, standaloneClientId: clientId } }
}

/** What the manifests do less than they say, as far as it concerns this client or this service. */
function notes(problems: readonly string[], { client, service }: { client: string; service: string }): string {
  const concerned = problems.filter(problem => problem.includes(client) || problem.includes(service))
  return concerned.length === 0 ? '' : `\nOf the manifests:\n${concerned.map(problem => `- ${problem}\n`).join('')}`
}
