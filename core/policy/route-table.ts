import type { RouteRow, ServiceRow } from '../snapshot/rows.ts'
import { getIndex, headIndex, methodIndex } from './methods.ts'
import type { Target } from './path.ts'
import { findRouteConflict } from './route-conflicts.ts'
import { parameterPositions, parseResource, parseTemplate, type Template, type TemplateSegment } from './template.ts'

/** What decides about a request: a route, or an entry of spec.public. */
export interface Endpoint {
  readonly isPublic: boolean
  /** Name of the route; absent for public paths. */
  readonly name?: string
  readonly template: string
  readonly permission?: RoutePermission
  /** Of the route; absent: the service's. */
  readonly mode?: 'Enforce' | 'Audit'
  /** For comparing: one rank per segment of the folded template. */
  readonly ranks: readonly number[]
}

export interface RoutePermission {
  readonly action: string
  /** As written, for messages. */
  readonly resource: string
  /** A text, or the position of the path segment whose value stands here; undefined: it can never be opened. */
  readonly parts: readonly (string | number)[] | undefined
}

/** One slot per method. */
type Slots = (Endpoint | undefined)[]

interface Node {
  readonly literals: Map<string, Node>
  named?: Node
  one?: Node
  here?: Slots
  rest?: Slots
}

export interface RouteTable {
  readonly hasRoutes: boolean
  /** Neither routes nor public paths. */
  readonly isEmpty: boolean
  /** Enforce when some route says so: then what is only nearly a route is no way around it in audit mode. */
  readonly strictMode: 'Enforce' | undefined
  readonly exact: Node
  /** The routes alone, with folded literals and without trailing slash. */
  readonly folded: Node
  /** Whether some template differs from its folded form: then plain lower-case paths are looked up there as well. */
  readonly foldsTemplates: boolean
}

/** @returns a sentence when a template or the set of routes cannot be used; then nothing may be decided from it */
export function compileRoutes(service: ServiceRow): RouteTable | string {
  const conflict = findRouteConflict(service.routes)
  if (conflict) return `The routes ${conflict.a} and ${conflict.b} match the same requests.`
  const entries: Entry[] = []
  for (const row of [...service.public, ...service.routes]) {
    const template = parseTemplate(row.path)
    if ('fault' in template) return template.fault
    entries.push({ template, methods: row.methods, endpoint: endpointOf(row, template), variants: variantsOf(row) })
  }
  const foldable = entries.filter(entry => entry.variants === 'Refuse')
  return {
    hasRoutes: service.routes.length > 0,
    isEmpty: entries.length === 0,
    strictMode: service.routes.some(({ mode }) => mode === 'Enforce') ? 'Enforce' : undefined,
    exact: build(entries.map(entry => ({ ...entry, segments: entry.template.segments }))),
    folded: build(foldable.map(entry => ({ ...entry, segments: foldTemplate(entry.template) }))),
    foldsTemplates: foldable.some(({ template }) => !isFolded(template)),
  }
}

/**
 * The endpoint that decides: the most specific one that matches path and method, compared segment by segment: the end,
 * a literal, `{name}`, `*`, `**`. `path_ambiguous` when the path without its case and one trailing slash would match a
 * more specific route that does not tell these apart.
 */
export function findEndpoint(
  table: RouteTable,
  method: string,
  target: Target,
): Endpoint | 'path_ambiguous' | undefined {
  const index = methodIndex(method)
  if (index < 0 || table.isEmpty) return undefined
  const found = find(table.exact, target.segments, 0, index)
  if (!table.hasRoutes || (!table.foldsTemplates && isFoldedPath(target.path))) return found
  const folded = find(table.folded, foldSegments(target.segments), 0, index)
  return folded && (!found || isMoreSpecific(folded.ranks, found.ranks)) ? 'path_ambiguous' : found
}

interface Entry {
  readonly template: Template
  readonly methods: readonly string[]
  readonly endpoint: Endpoint
  /** Public paths are matched as they are written, never folded. */
  readonly variants: 'Refuse' | 'Distinct'
}

type Placed = Entry & { readonly segments: readonly TemplateSegment[] }

function variantsOf(row: RouteRow | ServiceRow['public'][number]): 'Refuse' | 'Distinct' {
  return 'variants' in row ? row.variants : 'Distinct'
}

function endpointOf(row: RouteRow | ServiceRow['public'][number], template: Template): Endpoint {
  const ranks = foldTemplate(template).map(segment => rank[segment.kind])
  if (!('name' in row)) return { isPublic: true, template: row.path, ranks }
  const permission = row.permission && { ...row.permission, parts: resourceParts(row.permission.resource, template) }
  const { name, mode } = row
  return { isPublic: false, name, template: row.path, ranks, ...(permission && { permission }), ...(mode && { mode }) }
}

/** A resource that takes a value the path does not have, or is a pattern, names nothing: nobody can be allowed to it. */
function resourceParts(text: string, path: Template): readonly (string | number)[] | undefined {
  const resource = parseResource(text)
  if ('fault' in resource) return undefined
  const positions = parameterPositions(path)
  const parts: (string | number)[] = []
  for (const segment of resource.segments) {
    const part =
      segment.kind === 'literal'
        ? segment.value
        : segment.kind === 'parameter'
          ? positions.get(segment.name)
          : undefined
    if (part === undefined) return undefined
    parts.push(part)
  }
  return parts
}

/**
 * Who comes first keeps a slot: public paths before routes of the same shape, methods that are written before the
 * `HEAD` that follows from `GET`.
 */
function build(entries: readonly Placed[]): Node {
  const root: Node = { literals: new Map() }
  for (const entry of entries) {
    const slots = place(root, entry.segments)
    for (const method of entry.methods) slots[methodIndex(method)] ??= entry.endpoint
  }
  for (const entry of entries) {
    const slots = place(root, entry.segments)
    if (entry.methods.includes('GET')) slots[headIndex] ??= slots[getIndex]
  }
  return root
}

function place(root: Node, segments: readonly TemplateSegment[]): Slots {
  let node = root
  for (const segment of segments) {
    if (segment.kind === 'rest') {
      node.rest ??= []
      return node.rest
    }
    node = child(node, segment)
  }
  node.here ??= []
  return node.here
}

function child(node: Node, segment: Exclude<TemplateSegment, { kind: 'rest' }>): Node {
  const fresh = (): Node => ({ literals: new Map() })
  switch (segment.kind) {
    case 'literal': {
      const next = node.literals.get(segment.value) ?? fresh()
      node.literals.set(segment.value, next)
      return next
    }
    case 'parameter':
      node.named ??= fresh()
      return node.named
    case 'one':
      node.one ??= fresh()
      return node.one
  }
}

/** Edges in the order of specificity, so that the first find is the most specific. `{name}` and `*` need a text. */
function find(node: Node, segments: readonly string[], at: number, method: number): Endpoint | undefined {
  const segment = segments[at]
  if (segment === undefined) return node.here?.[method] ?? node.rest?.[method]
  const literal = node.literals.get(segment)
  const found = literal && find(literal, segments, at + 1, method)
  if (found) return found
  if (segment !== '') {
    const named = node.named && find(node.named, segments, at + 1, method)
    if (named) return named
    const one = node.one && find(node.one, segments, at + 1, method)
    if (one) return one
  }
  return node.rest?.[method]
}

const rank = { literal: 3, parameter: 2, one: 1, rest: 0 } as const
const endRank = 4

function isMoreSpecific(a: readonly number[], b: readonly number[]): boolean {
  for (let index = 0; index <= a.length && index <= b.length; index++) {
    const difference = (a[index] ?? endRank) - (b[index] ?? endRank)
    if (difference !== 0) return difference > 0
  }
  return false
}

/** Upper case first: some letters beyond ASCII meet only there (the long s, the Kelvin sign). */
function fold(text: string): string {
  return text.toUpperCase().toLowerCase()
}

function foldSegments(segments: readonly string[]): readonly string[] {
  const folded = segments.map(fold)
  if (folded[folded.length - 1] === '') folded.pop()
  return folded
}

function foldTemplate(template: Template): readonly TemplateSegment[] {
  const folded = template.segments.map(segment =>
    segment.kind === 'literal' ? { kind: segment.kind, value: fold(segment.value) } : segment,
  )
  const last = folded[folded.length - 1]
  return last?.kind === 'literal' && last.value === '' ? folded.slice(0, -1) : folded
}

function isFolded(template: Template): boolean {
  const folded = foldTemplate(template)
  return (
    folded.length === template.segments.length &&
    template.segments.every((segment, index) => {
      const other = folded[index]
      return segment.kind !== 'literal' || (other?.kind === 'literal' && other.value === segment.value)
    })
  )
}

/** Whether folding leaves the path as it is; escapes may hold letters beyond ASCII, so they count as no. */
function isFoldedPath(path: string): boolean {
  if (path.charCodeAt(path.length - 1) === 0x2f) return false
  for (let index = 0; index < path.length; index++) {
    const code = path.charCodeAt(index)
    if (code === 0x25 || (code >= 0x41 && code <= 0x5a)) return false
  }
  return true
}
