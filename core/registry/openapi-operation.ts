import type { RouteRow } from '../rows/rows.ts'
import { checkFields } from './openapi-fields.ts'
import { objectAt, type Reading } from './openapi-reading.ts'
import { type Permission, permissionOfScopes, permissionWritten, scopesOf } from './openapi-security.ts'
import { basePathOf } from './openapi-server.ts'
import type { Place } from './openapi-value.ts'

/** What stands around an operation. */
interface Around {
  /** Path of the server that it is below; undefined when that is at fault. */
  readonly base: string | undefined
  /** What each parameter of the path is called in the template. */
  readonly names: ReadonlyMap<string, string>
  readonly place: Place
  readonly inherited: Inherited
}

export interface Operation {
  readonly operationId?: string
  /** Path of the server that it is below; undefined when that is at fault. */
  readonly base: string | undefined
  readonly rest: Pick<RouteRow, 'permission' | 'variants' | 'mode'>
}

/**
 * What an operation decides: the permission, and by extensions of ours its mode and variants.
 * @returns undefined when it is no object; other faults are added, then it is of no use anyway
 * @see OpenAPI Specification 3.1, section 4.8.10 (operation)
 */
export function readOperation(given: unknown, around: Around, reading: Reading): Operation | undefined {
  const { place } = around
  const operation = objectAt(given, place, reading)
  if (!operation) return undefined
  checkFields(operation, 'operation', place, reading.faults)
  const { operationId } = operation
  if (operationId !== undefined && typeof operationId !== 'string') {
    reading.faults.add([...place, 'operationId'], 'expected a text')
  }
  const permission = permissionOf(operation, around, reading)
  const mode = oneOf(operation, 'x-latchkey-mode', modesKnown, place, reading)
  const own = oneOf(operation, 'x-latchkey-variants', variantsKnown, place, reading)
  const variants = own ?? around.inherited.variants ?? 'Refuse'
  const base = Object.hasOwn(operation, 'servers')
    ? basePathOf(operation.servers, [...place, 'servers'], reading)
    : around.base
  return {
    ...(typeof operationId === 'string' && { operationId }),
    base,
    rest: { ...(permission && { permission }), variants, ...(mode && { mode }) },
  }
}

/** What operations have that do not say it themselves. */
export interface Inherited {
  /** By the document's `security`; what is wrong with its scopes is told once, and only if some operation needs it. */
  permission(): Permission | undefined
  readonly variants: RouteRow['variants'] | undefined
}

export function inheritedFrom(reading: Reading): Inherited {
  const place = ['security']
  const scopes = Object.hasOwn(reading.document, 'security') ? scopesOf(reading.document.security, place, reading) : []
  let known: { permission: Permission | undefined } | undefined
  return {
    permission() {
      known ??= { permission: scopes && permissionOfScopes(scopes, place, reading) }
      return known.permission
    },
    variants: oneOf(reading.document, 'x-latchkey-variants', variantsKnown, [], reading),
  }
}

/** `security: null` is not the same as none. */
function permissionOf(operation: Record<string, unknown>, around: Around, reading: Reading): Permission | undefined {
  const place = [...around.place, 'security']
  const isOwn = Object.hasOwn(operation, 'security')
  const scopes = isOwn ? scopesOf(operation.security, place, reading) : undefined
  const written = 'x-latchkey-permission'
  if (Object.hasOwn(operation, written)) {
    return permissionWritten(operation[written], around.names, [...around.place, written], reading)
  }
  return isOwn ? scopes && permissionOfScopes(scopes, place, reading) : around.inherited.permission()
}

const variantsKnown = ['Refuse', 'Distinct'] as const
const modesKnown = ['Enforce', 'Audit'] as const

function oneOf<T extends string>(
  holder: Record<string, unknown>,
  name: string,
  known: readonly T[],
  place: Place,
  { faults }: Reading,
): T | undefined {
  if (!Object.hasOwn(holder, name)) return undefined
  const found = known.find(one => one === holder[name])
  if (found === undefined) faults.add([...place, name], `expected ${known.join(' or ')}`)
  return found
}
