import type { Seen } from './frames.ts'

/**
 * Compares two resourceVersions of one resource as numbers of any length.
 * @returns undefined when either is no decimal number and they differ: then nothing can be said
 * @see Kubernetes 1.35, "Resource versions": comparable within one resource
 */
export function compareVersions(a: string, b: string): -1 | 0 | 1 | undefined {
  if (a === b) return 0
  const left = digits(a)
  const right = digits(b)
  if (left === undefined || right === undefined) return undefined
  if (left.length !== right.length) return left.length < right.length ? -1 : 1
  return left === right ? 0 : left < right ? -1 : 1
}

/** Whether `a` has seen all that `b` has: per resource, never across. Nothing seen is dominated by anything. */
export function dominates(a: Seen | undefined, b: Seen | undefined): boolean {
  for (const [resource, version] of Object.entries(b ?? {})) {
    const mine = a !== undefined && Object.hasOwn(a, resource) ? a[resource] : undefined
    if (mine === undefined) return false
    const order = compareVersions(mine, version)
    if (order === undefined || order < 0) return false
  }
  return true
}

function digits(version: string): string | undefined {
  return /^[0-9]+$/.test(version) ? version.replace(/^0+(?=[0-9])/, '') : undefined
}
