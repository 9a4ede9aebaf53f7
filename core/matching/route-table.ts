import { methodIndex } from '../base/methods.ts'
import { everyNth, type Steps } from '../base/steps.ts'
import type { RouteRow, ServiceRow } from '../rows/rows.ts'
import type { Target } from './path.ts'
import { createConflictSearch } from './route-conflicts.ts'
import { buildingRoutes, findRoute, type RouteNode } from './route-trie.ts'
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
  /** Present: nobody may, until the guard is of this release. */
  readonly needs?: string
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

export interface RouteTable {
  readonly hasRoutes: boolean
  /** Neither routes nor public paths. */
  readonly isEmpty: boolean
  /** Enforce when some route says so: then what is only nearly a route is no way around it in audit mode. */
  readonly strictMode: 'Enforce' | undefined
  readonly exact: RouteNode<Endpoint>
  /** The routes alone, with folded literals and without trailing slash. */
  readonly folded: RouteNode<Endpoint>
  /** Whether some template differs from its folded form: then plain lower-case paths are looked up there as well. */
  readonly foldsTemplates: boolean
}

/** @returns a sentence when a template or the set of routes cannot be used; then nothing may be decided from it */
export function* compilingRoutes(service: ServiceRow): Steps<RouteTable | string> {
  const conflicts = createConflictSearch()
  const entries: Entry[] = []
  const isDue = everyNth(16)
  let conflict: ReturnType<typeof conflicts.add>
  let fault: string | undefined
  const all: readonly (RouteRow | ServiceRow['public'][number])[] = [...service.public, ...service.routes]
  for (const row of all) {
    const template = parseTemplate(row.path)
    if ('fault' in template) fault ??= template.fault
    else {
      if ('name' in row) conflict ??= conflicts.add(row, template)
      entries.push(entryOf(row, template))
    }
    if (isDue()) yield
  }
  if (conflict) return `The routes ${conflict.a} and ${conflict.b} match the same requests.`
  if (fault !== undefined) return fault
  const exact = yield* buildingRoutes(entries)
  const foldable = entries.flatMap(entry => (entry.folded ? [{ ...entry, segments: entry.folded }] : []))
  const isSame = entries.every(({ segments, folded }) => folded === segments)
  return {
    hasRoutes: service.routes.length > 0,
    isEmpty: entries.length === 0,
    strictMode: service.routes.some(({ mode }) => mode === 'Enforce') ? 'Enforce' : undefined,
    exact,
    // The usual case, lower case throughout, needs no second one.
    folded: isSame ? exact : yield* buildingRoutes(foldable),
    foldsTemplates: entries.some(({ segments, folded }) => folded && folded !== segments),
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
  const found = findRoute(table.exact, target.segments, 0, index)
  if (!table.hasRoutes || (!table.foldsTemplates && isFoldedPath(target.path))) return found
  const folded = findRoute(table.folded, foldSegments(target.segments), 0, index)
  return folded && (!found || isMoreSpecific(folded.ranks, found.ranks)) ? 'path_ambiguous' : found
}

interface Entry {
  readonly segments: readonly TemplateSegment[]
  /** The same list where folding changes nothing; undefined: matched as written, as public paths always are. */
  readonly folded: readonly TemplateSegment[] | undefined
  readonly methods: readonly string[]
  readonly endpoint: Endpoint
}

function entryOf(row: RouteRow | ServiceRow['public'][number], template: Template): Entry {
  const { segments } = template
  const folded = foldTemplate(segments)
  const isFoldable = 'variants' in row && row.variants === 'Refuse'
  const endpoint = endpointOf(row, template, folded)
  return { segments, folded: isFoldable ? folded : undefined, methods: row.methods, endpoint }
}

function endpointOf(
  row: RouteRow | ServiceRow['public'][number],
  template: Template,
  folded: readonly TemplateSegment[],
): Endpoint {
  const ranks = folded.map(segment => rank[segment.kind])
  if (!('name' in row)) return { isPublic: true, template: row.path, ranks }
  const permission = row.permission && { ...row.permission, parts: resourceParts(row.permission.resource, template) }
  const { name, mode, needs } = row
  return {
    isPublic: false,
    name,
    template: row.path,
    ranks,
    ...(permission && { permission }),
    ...(mode && { mode }),
    ...(needs !== undefined && { needs }),
  }
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

/** @returns the very same segments where folding changes nothing */
function foldTemplate(segments: readonly TemplateSegment[]): readonly TemplateSegment[] {
  const last = segments[segments.length - 1]
  const whole = last?.kind === 'literal' && last.value === '' ? segments.slice(0, -1) : segments
  if (whole.every(segment => segment.kind !== 'literal' || fold(segment.value) === segment.value)) return whole
  return whole.map(segment =>
    segment.kind === 'literal' ? { kind: segment.kind, value: fold(segment.value) } : segment,
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
