import type { KubeObject } from '../platform/kube/client.ts'

/**
 * Whether two decisions say the same. Of the objects that they are about only the spec counts: a status changes at every
 * pass of the operator. Lists are the same when they hold the same: routes are made once and never changed, and there may
 * be thousands.
 */
export function isSameDecision(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (!isObject(a) || !isObject(b)) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, at) => one === b[at])
  if ('metadata' in a && 'metadata' in b) return isSameSpec(a as unknown as Specified, b as unknown as Specified)
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every(name => isSameDecision(a[name], b[name]))
}

type Specified = KubeObject & { spec?: unknown }

/** A changed spec is a new generation, where the API server counts them. */
function isSameSpec(a: Specified, b: Specified): boolean {
  if (a.metadata.uid !== b.metadata.uid || a.metadata.generation !== b.metadata.generation) return false
  return a.metadata.generation !== undefined || JSON.stringify(a.spec) === JSON.stringify(b.spec)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
