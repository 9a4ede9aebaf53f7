import type { Comparison } from '../api/role.ts'
import type { ClientRow, GrantRow } from '../snapshot/rows.ts'
import type { Identity } from './decision.ts'
import { type Leaf, type LeafRule, rulesOf } from './rule-trie.ts'

/** What the rules are asked about. */
export interface Question {
  /** Leaves of the templates that match. */
  readonly leaves: readonly Leaf[]
  /** Bit of the method; for permission rules any one bit. */
  readonly method: number
  /** Segments of the path or of the resource: what `{name}` stands for. */
  readonly values: readonly string[]
}

export interface Chosen {
  readonly grant: GrantRow
  readonly rule: number
}

/** What was found among a client's grants. */
export interface Choice {
  /** The best grant that allows: first by role, then by rule, then by name of the grant. */
  readonly chosen: Chosen | undefined
  /** A grant that has ended would have allowed. */
  readonly wouldHaveAllowed: boolean
}

/**
 * Looks for the grant that allows.
 * @param grants sorted by role, then by name
 * @param now seconds since epoch
 */
export function chooseGrant(
  grants: readonly GrantRow[],
  question: Question,
  identity: Identity,
  client: ClientRow,
  now: number,
): Choice {
  let chosen: Chosen | undefined
  let wouldHaveAllowed = false
  for (const grant of grants) {
    // Roles come in their order: what comes after the role that allows cannot be better.
    if (chosen && chosen.grant.role !== grant.role) break
    if (identity.roles && !identity.roles.includes(grant.role)) continue
    const rule = firstRule(question, grant, identity, client)
    if (rule === undefined) continue
    if (grant.expiresAt !== undefined && now >= grant.expiresAt) wouldHaveAllowed = true
    else if (!chosen || rule < chosen.rule) chosen = { grant, rule }
  }
  return { chosen, wouldHaveAllowed }
}

/** Lowest index of a rule of the grant's role that allows. */
function firstRule(question: Question, grant: GrantRow, identity: Identity, client: ClientRow): number | undefined {
  let first: number | undefined
  for (const leaf of question.leaves) {
    const rules = rulesOf(leaf, grant.role)
    if (!rules) continue
    for (const rule of rules) {
      if (first !== undefined && rule.index >= first) break
      if ((rule.methods & question.method) !== 0 && allHold(rule, question.values, grant, identity, client)) {
        first = rule.index
      }
    }
  }
  return first
}

function allHold(
  rule: LeafRule,
  values: readonly string[],
  grant: GrantRow,
  identity: Identity,
  client: ClientRow,
): boolean {
  if (!rule.when) return true
  const valueFor = (parameter: string): string | undefined => {
    const position = rule.positions?.get(parameter)
    return position === undefined ? undefined : values[position]
  }
  return rule.when.every(comparison => holds(comparison, valueFor, grant, identity, client))
}

/** Exactly one comparison, on two values that are both there; anything else does not hold. */
function holds(
  { attributeEquals, organizationEquals, scopeContains }: Comparison,
  valueFor: (parameter: string) => string | undefined,
  grant: GrantRow,
  identity: Identity,
  client: ClientRow,
): boolean {
  if (attributeEquals) {
    const { param, attribute } = attributeEquals
    const { attributes } = grant
    if (!attributes || !Object.hasOwn(attributes, attribute)) return false
    const value = valueFor(param)
    return value !== undefined && value === attributes[attribute]
  }
  if (organizationEquals) {
    return client.organization !== undefined && valueFor(organizationEquals.param) === client.organization
  }
  return scopeContains !== undefined && identity.scopes.includes(scopeContains.scope)
}
