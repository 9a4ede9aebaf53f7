import type { GuardedService } from '../api/guarded-service.ts'
import { isWords, tagsFault, tagsOf, wordsWarning } from '../api/route-tags.ts'
import { durationSeconds } from '../base/time.ts'
import type { RouteRow } from '../rows/rows.ts'
import type { DocumentFault } from './inspect-document.ts'
import { inspectRoutes, templateFault } from './inspect-routes.ts'
import type { OpenApiSource } from './openapi-document.ts'

/** Why a GuardedService is refused: reason of its condition Accepted, and a sentence. */
export interface ServiceFault {
  readonly reason:
    | 'TargetNotFound'
    | 'TargetConflict'
    | 'AudienceConflict'
    | 'AudienceReserved'
    | 'Invalid'
    | DocumentFault['reason']
  readonly message: string
}

/** What a service says by itself, whatever else exists. */
export interface Inspection {
  readonly routes: readonly RouteRow[]
  /** Why its guards get no policy and deny. */
  readonly fault?: ServiceFault
  /** What is wrong with its document, while earlier routes stay in force. */
  readonly outdated?: DocumentFault
  /** Its routes are not known here: guards keep what they have. */
  readonly withheld?: true
  /** What it says in a form that the next release does not take. */
  readonly deprecated?: string
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
  if (spec.openapi) return inspectSource(service, source)
  for (const [index, { tags }] of (spec.routes ?? []).entries()) {
    const fault = tags === undefined ? undefined : tagsFault(tags)
    if (fault !== undefined) return refused('Invalid', `spec.routes[${index}].tags: ${fault}`)
  }
  const routes = routesOf(service)
  const fault = inspectRoutes(routes, (_, index) => `spec.routes[${index}]`)
  if (fault) return refused(fault.conflict ? 'RouteConflict' : 'Invalid', fault.message)
  const words = (spec.routes ?? []).findIndex(({ tags }) => isWords(tags))
  return { routes, ...(words >= 0 && { deprecated: `spec.routes[${words}].tags: ${wordsWarning}.` }) }
}

function routesOf({ spec }: GuardedService): RouteRow[] {
  return (spec.routes ?? []).map(({ name, path, methods, permission, tags, variants = 'Refuse', mode }) => {
    const read = tagsOf(tags)
    return {
      name,
      path,
      methods,
      ...(permission && { permission }),
      variants,
      ...(mode && { mode }),
      ...(read && { tags: read }),
    }
  })
}

const notYet: DocumentFault = { reason: 'OpenApiUnread', message: 'The OpenAPI document has not been read yet.' }

/**
 * A document that cannot be used takes nothing away: the routes read before stay in force (decision 33). Where they are
 * not known, after a start, nothing is told to guards rather than that there are none, unless there never were any.
 */
function inspectSource(service: GuardedService, { routes, fault }: OpenApiSource = {}): Inspection {
  if (routes) return { routes, ...(fault && { outdated: fault }) }
  if (fault && fault.reason !== 'OpenApiUnread' && !stood(service)) return { routes: [], fault }
  const outdated = stood(service) ? { outdated: fault ?? notYet } : { fault: fault ?? notYet }
  return { routes: [], withheld: true, ...outdated }
}

/** Whether guards may hold a policy of it: the condition outlives whoever read the document. */
export function stood({ status }: GuardedService): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Accepted' && is === 'True') ?? false
}

function refused(reason: ServiceFault['reason'], message: string): Inspection {
  return { routes: [], fault: { reason, message } }
}
