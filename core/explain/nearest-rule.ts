import type { Comparison } from '../api/role.ts'
import { byFit, matchRule, type RuleMatch, type RuleQuestion } from '../matching/match-rule.ts'
import { readTarget } from '../matching/path.ts'
import type { Endpoint } from '../matching/route-table.ts'
import type { GrantStanding } from '../policy/client-standing.ts'
import type { ClientRow, RoleRow, Row, RuleRow } from '../rows/rows.ts'

/** The rule that comes closest to allowing a call, and what is between. */
export interface Nearest {
  readonly role: string
  /** Position in the Role's spec.rules. */
  readonly rule: number
  /** Its template that fits best; for permissions with the action. */
  readonly text: string
  /** NoGrant: it allows, and the client has no grant of its role. GrantEnded: it had one. */
  readonly gap: 'NoGrant' | 'GrantEnded' | 'Condition' | 'Method' | 'Action' | 'Template'
  /** Condition: what does not hold, as sentences. */
  readonly unmet: readonly string[]
  /** Attributes a grant must have for the rule to allow; undefined where no grant can make it allow. */
  readonly needs: Readonly<Record<string, string>> | undefined
  /** Grants of its role that the client has, ended ones too. */
  readonly grants: readonly string[]
}

export interface NearestQuestion {
  readonly client: ClientRow | undefined
  readonly grants: readonly GrantStanding[]
  readonly method: string
  readonly path: string
  readonly endpoint: Endpoint | undefined
}

interface Candidate {
  readonly role: RoleRow
  readonly rule: RuleRow
  readonly match: RuleMatch
  readonly held: readonly GrantStanding[]
}

export function nearestRule(rows: readonly Row[], question: NearestQuestion): Nearest | undefined {
  const asked = questionOf(question)
  if (!asked) return undefined
  const candidates = rows
    .flatMap(row => (row.type === 'role' ? [row] : []))
    .flatMap(role => role.rules.map(rule => ({ role, rule, match: matchRule(rule, asked) })))
    .flatMap(({ match, ...found }): Candidate[] => {
      const held = question.grants.filter(grant => grant.role === found.role.name)
      return match ? [{ ...found, match, held }] : []
    })
  const [best] = candidates.sort(byNearness)
  return best && nearestOf(best, question, asked)
}

/** What rules are asked in place of the call; undefined where no rule is. */
function questionOf({ method, path, endpoint }: NearestQuestion): RuleQuestion | undefined {
  const target = readTarget(path)
  if (typeof target === 'string') return undefined
  if (!endpoint?.permission) return { kind: 'path', method, segments: target.segments }
  const { action, parts } = endpoint.permission
  const segments = parts?.map(part => (typeof part === 'string' ? part : (target.segments[part] ?? '')))
  return segments && { kind: 'permission', action, segments }
}

/** Fit first; then a role that the client has; then the role that gives least besides. */
function byNearness(a: Candidate, b: Candidate): number {
  return (
    byFit(a.match, b.match) ||
    b.held.length - a.held.length ||
    sizeOf(a.role) - sizeOf(b.role) ||
    (a.role.name < b.role.name ? -1 : a.role.name > b.role.name ? 1 : a.rule.index - b.rule.index)
  )
}

function sizeOf({ rules }: RoleRow): number {
  return rules.reduce((sum, { paths = [], permissions = [] }) => sum + paths.length + permissions.length, 0)
}

function nearestOf({ role, rule, match, held }: Candidate, question: NearestQuestion, asked: RuleQuestion): Nearest {
  const found = { role: role.name, rule: rule.index, text: match.text, grants: held.map(({ name }) => name) }
  if (!match.whole) return { ...found, gap: 'Template', unmet: [], needs: undefined }
  if (!match.verb) return { ...found, gap: asked.kind === 'path' ? 'Method' : 'Action', unmet: [], needs: undefined }
  const conditions = (rule.when ?? []).map(comparison => judge(comparison, match, question.client))
  const needs = conditions.every(({ grantable }) => grantable)
    ? Object.fromEntries(conditions.flatMap(({ attribute }) => (attribute ? [attribute] : [])))
    : undefined
  const live = held.filter(({ ended }) => !ended)
  const unmet = conditions.flatMap(condition => condition.unmet(live[0]?.attributes) ?? [])
  const gap = live.length > 0 ? 'Condition' : held.length > 0 ? 'GrantEnded' : 'NoGrant'
  return { ...found, gap, unmet, needs }
}

interface Condition {
  /** Whether some grant can make it hold, and what that must say. */
  readonly grantable: boolean
  readonly attribute?: readonly [string, string]
  /** Why it does not hold under a grant with these attributes. */
  unmet(attributes: Readonly<Record<string, string>> | undefined): string | undefined
}

function judge(comparison: Comparison, { values }: RuleMatch, client: ClientRow | undefined): Condition {
  const { attributeEquals, organizationEquals, scopeContains } = comparison
  if (attributeEquals) return judgeAttribute(attributeEquals, values.get(attributeEquals.param))
  if (!organizationEquals) {
    return { grantable: false, unmet: () => `the token must have the scope ${scopeContains?.scope ?? ''}` }
  }
  const { param } = organizationEquals
  const value = values.get(param)
  const isSame = value !== undefined && value === client?.organization
  return {
    grantable: isSame,
    unmet: () =>
      isSame
        ? undefined
        : `{${param}} is ${quoted(value)}, and the organization of the client's namespace is ${quoted(client?.organization)}`,
  }
}

function judgeAttribute(
  { param, attribute }: { param: string; attribute: string },
  value: string | undefined,
): Condition {
  return {
    grantable: value !== undefined,
    ...(value !== undefined && { attribute: [attribute, value] as const }),
    unmet(attributes) {
      const said = attributes && Object.hasOwn(attributes, attribute) ? attributes[attribute] : undefined
      if (value !== undefined && said === value) return undefined
      return `{${param}} is ${quoted(value)}, and the grant's attribute ${attribute} is ${quoted(said)}`
    },
  }
}

function quoted(value: string | undefined): string {
  return value === undefined ? 'not set' : JSON.stringify(value)
}
