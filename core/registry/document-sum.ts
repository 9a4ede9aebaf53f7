import type { RouteRow } from '../rows/rows.ts'
import type { DocumentReading } from './openapi-document.ts'

/** Operations in the documents of one namespace together: some 25 MB in each process that holds them. */
export const operationsOfNamespace = 50_000

/**
 * A reading, or why it goes beyond what its namespace may have. The same content that several services name counts once.
 * @param held routes of the namespace's other services
 */
export function withinNamespace(
  reading: DocumentReading,
  held: Iterable<readonly RouteRow[]>,
): DocumentReading | { readonly beyond: DocumentReading } {
  if ('fault' in reading) return reading
  const lists = new Set([reading.routes, ...held])
  const sum = [...lists].reduce((total, routes) => total + routes.length, 0)
  if (sum <= operationsOfNamespace) return reading
  const message = `The OpenAPI documents of this namespace have more than ${operationsOfNamespace} operations together; this one is left out. It is tried again every five minutes.`
  return { beyond: { fault: { reason: 'OpenApiInvalid', message } } }
}
