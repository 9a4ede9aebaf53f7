import type { RouteRow } from '../rows/rows.ts'
import { parseTemplate, type Template, type TemplateSegment } from './template.ts'

export type RouteShape = Pick<RouteRow, 'name' | 'path' | 'methods'>

/** The names of two routes that match the same requests. */
export interface RouteConflict {
  readonly a: string
  readonly b: string
}

/**
 * Two routes that match the same requests equally well: the same segments, `{a}` being the same as `{b}`, and a method
 * in common. All other routes that can match one path differ in some segment, and there the more specific one holds.
 * A written `HEAD` does not meet the one that follows from `GET`: it holds. Paths that are no templates are left out.
 * @returns the names of the first two, in the order of the list
 */
export function findRouteConflict(routes: readonly RouteShape[]): RouteConflict | undefined {
  const search = createConflictSearch()
  for (const route of routes) {
    const template = parseTemplate(route.path)
    const conflict = 'fault' in template ? undefined : search.add(route, template)
    if (conflict) return conflict
  }
  return undefined
}

/** The same, one route after the other; each costs its own length. */
export function createConflictSearch() {
  const held = new Map<string, Map<string, string>>()
  return {
    add({ name, methods }: Pick<RouteShape, 'name' | 'methods'>, { segments }: Template): RouteConflict | undefined {
      const shape = shapeOf(segments)
      const others = held.get(shape) ?? new Map<string, string>()
      held.set(shape, others)
      const taken = methods.find(method => others.has(method))
      if (taken !== undefined) return { a: others.get(taken) ?? '', b: name }
      for (const method of methods) others.set(method, name)
      return undefined
    },
  }
}

/** One text for all templates of a shape: no literal has a slash in it, and what follows the slash tells the kinds apart. */
function shapeOf(segments: readonly TemplateSegment[]): string {
  let shape = ''
  for (const segment of segments) shape += segment.kind === 'literal' ? `/=${segment.value}` : `/${segment.kind}`
  return shape
}
