import { isRecord } from '../base/is-record.ts'
import type { RouteRow } from '../rows/rows.ts'
import { listAt, objectAt, type Reading, spend } from './openapi-reading.ts'
import type { Place } from './openapi-value.ts'

export type Permission = NonNullable<RouteRow['permission']>

const plainAction = /^[A-Za-z0-9._:-]{1,64}$/
const plainResource = /^[A-Za-z0-9._~:@-]+(\/[A-Za-z0-9._~:@-]+)*$/
const longestResource = 256

/**
 * The scopes that a `security` list asks for. Alternatives that ask for different scopes are refused: they would be
 * different permissions for one operation. Every scheme must be declared.
 * @returns undefined after a fault was added
 * @see OpenAPI Specification 3.1, section 4.8.30 (security requirement)
 */
export function scopesOf(security: unknown, place: Place, reading: Reading): readonly string[] | undefined {
  if (security === undefined) return []
  const alternatives = listAt(security, place, reading)
  if (!alternatives) return undefined
  const asked = new Set<string>()
  for (const [index, alternative] of alternatives.entries()) {
    const scopes = scopesOfAlternative(alternative, [...place, String(index)], reading)
    if (!scopes) return undefined
    asked.add(JSON.stringify([...new Set(scopes)].sort()))
  }
  if (asked.size > 1) return void reading.faults.add(place, `the alternatives ask for different scopes; leave one${or}`)
  return JSON.parse([...asked][0] ?? '[]') as string[]
}

const or = ', or say what the operation needs by x-latchkey-permission'

function scopesOfAlternative(alternative: unknown, place: Place, reading: Reading): string[] | undefined {
  const requirement = objectAt(alternative, place, reading)
  if (!requirement) return undefined
  const found: string[][] = []
  let isGood = true
  for (const [scheme, scopes] of Object.entries(requirement)) {
    const at = [...place, scheme]
    if (!isDeclared(scheme, at, reading)) isGood = false
    else if (Array.isArray(scopes) && !spend(scopes.length, at, reading)) return undefined
    else if (Array.isArray(scopes) && scopes.every(scope => typeof scope === 'string')) found.push(scopes)
    else {
      reading.faults.add(at, 'expected a list of scopes')
      isGood = false
    }
  }
  return isGood ? found.flat() : undefined
}

function isDeclared(scheme: string, place: Place, reading: Reading): boolean {
  const declared = ['components', 'securitySchemes']
  const components = objectAt(reading.document.components ?? {}, declared.slice(0, 1), reading)
  const schemes = components && objectAt(components.securitySchemes ?? {}, declared, reading)
  if (!schemes) return false
  if (Object.hasOwn(schemes, scheme)) return objectAt(schemes[scheme], [...declared, scheme], reading) !== undefined
  reading.faults.add(place, 'no scheme of that name is declared in components.securitySchemes; declare it')
  return false
}

/**
 * The permission of the one scope: `resource:action`, split at the last colon; a scope without a colon is an action on
 * the service itself.
 */
export function permissionOfScopes(scopes: readonly string[], place: Place, reading: Reading): Permission | undefined {
  const [scope, ...others] = scopes
  if (scope === undefined) return undefined
  if (others.length > 0)
    return void reading.faults.add(place, `several scopes, and a route has one permission; leave one${or}`)
  const colon = scope.lastIndexOf(':')
  const action = scope.slice(colon + 1)
  const resource = colon === -1 ? reading.service : scope.slice(0, colon)
  if (plainAction.test(action) && resource.length <= longestResource && plainResource.test(resource)) {
    return { action, resource }
  }
  return void reading.faults.add(place, `the scope is not of the form resource:action; write it so${or}`)
}

/**
 * `x-latchkey-permission`: what is needed where scopes cannot say it, as `permission` of a route in a GuardedService.
 * @param names what the parameters of the path are called in its template
 */
export function permissionWritten(
  written: unknown,
  names: ReadonlyMap<string, string>,
  place: Place,
  reading: Reading,
): Permission | undefined {
  const { faults } = reading
  const members = isRecord(written) ? Object.keys(written) : []
  if (!spend(members.length, place, reading)) return undefined
  if (!isRecord(written) || members.sort().join() !== 'action,resource') {
    return void faults.add(place, 'expected action and resource, nothing else')
  }
  const { action, resource } = written
  if (typeof action !== 'string' || !plainAction.test(action)) {
    return void faults.add([...place, 'action'], 'expected letters, digits, ".", "_", ":" and "-", 64 at most')
  }
  const at = [...place, 'resource']
  if (typeof resource !== 'string' || resource.length > longestResource) {
    return void faults.add(at, `expected a text of at most ${longestResource} characters`)
  }
  const parts = resource.split('/').map(part => {
    const [, parameter] = /^\{([^{}]+)\}$/.exec(part) ?? []
    return parameter === undefined ? part : `{${names.get(parameter) ?? ''}}`
  })
  const isGood = parts.every(part => plainResource.test(part) || /^\{\w+\}$/.test(part))
  if (isGood) return { action, resource: parts.join('/') }
  return void faults.add(at, 'expected segments such as orders/{id}, where the path has the parameter {id}')
}
