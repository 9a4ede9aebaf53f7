import { Document, isMap, isScalar, isSeq, type YAMLMap } from 'yaml'
import type { Evidence, Proposal, ProposedRole } from '../../core/learn/propose-role.ts'
import type { LeftOut, Sightings } from '../../core/learn/seen-traffic.ts'

/** What the log held besides what something is proposed for. */
export interface LogSummary {
  readonly service: string
  readonly allowed: number
  readonly passedOver: number
}

/** The proposal as YAML: objects that can be applied, with a comment beside everything that says what was seen of it. */
export function renderProposal(proposal: Proposal, leftOut: readonly LeftOut[], summary: LogSummary): string {
  const head = comment([
    `What the seen traffic of ${summary.service} needs. Read it before you apply it: a client that asked for too much`,
    'gets it proposed too.',
    ...(proposal.roles.length === 0 ? ['', 'Nothing is proposed.'] : []),
    ...(leftOut.length === 0 ? [] : ['', 'Left out:', ...leftOut.map(({ why, ...seen }) => `- ${told(seen)}: ${why}`)]),
    '',
    `${calls(summary.allowed)} passed by policy. ${count(summary.passedOver, 'line')} told of no decision of this service.`,
  ])
  return [head, ...proposal.roles.flatMap(documents)].join('---\n')
}

function documents(proposed: ProposedRole): string[] {
  return [roleDocument(proposed), ...proposed.grants.map(grant => write(documentOf(grant)))]
}

/** A list that stands in several rules is written out in each: an anchor helps nobody who reads it. */
function documentOf(object: unknown): Document {
  return new Document(object, { aliasDuplicateObjects: false })
}

function roleDocument({ role, evidence }: ProposedRole): string {
  const document = documentOf(role)
  evidence.forEach((seen, index) => {
    const rule = document.getIn(['spec', 'rules', index])
    if (isMap(rule)) annotate(rule as YAMLMap, seen)
  })
  return write(document)
}

function annotate(rule: YAMLMap, evidence: ReadonlyMap<string, Evidence>): void {
  note(rule.get('paths'), '', evidence)
  const permissions = rule.get('permissions')
  for (const entry of isSeq(permissions) ? permissions.items : []) {
    if (isMap(entry)) note(entry.get('resources'), `${String(entry.get('action'))} `, evidence)
  }
}

function note(list: unknown, prefix: string, evidence: ReadonlyMap<string, Evidence>): void {
  for (const item of isSeq(list) ? list.items : []) {
    const seen = isScalar(item) ? evidence.get(prefix + String(item.value)) : undefined
    if (isScalar(item) && seen) item.comment = ` ${seenOf(seen)}`
  }
}

function seenOf({ paths, alsoOpens, ...seen }: Evidence): string {
  const also = alsoOpens.length === 0 ? '' : `; also opens the routes ${printable(alsoOpens.join(', '))}`
  return `${told(seen)}${paths > 1 ? `, ${paths} paths` : ''}${also}`
}

function told(seen: Sightings): string {
  return `${calls(seen.calls)}, last ${seen.lastSeen}`
}

function calls(number: number): string {
  return count(number, 'call')
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

function write(document: Document): string {
  return document.toString({ lineWidth: 0 })
}

function comment(lines: readonly string[]): string {
  return lines.map(line => `${`# ${printable(line)}`.trimEnd()}\n`).join('')
}

/** What a log holds is somebody else's text: nothing of it ends a comment. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?')
}
