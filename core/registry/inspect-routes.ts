import { unknownInPath } from '../api/route-tags.ts'
import { findRouteConflict } from '../matching/route-conflicts.ts'
import { parseTemplate } from '../matching/template.ts'
import type { RouteRow } from '../rows/rows.ts'

/** The first mistake in routes. */
export interface RouteFault {
  readonly message: string
  /** Two of them match the same requests equally well. */
  readonly conflict?: true
}

/** @param place how a message names a route */
export function inspectRoutes(
  routes: readonly RouteRow[],
  place: (route: RouteRow, index: number) => string,
): RouteFault | undefined {
  for (const [index, route] of routes.entries()) {
    const fault = templateFault(route.path)
    if (fault !== undefined) return { message: `${place(route, index)}.path: ${fault}` }
    const unknown = unknownParameter(route)
    if (unknown !== undefined) {
      return { message: `${place(route, index)}.permission.resource: the path has no {${unknown}}.` }
    }
    const missing = route.tags && unknownInPath(route.tags, route.path)
    if (missing) return { message: `${place(route, index)}.tags.${missing.tag}: the path has no {${missing.name}}.` }
  }
  const conflict = conflictIn(routes)
  return conflict === undefined ? undefined : { message: `The ${conflict}. Change one.`, conflict: true }
}

/** Which routes match the same requests equally well, as the beginning of a sentence. */
function conflictIn(routes: readonly RouteRow[]): string | undefined {
  const conflict = findRouteConflict(routes)
  if (!conflict) return undefined
  const named = [conflict.a, conflict.b].map(name => `${name} (${routes.find(route => route.name === name)?.path})`)
  return `routes ${named.join(' and ')} match the same requests equally well`
}

export function templateFault(path: string): string | undefined {
  const parsed = parseTemplate(path)
  return 'fault' in parsed ? parsed.fault : undefined
}

function unknownParameter({ path, permission }: RouteRow): string | undefined {
  const wanted = [...(permission?.resource.matchAll(/\{(\w+)\}/g) ?? [])].map(match => match[1] ?? '')
  return wanted.find(name => !path.split('/').includes(`{${name}}`))
}
