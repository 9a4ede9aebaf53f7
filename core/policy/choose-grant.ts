import type { Comparison } from '../api/role.ts'
import type { Identity } from '../base/identity.ts'
import { type Leaf, type LeafRule, ruleOf } from '../matching/rule-trie.ts'
import type { CallerStanding, HeldGrant } from './caller.ts'
import type { LimitsLeft } from './limits.ts'

/** What the rules are asked about. */
export interface RequestedAccess {
  /** Leaves of the templates that match. */
  readonly leaves: readonly Leaf[]
  /** Bit of the method; for permission rules any one bit. */
  readonly method: number
  /** Segments of the path or of the resource: what `{name}` stands for. */
  readonly values: readonly string[]
}

/** What was found among a caller's grants. */
export interface Choice {
  /** The best grant that allows: first by role, then by rule, then by name of the grant. */
  readonly grant: HeldGrant
  readonly rule: LeafRule
}

/** A grant that would allow, if its limit were not reached. */
export interface Spent {
  readonly spent: HeldGrant
  readonly waitMs: number
}

/**
 * Looks for the grant that allows: the first one whose limit is not reached.
 * @param now seconds since epoch @param limits what is left of them; undefined: none is reached
 * @returns the one that allows again soonest where all that would allow are spent; `ended` when a grant that has ended
 *   would have allowed; undefined when none would
 */
export function chooseGrant(
  caller: CallerStanding,
  question: RequestedAccess,
  identity: Identity,
  now: number,
  limits: LimitsLeft | undefined,
): Choice | Spent | 'ended' | undefined {
  let chosen: Choice | undefined
  let spent: Spent | undefined
  let wouldHaveAllowed = false
  for (let grant = caller.grants; grant; grant = grant.next) {
    // Roles come in their order: what comes after the role that allows cannot be better.
    if (chosen && chosen.grant.role !== grant.role) break
    const rule = firstRule(question, grant, identity, caller)
    if (rule === undefined) continue
    if (grant.endsAt !== undefined && now >= grant.endsAt) wouldHaveAllowed = true
    else if (!chosen || rule.index < chosen.rule.index) {
      const waitMs = grant.limit && limits ? limits.waitMs(grant.name, grant.limit, identity.clientId) : 0
      if (waitMs === 0) chosen = { grant, rule }
      else if (!spent || waitMs < spent.waitMs) spent = { spent: grant, waitMs }
    }
  }
  return chosen ?? spent ?? (wouldHaveAllowed ? 'ended' : undefined)
}

/** The rule with the lowest index, of the grant's role, that allows. */
function firstRule(
  { leaves, method, values }: RequestedAccess,
  grant: HeldGrant,
  identity: Identity,
  caller: CallerStanding,
): LeafRule | undefined {
  let first: LeafRule | undefined
  for (const leaf of leaves) {
    for (let rule = ruleOf(leaf, grant.role); rule; rule = rule.next) {
      if (first !== undefined && rule.index >= first.index) break
      if ((rule.methods & method) !== 0 && allHold(rule, values, grant, identity, caller)) first = rule
    }
  }
  return first
}

function allHold(
  rule: LeafRule,
  values: readonly string[],
  grant: HeldGrant,
  identity: Identity,
  caller: CallerStanding,
): boolean {
  if (!rule.when) return true
  const valueFor = (parameter: string): string | undefined => {
    const position = rule.positions?.get(parameter)
    return position === undefined ? undefined : values[position]
  }
  return rule.when.every(comparison => holds(comparison, valueFor, grant, identity, caller))
}

/** Exactly one comparison, on two values that are both there; anything else does not hold. */
function holds(
  { attributeEquals, organizationEquals, scopeContains }: Comparison,
  valueFor: (parameter: string) => string | undefined,
  grant: HeldGrant,
  identity: Identity,
  caller: CallerStanding,
): boolean {
  if (attributeEquals) {
    const { param, attribute } = attributeEquals
    const { attributes } = grant
    if (!attributes || !Object.hasOwn(attributes, attribute)) return false
    const value = valueFor(param)
    return value !== undefined && value === attributes[attribute]
  }
  if (organizationEquals) {
    return caller.organization !== undefined && valueFor(organizationEquals.param) === caller.organization
  }
  return scopeContains !== undefined && identity.scopes.includes(scopeContains.scope)
}
