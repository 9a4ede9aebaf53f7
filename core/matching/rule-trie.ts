import type { Comparison } from '../api/role.ts'
import { growLiteral } from './literals.ts'
import type { Template } from './template.ts'

/** One rule at the end of one of its templates. */
export interface LeafRule {
  /** Number of its role: two texts would have to be looked at. */
  readonly role: number
  /** Position in the Role's spec.rules. */
  readonly index: number
  /** `role/<name>#<index>`: what decisions and audit lines say. */
  readonly name: string
  /** Bits of the methods; all bits for permission rules. */
  readonly methods: number
  readonly when: readonly Comparison[] | undefined
  /** Where the values of the template's names stand, for `when`. */
  readonly positions: ReadonlyMap<string, number> | undefined
}

/**
 * The rules at one place: the first one, and from there on. The usual case, one role with one rule, is one object: among
 * many rules what a decision costs is how much memory it has to touch.
 */
export interface Leaf extends LeafRule {
  /** The next rule of the same role, in their order. */
  readonly next: Leaf | undefined
  /** The first rules of all roles, where several have rules here. */
  readonly roles: ReadonlyMap<number, Leaf> | undefined
}

/** @returns the first rule of that role */
export function ruleOf(leaf: Leaf, role: number): Leaf | undefined {
  if (leaf.roles) return leaf.roles.get(role)
  return leaf.role === role ? leaf : undefined
}

/** A trie of template segments. Any match allows, so `{name}` and `*` are one edge. */
export interface RuleNode {
  readonly literal: string | undefined
  readonly next: RuleNode | undefined
  readonly literals: ReadonlyMap<string, RuleNode> | undefined
  readonly one: RuleNode | undefined
  readonly here: Leaf | undefined
  readonly rest: Leaf | undefined
}

export interface RuleTrie {
  /** What was added so far. */
  readonly root: RuleNode
  /** Rules of one role must be added in their order. */
  add(template: Template, rule: LeafRule): void
}

export function growRuleTrie(): RuleTrie {
  const root = emptyNode()
  // Where the rules of a role end: thousands may lie at one place, and none is looked for from their beginning.
  const lasts = new Map<Leaf, GrowingLeaf>()
  let role = -1
  return {
    root,
    add(template, rule) {
      if (rule.role !== role && lasts.size > 0) lasts.clear()
      role = rule.role
      const { node, at } = placeOf(root, template)
      const first = node[at]
      if (first) join(first, leaf(rule), lasts)
      else node[at] = leaf(rule)
    },
  }
}

/**
 * The leaves of all templates that match. Each node is visited at most once, so the work is bounded by the templates
 * that share a beginning with the path, and is one node a segment where none overlap.
 */
export function collectLeaves(node: RuleNode, segments: readonly string[], at: number, found: Leaf[]): void {
  if (node.rest) found.push(node.rest)
  const segment = segments[at]
  if (segment === undefined) {
    if (node.here) found.push(node.here)
    return
  }
  const literal = node.literals ? node.literals.get(segment) : node.literal === segment ? node.next : undefined
  if (literal) collectLeaves(literal, segments, at + 1, found)
  if (node.one && segment !== '') collectLeaves(node.one, segments, at + 1, found)
}

interface GrowingLeaf extends Leaf {
  next: GrowingLeaf | undefined
  roles: Map<number, GrowingLeaf> | undefined
}

interface GrowingNode extends RuleNode {
  literal: string | undefined
  next: GrowingNode | undefined
  literals: Map<string, GrowingNode> | undefined
  one: GrowingNode | undefined
  here: GrowingLeaf | undefined
  rest: GrowingLeaf | undefined
}

function emptyNode(): GrowingNode {
  return { literal: undefined, next: undefined, literals: undefined, one: undefined, here: undefined, rest: undefined }
}

function placeOf(root: GrowingNode, template: Template): { node: GrowingNode; at: 'here' | 'rest' } {
  let node = root
  for (const segment of template.segments) {
    if (segment.kind === 'rest') return { node, at: 'rest' }
    if (segment.kind === 'literal') node = growLiteral(node, segment.value, emptyNode)
    else {
      node.one ??= emptyNode()
      node = node.one
    }
  }
  return { node, at: 'here' }
}

/** Puts a rule behind those of its role at one place. */
function join(first: GrowingLeaf, fresh: GrowingLeaf, lasts: Map<Leaf, GrowingLeaf>): void {
  if (!first.roles && first.role !== fresh.role) first.roles = new Map([[first.role, first]])
  const own = first.roles ? first.roles.get(fresh.role) : first
  if (!own) return void first.roles?.set(fresh.role, fresh)
  let last = lasts.get(own) ?? own
  while (last.next) last = last.next
  last.next = fresh
  lasts.set(own, fresh)
}

/** Written out, not spread: so that all of it is one piece of memory. */
function leaf({ role, index, name, methods, when, positions }: LeafRule): GrowingLeaf {
  return { role, methods, index, name, next: undefined, roles: undefined, when, positions }
}
