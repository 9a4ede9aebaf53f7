import type { RouteRow } from '../rows/rows.ts'
import { inspectRoutes } from './inspect-routes.ts'
import { openApiRoutes } from './openapi-routes.ts'

/** Why a document gives no routes: reason of the condition Accepted, and a sentence. */
export interface DocumentFault {
  readonly reason: 'OpenApiNotFound' | 'OpenApiInvalid' | 'RouteConflict' | 'OpenApiUnread'
  readonly message: string
}

/**
 * The routes of a document, checked as those of a spec are. All of the work that a long document makes is in here.
 * @param document as a parser gave it
 * @param service name of the GuardedService
 */
export function inspectDocument(
  document: unknown,
  service: string,
): { readonly routes: readonly RouteRow[] } | { readonly fault: DocumentFault } {
  const read = openApiRoutes(document, service)
  if ('fault' in read) {
    return { fault: { reason: read.kind === 'conflict' ? 'RouteConflict' : 'OpenApiInvalid', message: read.fault } }
  }
  // The same net as for routes of a spec; whatever it could find was told above, at its place in the document.
  const fault = inspectRoutes(read.routes, ({ path, methods }) => `${methods[0]} ${path}`)
  if (!fault) return { routes: read.routes }
  return { fault: { reason: fault.conflict ? 'RouteConflict' : 'OpenApiInvalid', message: fault.message } }
}
