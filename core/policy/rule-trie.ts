import type { Comparison } from '../api/role.ts'
import type { Template } from './template.ts'

/** One rule at the end of one of its templates. */
export interface LeafRule {
  /** Position in the Role's spec.rules. */
  readonly index: number
  /** Bits of the methods; all bits for permission rules. */
  readonly methods: number
  readonly when?: readonly Comparison[]
  /** Where the values of the template's names stand, for `when`. */
  readonly positions?: ReadonlyMap<string, number>
}

/** The roles that have a rule here, each with its rules in their order. */
export type Leaf = ReadonlyMap<string, readonly LeafRule[]>

/** A trie of template segments. Any match allows, so `{name}` and `*` are one edge. */
export interface RuleNode {
  readonly literals: ReadonlyMap<string, RuleNode>
  readonly one: RuleNode | undefined
  readonly here: Leaf | undefined
  readonly rest: Leaf | undefined
}

interface GrowingNode {
  literals: Map<string, GrowingNode>
  one: GrowingNode | undefined
  here: Map<string, LeafRule[]> | undefined
  rest: Map<string, LeafRule[]> | undefined
}

export interface RuleTrie {
  readonly root: RuleNode
  /** Rules of one role must be added in their order. */
  add(template: Template, role: string, rule: LeafRule): void
}

export function growRuleTrie(): RuleTrie {
  const root = emptyNode()
  return { root, add: (template, role, rule) => addTo(leafOf(root, template), role, rule) }
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
  const literal = node.literals.size === 0 ? undefined : node.literals.get(segment)
  if (literal) collectLeaves(literal, segments, at + 1, found)
  if (node.one && segment !== '') collectLeaves(node.one, segments, at + 1, found)
}

function emptyNode(): GrowingNode {
  return { literals: new Map(), one: undefined, here: undefined, rest: undefined }
}

function leafOf(root: GrowingNode, template: Template): Map<string, LeafRule[]> {
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

function addTo(leaf: Map<string, LeafRule[]>, role: string, rule: LeafRule): void {
  const rules = leaf.get(role)
  if (rules) rules.push(rule)
  else leaf.set(role, [rule])
}
