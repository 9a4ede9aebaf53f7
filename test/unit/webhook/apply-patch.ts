import type { Operation } from '../../../webhook/injection/json-patch.ts'

/** Applies a JSON Patch as RFC 6902 says, for the operations add, replace and remove. */
export function applyPatch<T>(document: T, patch: readonly Operation[]): T {
  // Not structuredClone: it would keep two lists that are one object one.
  const result = JSON.parse(JSON.stringify(document)) as never
  for (const operation of patch) {
    const path = operation.path
      .split('/')
      .slice(1)
      .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    const last = path.pop() as string
    const parent = path.reduce<Record<string, never>>((at, part) => {
      if (!Object.hasOwn(at, part)) throw new Error(`${operation.path}: no ${part}`)
      return at[part] as unknown as Record<string, never>
    }, result)
    apply(parent, last, operation)
  }
  return result
}

function apply(parent: Record<string, unknown> | unknown[], last: string, operation: Operation): void {
  const exists = Object.hasOwn(parent, last)
  if (operation.op !== 'add' && !exists) throw new Error(`${operation.op} ${operation.path}: nothing there`)
  if (Array.isArray(parent)) {
    const index = Number(last)
    if (index > parent.length) throw new Error(`${operation.path}: beyond the end`)
    if (operation.op === 'remove') parent.splice(index, 1)
    else parent.splice(index, operation.op === 'replace' ? 1 : 0, operation.value)
  } else if (operation.op === 'remove') delete parent[last]
  // A member named __proto__ is a member like any other in JSON.
  else
    Object.defineProperty(parent, last, {
      value: operation.value,
      configurable: true,
      enumerable: true,
      writable: true,
    })
}
