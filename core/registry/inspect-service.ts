import type { GuardedService } from '../api/guarded-service.ts'
import { findRouteConflict } from '../policy/route-conflicts.ts'
import { parseTemplate } from '../policy/template.ts'
import type { RouteRow } from '../snapshot/rows.ts'
import { durationSeconds } from './duration.ts'
import type { OpenApiSource } from './openapi-document.ts'
import { openApiRoutes } from './openapi-routes.ts'

/** Why a GuardedService is refused: reason of its condition Accepted, and a sentence. */
export interface ServiceFault {
  readonly reason:
    | 'TargetNotFound'
    | 'TargetConflict'
    | 'AudienceConflict'
    | 'AudienceReserved'
    | 'RouteConflict'
    | 'OpenApiNotFound'
    | 'OpenApiInvalid'
    | 'Invalid'
  readonly message: string
}

/** What a service says by itself, whatever else exists. */
export interface Inspection {
  readonly routes: readonly RouteRow[]
  readonly fault?: ServiceFault
}

/** Routes of a service, and the first mistake in its templates, its routes or its OpenAPI document. */
export function inspectService(service: GuardedService, source: OpenApiSource | undefined): Inspection {
  const { spec } = service
  if (durationSeconds(spec.maxStaleness ?? '24h') === undefined) {
    return refused('Invalid', 'spec.maxStaleness is not a duration such as 24h.')
  }
  for (const [index, { path }] of (spec.public ?? []).entries()) {
    const fault = templateFault(path)
    if (fault !== undefined) return refused('Invalid', `spec.public[${index}].path: ${fault}`)
  }
  return spec.openapi ? inspectDocument(service, source) : inspectRoutes(routesOf(service), 'Invalid', specPlace)
}

function routesOf({ spec }: GuardedService): RouteRow[] {
  return (spec.routes ?? []).map(({ name, path, methods, permission, variants = 'Refuse', mode }) => ({
    name,
    path,
    methods,
    ...(permission && { permission }),
    variants,
    ...(mode && { mode }),
  }))
}

function inspectDocument(service: GuardedService, source: OpenApiSource | undefined): Inspection {
  if (!source) return refused('OpenApiNotFound', 'The OpenAPI document has not been read yet.')
  if ('notFound' in source) return refused('OpenApiNotFound', source.notFound)
  if ('unreadable' in source) return refused('OpenApiInvalid', source.unreadable)
  const read = openApiRoutes(source.document, service.metadata.name)
  if ('fault' in read) return refused('OpenApiInvalid', read.fault)
  return inspectRoutes(read.routes, 'OpenApiInvalid', ({ path, methods }) => `${methods[0]} ${path}`)
}

const specPlace = (_: RouteRow, index: number): string => `spec.routes[${index}]`

function inspectRoutes(
  routes: readonly RouteRow[],
  reason: 'Invalid' | 'OpenApiInvalid',
  place: (route: RouteRow, index: number) => string,
): Inspection {
  for (const [index, route] of routes.entries()) {
    const fault = templateFault(route.path)
    if (fault !== undefined) return refused(reason, `${place(route, index)}.path: ${fault}`)
    const unknown = unknownParameter(route)
    if (unknown !== undefined) {
      return refused(reason, `${place(route, index)}.permission.resource: the path has no {${unknown}}.`)
    }
  }
  const conflict = findRouteConflict(routes)
  if (!conflict) return { routes }
  const named = [conflict.a, conflict.b].map(name => `${name} (${routes.find(route => route.name === name)?.path})`)
  return refused('RouteConflict', `The routes ${named.join(' and ')} match the same requests equally well. Change one.`)
}

function unknownParameter({ path, permission }: RouteRow): string | undefined {
  const wanted = [...(permission?.resource.matchAll(/\{(\w+)\}/g) ?? [])].map(match => match[1] ?? '')
  return wanted.find(name => !path.split('/').includes(`{${name}}`))
}

function templateFault(path: string): string | undefined {
  const parsed = parseTemplate(path)
  return 'fault' in parsed ? parsed.fault : undefined
}

function refused(reason: ServiceFault['reason'], message: string): Inspection {
  return { routes: [], fault: { reason, message } }
}
