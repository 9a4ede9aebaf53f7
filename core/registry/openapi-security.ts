import type { RouteRow } from '../snapshot/rows.ts'
import { type Fault, faultAt, isRecord } from './openapi-value.ts'

type Permission = NonNullable<RouteRow['permission']>

/**
 * The permission that a `security` list asks for; undefined when it names no scope. Alternatives that ask for
 * different scopes, and several scopes at once, are refused: one operation has one permission.
 */
export function permissionOf(
  security: unknown,
  service: string,
  place: readonly string[],
): Permission | Fault | undefined {
  const at = [...place, 'security']
  if (security === undefined) return undefined
  if (!Array.isArray(security)) return faultAt(at, 'expected a list')
  const asked = new Set<string>()
  for (const alternative of security) {
    const scopes = scopesOf(alternative)
    if (!scopes) return faultAt(at, 'expected objects of lists of scopes')
    asked.add(JSON.stringify([...new Set(scopes)].sort()))
  }
  if (asked.size > 1) return faultAt(at, 'the alternatives ask for different scopes; leave one')
  const scopes: string[] = JSON.parse([...asked][0] ?? '[]')
  if (scopes.length > 1) return faultAt(at, 'several scopes; leave one')
  return scopes[0] === undefined ? undefined : permissionOfScope(scopes[0], service, at)
}

function scopesOf(alternative: unknown): string[] | undefined {
  if (!isRecord(alternative)) return undefined
  const lists = Object.values(alternative)
  const good = lists.every(list => Array.isArray(list) && list.every(scope => typeof scope === 'string'))
  return good ? (lists as string[][]).flat() : undefined
}

/** `resource:action`, split at the last colon; a scope without a colon is an action on the service itself. */
function permissionOfScope(scope: string, service: string, at: readonly string[]): Permission | Fault {
  const colon = scope.lastIndexOf(':')
  const permission =
    colon === -1
      ? { action: scope, resource: service }
      : { action: scope.slice(colon + 1), resource: scope.slice(0, colon) }
  const plain =
    /^[A-Za-z0-9._:-]{1,64}$/.test(permission.action) &&
    permission.resource.length <= 256 &&
    /^[A-Za-z0-9._~:@-]+(\/[A-Za-z0-9._~:@-]+)*$/.test(permission.resource)
  return plain ? permission : faultAt(at, 'the scope is not of the form resource:action')
}
