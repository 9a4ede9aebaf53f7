import type { RouteRow } from '../snapshot/rows.ts'
import { parseTemplate, type TemplateSegment } from './template.ts'

export type RouteShape = Pick<RouteRow, 'name' | 'path' | 'methods'>

/**
 * Two routes that match the same requests equally well: the same segments, `{a}` being the same as `{b}`, and a method
 * in common. All other routes that can match one path differ in some segment, and there the more specific one holds.
 * A written `HEAD` does not meet the one that follows from `GET`: it holds. Paths that are no templates are left out.
 * @returns the names of the first two, in the order of the list
 */
export function findRouteConflict(
  routes: readonly RouteShape[],
): { readonly a: string; readonly b: string } | undefined {
  const held = new Map<string, string>()
  for (const route of routes) {
    const template = parseTemplate(route.path)
    if ('fault' in template) continue
    const shape = JSON.stringify(template.segments.map(shapeOf))
    for (const method of new Set(route.methods)) {
      const key = `${method} ${shape}`
      const other = held.get(key)
      if (other !== undefined) return { a: other, b: route.name }
      held.set(key, route.name)
    }
  }
  return undefined
}

function shapeOf(segment: TemplateSegment): string | readonly string[] {
  return segment.kind === 'literal' ? [segment.value] : segment.kind
}
