import type { KubeObject } from '../platform/kube/client.ts'
import type { Reflector } from '../platform/kube/reflector.ts'

/** The objects of a reflector by what they point at. */
export interface Index<T> {
  /** The objects that point at `target` now. */
  get(target: string): T[]
}

/** Keeps an index of what a reflector holds. Subscribe to it before those who ask. */
export function createIndex<T extends KubeObject>(
  reflector: Reflector<T>,
  targetsOf: (object: T) => Iterable<string>,
): Index<T> {
  const byTarget = new Map<string, Set<string>>()

  function forget(key: string, object: T): void {
    for (const target of targetsOf(object)) {
      const keys = byTarget.get(target)
      keys?.delete(key)
      if (keys?.size === 0) byTarget.delete(target)
    }
  }

  reflector.onChange(({ type, key, object, old }) => {
    if (old) forget(key, old)
    if (type === 'deleted') return
    for (const target of targetsOf(object)) {
      const keys = byTarget.get(target) ?? new Set()
      byTarget.set(target, keys.add(key))
    }
  })
  return {
    get: target => [...(byTarget.get(target) ?? [])].flatMap(key => reflector.store.get(key) ?? []),
  }
}
