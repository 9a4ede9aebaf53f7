import type { Comparison } from '../api/role.ts'
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
  /** The only literal that goes on from here, and where to; `literals` has them where there are several. */
  readonly literal: string | undefined
  readonly next: RuleNode | undefined
  readonly literals: ReadonlyMap<string, RuleNode> | undefined
  readonly one: RuleNode | undefined
  readonly here: Leaf | undefined
  readonly rest: Leaf | undefined
}

export interface RuleTrie {
  /** Rules of one role must be added in their order. */
  add(template: Template, rule: LeafRule): void
  finish(): RuleNode
}

export function growRuleTrie(): RuleTrie {
  const root = emptyNode()
  return {
    add: (template, rule) => addTo(leafOf(root, template), rule),
    finish: () => finishNode(root),
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

type GrowingLeaf = Map<number, LeafRule[]>

interface GrowingNode {
  readonly literals: Map<string, GrowingNode>
  one: GrowingNode | undefined
  here: GrowingLeaf | undefined
  rest: GrowingLeaf | undefined
}

function emptyNode(): GrowingNode {
  return { literals: new Map(), one: undefined, here: undefined, rest: undefined }
}

function leafOf(root: GrowingNode, template: Template): GrowingLeaf {
  let node = root
  for (const segment of template.segments) {
    if (segment.kind === 'rest') {
      node.rest ??= new Map()
      return node.rest
    }
    if (segment.kind === 'literal') {
      const next: GrowingNode = node.literals.get(segment.value) ?? emptyNode()
      node.literals.set(segment.value, next)
      node = next
    } else {
      node.one ??= emptyNode()
      node = node.one
    }
  }
  node.here ??= new Map()
  return node.here
}

function addTo(leaf: GrowingLeaf, rule: LeafRule): void {
  const rules = leaf.get(rule.role)
  if (rules) rules.push(rule)
  else leaf.set(rule.role, [rule])
}

function finishNode({ literals, one, here, rest }: GrowingNode): RuleNode {
  const only = literals.size === 1 ? [...literals][0] : undefined
  return {
    literal: only?.[0],
    next: only && finishNode(only[1]),
    literals: literals.size > 1 ? new Map([...literals].map(([value, node]) => [value, finishNode(node)])) : undefined,
    one: one && finishNode(one),
    here: here && finishLeaf(here),
    rest: rest && finishLeaf(rest),
  }
}

function finishLeaf(growing: GrowingLeaf): Leaf | undefined {
  const leaves = new Map<number, Leaf>()
  for (const [role, rules] of growing) {
    const first = rules.reduceRight<Leaf | undefined>((next, rule) => leaf(rule, next, undefined), undefined)
    if (first) leaves.set(role, first)
  }
  const [first] = leaves.values()
  return first && leaves.size > 1 ? leaf(first, first.next, leaves) : first
}

/** Written out, not spread: so that all of it is one piece of memory. */
function leaf(rule: LeafRule, next: Leaf | undefined, roles: Leaf['roles']): Leaf {
  const { role, index, name, methods, when, positions } = rule
  return { role, methods, index, name, next, roles, when, positions }
}
