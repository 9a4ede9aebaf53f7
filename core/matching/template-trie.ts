import type { Template, TemplateSegment } from './template.ts'

/** Templates by their segments, with what belongs to each. */
export interface TemplateTrie<T> {
  readonly literals: Map<string, TemplateTrie<T>>
  /** Below a `{name}` or `*`. */
  any: TemplateTrie<T> | undefined
  /** Templates that end here with `**`. */
  readonly rests: T[]
  /** Templates that end here. */
  readonly ends: T[]
}

/** What is still to be spent on one question: a walk stops where it is used up. */
export interface Budget {
  left: number
}

export function createTemplateTrie<T>(): TemplateTrie<T> {
  return { literals: new Map(), any: undefined, rests: [], ends: [] }
}

export function addTemplate<T>(trie: TemplateTrie<T>, template: Template, value: T, budget: Budget): void {
  let node = trie
  for (const segment of template.segments) {
    budget.left--
    if (segment.kind === 'rest') return void node.rests.push(value)
    if (segment.kind === 'literal') {
      const below = node.literals.get(segment.value) ?? createTemplateTrie<T>()
      node.literals.set(segment.value, below)
      node = below
    } else {
      node.any ??= createTemplateTrie<T>()
      node = node.any
    }
  }
  node.ends.push(value)
}

/** What belongs to the templates that share some path with this one. */
export function overlapping<T>(trie: TemplateTrie<T>, { segments }: Template, budget: Budget): Set<T> {
  const found = new Set<T>()
  walk(trie, segments, 0, found, budget)
  return found
}

function walk<T>(
  node: TemplateTrie<T>,
  segments: readonly TemplateSegment[],
  at: number,
  found: Set<T>,
  budget: Budget,
): void {
  if (budget.left-- <= 0) return
  addAll(found, node.rests)
  const segment = segments[at]
  if (!segment) addAll(found, node.ends)
  else if (segment.kind === 'rest') everything(node, found, budget)
  else if (segment.kind === 'literal') {
    const same = node.literals.get(segment.value)
    if (same) walk(same, segments, at + 1, found, budget)
    if (node.any && fitsAny(segment.value)) walk(node.any, segments, at + 1, found, budget)
  } else {
    if (node.any) walk(node.any, segments, at + 1, found, budget)
    for (const [literal, below] of node.literals) {
      if (budget.left <= 0) return
      if (literal !== '') walk(below, segments, at + 1, found, budget)
    }
  }
}

/** Nobody calls /notes/:id. Where it stands, {id} was meant, and it opens nothing. */
function fitsAny(literal: string): boolean {
  return literal !== '' && !isColonName(literal)
}

function everything<T>(node: TemplateTrie<T>, found: Set<T>, budget: Budget): void {
  if (budget.left-- <= 0) return
  addAll(found, node.ends)
  addAll(found, node.rests)
  if (node.any) everything(node.any, found, budget)
  for (const below of node.literals.values()) {
    if (budget.left <= 0) return
    everything(below, found, budget)
  }
}

function addAll<T>(found: Set<T>, values: readonly T[]): void {
  for (const value of values) found.add(value)
}

/** `:id`, as other products write what is `{id}` here. */
function isColonName(segment: string): boolean {
  return /^:[A-Za-z_]/.test(segment)
}

/** The template with `{id}` for each `:id`; undefined where it has none. */
export function withoutColons(text: string): string | undefined {
  const parts = text.split('/')
  if (!parts.some(isColonName)) return undefined
  return parts.map(part => (isColonName(part) ? `{${part.slice(1).replaceAll(/\W/g, '_')}}` : part)).join('/')
}
