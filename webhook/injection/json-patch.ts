import { isDeepStrictEqual } from 'node:util'
import { isRecord } from '../../core/base/is-record.ts'

/** RFC 6902 section 4; the three operations that are needed. */
export type Operation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }

type Fields = Readonly<Record<string, unknown>>

/**
 * The operations that turn one JSON value into another. Lists of named things (containers, volumes, environment) are
 * compared by name, so that a container put first is one operation.
 */
export function jsonPatch(before: unknown, after: unknown, path = ''): Operation[] {
  if (isDeepStrictEqual(before, after)) return []
  if (isRecord(before) && isRecord(after)) return patchFields(before, after, path)
  if (Array.isArray(before) && Array.isArray(after)) {
    return patchNamed(before, after, path) ?? [{ op: 'replace', path, value: after }]
  }
  return [{ op: 'replace', path, value: after }]
}

function patchFields(before: Fields, after: Fields, path: string): Operation[] {
  const operations: Operation[] = []
  for (const [field, value] of Object.entries(after)) {
    const at = `${path}/${escapePointer(field)}`
    if (Object.hasOwn(before, field)) operations.push(...jsonPatch(before[field], value, at))
    else operations.push({ op: 'add', path: at, value })
  }
  for (const field of Object.keys(before)) {
    if (!Object.hasOwn(after, field)) operations.push({ op: 'remove', path: `${path}/${escapePointer(field)}` })
  }
  return operations
}

/** @returns undefined when the lists are not lists of named things in one order */
function patchNamed(before: readonly unknown[], after: readonly unknown[], path: string): Operation[] | undefined {
  const [old, names] = [namesOf(before), namesOf(after)]
  if (!old || !names) return undefined
  const positions = new Map(old.map((name, index) => [name, index]))
  const kept = new Set(names)
  const order = names.filter(name => positions.has(name))
  if (
    !isDeepStrictEqual(
      order,
      old.filter(name => kept.has(name)),
    )
  )
    return undefined

  const operations: Operation[] = []
  for (const [name, index] of [...positions].reverse()) {
    if (!kept.has(name)) operations.push({ op: 'remove', path: `${path}/${index}` })
  }
  for (const [index, name] of names.entries()) {
    const at = `${path}/${index}`
    const previous = positions.get(name)
    if (previous === undefined) operations.push({ op: 'add', path: at, value: after[index] })
    else operations.push(...jsonPatch(before[previous], after[index], at))
  }
  return operations
}

function namesOf(list: readonly unknown[]): string[] | undefined {
  const names = list.map(item => (isRecord(item) && typeof item.name === 'string' ? item.name : undefined))
  return names.includes(undefined) || new Set(names).size !== names.length ? undefined : (names as string[])
}

/** RFC 6901 section 3. */
function escapePointer(field: string): string {
  return field.replaceAll('~', '~0').replaceAll('/', '~1')
}
