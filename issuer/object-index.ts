import type { KubeObject } from '../platform/kube/client.ts'
import type { Reflector } from '../platform/kube/reflector.ts'

/** The objects of a reflector by what they point at. Must be made before whoever asks it listens to the reflector. */
export interface ObjectIndex<T> {
  get(target: string): T[]
}

export function createIndex<T extends KubeObject>(
  reflector: Reflector<T>,
  targetsOf: (object: T) => readonly string[],
): ObjectIndex<T> {
  const byTarget = new Map<string, Map<string, T>>()

  function remove(object: T, key: string): void {
    for (const target of targetsOf(object)) {
      const objects = byTarget.get(target)
      objects?.delete(key)
      if (objects?.size === 0) byTarget.delete(target)
    }
  }

  reflector.onChange(({ type, key, object, old }) => {
    if (old) remove(old, key)
    if (type === 'deleted') return remove(object, key)
    for (const target of targetsOf(object)) {
      const objects = byTarget.get(target)
      if (objects) objects.set(key, object)
      else byTarget.set(target, new Map([[key, object]]))
    }
  })
  return {
    get: target => [...(byTarget.get(target)?.values() ?? [])],
  }
}
