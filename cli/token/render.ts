import type { DenyReason } from '../../core/base/reasons.ts'
import { reasons } from '../../core/base/reasons.ts'
import { type TokenInspection, wordsOf } from '../../core/explain/inspect-token.ts'
import { explanationOf } from '../../core/explain/problems.ts'
import { columns, printable } from '../frame/output.ts'
import type { ServiceVerdict } from './services.ts'

/** All that the command found. */
export interface TokenReport extends TokenInspection {
  readonly services: readonly ServiceVerdict[]
}

/** What no token says by itself. */
const unjudged = `
Not judged, for no policy is named: whether the client exists and is granted anything, whether kid is a key of it that
counts, whether alg is that key's, and the signature. Name one with --manifests, or with --snapshot and --service.
`

/** The report for people. The token itself, and above all its signature, is not in it. */
export function renderToken(report: TokenReport, nowSeconds: number): string {
  const { kind, header, claims, faults, services } = report
  const rows: (readonly [string, string])[] = [
    ['Kind', kind ? wordsOf(kind) : 'cannot be read'],
    ...memberLines(header),
    ...memberLines(claims, nowSeconds),
    ...(kind ? [['Signature', signatureLine(services)] as const] : []),
  ]
  const table = columns(rows.map(([name, text]) => [name, printable(text)]))
  return `${headline(report)}\n\n${table}${faultLines(faults)}${serviceLines(report)}`
}

/** Members with their values; of claims also when their times are. */
export function memberLines(
  members: Readonly<Record<string, unknown>>,
  nowSeconds?: number,
): (readonly [string, string])[] {
  return Object.entries(members).map(([name, value]) => {
    const time = nowSeconds === undefined ? '' : timeOf(name, value, nowSeconds)
    return [name, shown(value) + time] as const
  })
}

function headline({ faults, services }: TokenReport): string {
  const [first] = faults
  if (first) return `REFUSED everywhere: ${first.code}`
  if (services.length === 0) return 'WELL-FORMED: nothing is wrong with the token by itself'
  const takers = services.filter(({ verdict }) => verdict === 'taken').map(({ service }) => service)
  if (takers.length > 0) return `TAKEN by ${takers.join(', ')}`
  return services.some(({ verdict }) => verdict === 'unknown')
    ? 'NOT PROVED: nothing is wrong with the token by itself'
    : 'REFUSED by every service that was asked'
}

function signatureLine(services: readonly ServiceVerdict[]): string {
  const proof = services.find(({ verdict }) => verdict === 'taken')
  return proof
    ? `proved: ${proof.client} (${proof.clientId}), key ${proof.key}; not shown`
    : 'not proved here, and not shown'
}

function faultLines(faults: TokenReport['faults']): string {
  if (faults.length === 0) return ''
  return `\nFaults\n${faults.map(({ code, found, hint }) => `- ${code}: ${printable(found)}\n  ${hint}\n`).join('')}`
}

function serviceLines({ kind, services, audience }: TokenReport): string {
  if (services.length === 0)
    return `${audience === undefined ? '' : `\n${audienceLine(audience)}\n`}${kind ? unjudged : ''}`
  const fitting = services.filter(service => service.audience === audience || service.verdict === 'taken')
  const others = services.filter(service => !fitting.includes(service))
  const lines = [
    ...fitting.map(service => `${service.service}: ${verdictLine(service)}`),
    ...others.map(({ service, audience: own }) => `${service}: another audience, ${own ?? 'none'}`),
  ]
  const hint = fitting.length === 0 && audience !== undefined ? `\n${audienceLine(audience)}\n` : ''
  return `\nServices\n${lines.map(line => `- ${printable(line)}\n`).join('')}${hint}`
}

function verdictLine({ verdict, reason = '', causes = [] }: ServiceVerdict): string {
  if (verdict === 'taken') return 'takes it. What its client may do there says `latchkey why`'
  if (verdict === 'unknown') return `its audience; ${reason}`
  if (causes.length > 0) return `refuses it: ${reason}. ${causes.join(' ')}`
  return `refuses it: ${reason}. ${Object.hasOwn(reasons, reason) ? explanationOf(reason as DenyReason).caller : ''}`
}

/** What can be told without a policy. */
function audienceLine(audience: string): string {
  const [, name, namespace] = /^https:\/\/([a-z0-9-]+)\.([a-z0-9-]+)\.svc$/.exec(audience) ?? []
  const whose = 'The service whose spec.audience it is: kubectl get guardedservices -A -o wide'
  return name === undefined
    ? `Audience: ${printable(audience)}. ${whose}`
    : `Audience of the GuardedService ${namespace}/${name}.`
}

function timeOf(name: string, value: unknown, now: number): string {
  if (!['iat', 'nbf', 'exp'].includes(name) || typeof value !== 'number') return ''
  if (!(Math.abs(value) < 8.64e12)) return ' (no time)'
  const away = Math.round(value - now)
  return ` (${new Date(value * 1_000).toISOString()}, ${away < 0 ? `${-away} s ago` : `in ${away} s`})`
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}
