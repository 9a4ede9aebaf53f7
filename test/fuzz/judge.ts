import { clientId as knownClient } from './access.ts'
import { cutTarget } from './cut-target.ts'
import type { Evidence, Violation, ViolationKind } from './evidence.ts'
import type { Decided } from './guard-process.ts'
import { judgeAnswers } from './judge-answers.ts'
import { fieldFaults } from './judge-fields.ts'
import { type Reading, type ReadRequest, valuesOf } from './read-requests.ts'
import type { Forward } from './recorder.ts'

/** @returns what is wrong with how the guard took one input; nothing when all is well */
export function judge(evidence: Evidence): Violation[] {
  const { reading, forwards, received } = evidence
  const violations: Violation[] = []
  const say = (kind: ViolationKind, what: string): void => void violations.push({ kind, what })
  for (const what of unaskedFor(evidence)) say('unread', `${what} (${reading.why ?? reading.end})`)
  const spent = new Set<Decided>()
  for (const forward of forwards) for (const found of judgeForward(forward, evidence, spent)) violations.push(found)
  if (received.endedBy === 'nobody') say('hang', 'the connection stayed open')
  violations.push(...judgeAnswers(evidence))
  return violations
}

/** Each decision belongs to one request of the input; after the last one at most one refusal comes. */
function unaskedFor(evidence: Evidence): string[] {
  const lines = evidence.decided.filter(({ event }) => event === undefined)
  const left = [...candidates(evidence)]
  const faults: string[] = []
  for (const line of lines.filter(({ decision }) => decision === 'allow')) {
    const at = left.findIndex(request => isOf(line, request))
    if (at === -1) faults.push(`allowed ${line.method} ${line.path}, which was not asked for`)
    else left.splice(at, 1)
  }
  const requests = candidates(evidence).length
  return lines.length > requests + 1 ? [...faults, `${lines.length} decisions on ${requests} requests`] : faults
}

/** Whole requests of the input up to the one that became a tunnel, and the one it broke off in. */
function candidates({ reading, forwards }: Evidence): readonly ReadRequest[] {
  const tunnel = forwards.find(({ tunnelled }) => tunnelled !== undefined)?.request
  const last =
    tunnel && reading.requests.findIndex(({ target, webSocket }) => webSocket && cutTarget(target) === tunnel.target)
  if (last !== undefined && last >= 0) return reading.requests.slice(0, last + 1)
  return reading.begun ? [...reading.requests, reading.begun] : reading.requests
}

function judgeForward(forward: Forward, evidence: Evidence, spent: Set<Decided>): Violation[] {
  const { request, kind, raw } = forward
  // A connection that ended within a head: no server takes that for a request.
  if (!request)
    return kind === 'fault' ? [{ kind: 'broken', what: `the app got ${JSON.stringify(raw.slice(0, 400))}` }] : []
  const [id] = valuesOf(request.fields, 'x-request-id')
  const line = evidence.decided.find(
    entry => entry.decision === 'allow' && entry.requestId === id && isOf(entry, request) && !spent.has(entry),
  )
  const name = `${request.method} ${request.target}`
  if (!line) return [{ kind: 'undecided', what: `the app got ${name}, which nothing allowed` }]
  spent.add(line)
  const source = candidates(evidence).filter(candidate => isSame(candidate, request, kind))
  if (source.length === 0) {
    return [
      { kind: 'unread', what: `the app got ${name} with ${JSON.stringify(request.body)}, which was not asked for` },
    ]
  }
  const perSource = source.map(candidate => [
    ...fieldFaults({ forward: request, source: candidate, decided: line, peer: evidence.peer }),
    ...identityFaults(line, candidate, evidence.token),
  ])
  const [least = []] = perSource.sort((a, b) => a.length - b.length)
  return [
    ...least.map(what => ({ kind: 'field', what: `${name}: ${what}` }) as const),
    ...tunnelFaults(forward, evidence.reading),
  ]
}

function isOf(line: Decided, { method, target }: ReadRequest): boolean {
  return line.method === method && line.path === target.split('?', 1)[0]?.slice(0, 1_024)
}

function isSame(source: ReadRequest, forward: ReadRequest, kind: Forward['kind']): boolean {
  const sameBody = kind === 'partial' ? source.body.startsWith(forward.body) : source.body === forward.body
  return source.method === forward.method && cutTarget(source.target) === forward.target && sameBody
}

function identityFaults(line: Decided, source: ReadRequest, token: string): string[] {
  if (line.clientId === undefined) return []
  const credentials = valuesOf(source.fields, 'authorization')
  const isProved =
    credentials.length === 1 && /^bearer +/i.test(credentials[0] ?? '') && credentials[0]?.endsWith(token)
  return isProved && line.clientId === knownClient ? [] : ['an identity that was not proved']
}

function tunnelFaults({ tunnelled }: Forward, { text, ends }: Reading): Violation[] {
  if (tunnelled === undefined || ends.some(end => text.startsWith(tunnelled, end))) return []
  return [{ kind: 'broken', what: 'a tunnel carried what was not sent into it' }]
}
