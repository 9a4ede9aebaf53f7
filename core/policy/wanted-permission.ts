import { readSegment } from '../matching/path.ts'
import type { Endpoint } from '../matching/route-table.ts'

const longestResource = 512

/**
 * What somebody wants to do, where no request says it: stands in the place of a route that needs this permission, so that
 * all else is decided as for a request.
 * @param resource as a permission rule would name this very one: segments between slashes, escaped as in a path
 * @returns undefined when no resource is written so: too long, an empty segment, or one that is not in normal form
 */
export function readWanted(action: string, resource: string): Endpoint | undefined {
  if (resource.length > longestResource) return undefined
  const parts: string[] = []
  for (const part of resource.split('/')) {
    const segment = part === '' ? undefined : readSegment(part)
    if (segment === undefined) return undefined
    parts.push(segment)
  }
  return { isPublic: false, template: resource, permission: { action, resource, parts }, ranks: [] }
}
