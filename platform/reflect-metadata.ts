/**
 * tsyringe, which @peculiar/x509 is built on, refuses to load without the metadata reflection proposal, and no package
 * that brings it is among ours. Its decorators are compiled without types, so that a store per class is all they need.
 * Import this before @peculiar/x509.
 */
const store = new WeakMap<object, Map<unknown, unknown>>()

function own(target: object): Map<unknown, unknown> {
  const found = store.get(target) ?? new Map<unknown, unknown>()
  store.set(target, found)
  return found
}

function lookUp(key: unknown, target: object): unknown {
  for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at)) {
    const found = store.get(at)
    if (found?.has(key)) return found.get(key)
  }
  return undefined
}

if (!('getMetadata' in Reflect)) {
  Object.assign(Reflect, {
    getMetadata: lookUp,
    getOwnMetadata: (key: unknown, target: object) => store.get(target)?.get(key),
    hasMetadata: (key: unknown, target: object) => lookUp(key, target) !== undefined,
    hasOwnMetadata: (key: unknown, target: object) => store.get(target)?.has(key) ?? false,
    defineMetadata: (key: unknown, value: unknown, target: object) => void own(target).set(key, value),
    metadata: (key: unknown, value: unknown) => (target: object) => void own(target).set(key, value),
  })
}
