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
  const keysByTarget = new Map<string, Set<string>>()

  function remove(object: T, key: string): void {
    for (const target of targetsOf(object)) {
      const keys = keysByTarget.get(target)
      keys?.delete(key)
      if (keys?.size === 0) keysByTarget.delete(target)
    }
  }

  reflector.onChange(({ type, key, object, old }) => {
    if (old) remove(old, key)
    if (type === 'deleted') return remove(object, key)
    for (const target of targetsOf(object)) {
      const keys = keysByTarget.get(target)
      if (keys) keys.add(key)
      else keysByTarget.set(target, new Set([key]))
    }
  })
  return {
    get: target => [...(keysByTarget.get(target) ?? [])].flatMap(key => reflector.store.get(key) ?? []),
  }
}
