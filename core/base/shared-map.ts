/**
 * An immutable map that shares what did not change: an edit of a few keys among 100,000 copies a few small parts.
 */
export interface SharedMap<V> {
  readonly size: number
  readonly parts: readonly (ReadonlyMap<string, V> | undefined)[]
}

/** Changes to be made to a map; the map they began with stays as it was. */
export interface SharedMapEdit<V> {
  get(key: string): V | undefined
  set(key: string, value: V): void
  delete(key: string): void
  /** The map with all changes. The edit must not be used afterwards. */
  finish(): SharedMap<V>
}

/** A power of two: about 100 entries a part at 100,000. */
const partCount = 1024

const emptyParts: readonly undefined[] = new Array(partCount).fill(undefined)

export function emptyMap<V>(): SharedMap<V> {
  return { size: 0, parts: emptyParts }
}

export function lookup<V>(map: SharedMap<V>, key: string): V | undefined {
  return map.parts[partOf(key)]?.get(key)
}

/** All values, in no order that means anything. */
export function* valuesOf<V>(map: SharedMap<V>): Generator<V> {
  for (const part of map.parts) if (part) yield* part.values()
}

/** Begins to change a map. Each part is copied at most once, and none while nothing changes. */
export function editMap<V>(map: SharedMap<V>): SharedMapEdit<V> {
  let size = map.size
  let parts: (ReadonlyMap<string, V> | undefined)[] | undefined
  const own = new Map<number, Map<string, V>>()

  function writable(index: number): Map<string, V> {
    const copied = own.get(index)
    if (copied) return copied
    parts ??= [...map.parts]
    const copy = new Map(parts[index])
    own.set(index, copy)
    parts[index] = copy
    return copy
  }

  return {
    get: key => (parts ?? map.parts)[partOf(key)]?.get(key),
    set(key, value) {
      const part = writable(partOf(key))
      const before = part.size
      part.set(key, value)
      size += part.size - before
    },
    delete(key) {
      const index = partOf(key)
      if ((parts ?? map.parts)[index]?.has(key) && writable(index).delete(key)) size--
    },
    finish: () => (parts ? { size, parts } : map),
  }
}

/**
 * FNV-1a over the last characters, folded; what comes before them (an issuer's URL, a namespace) is often the same. It
 * need not resist anybody: a full part is only slower to edit.
 */
function partOf(key: string): number {
  let hash = 0x811c9dc5 ^ key.length
  for (let index = Math.max(0, key.length - 10); index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  }
  return (hash ^ (hash >>> 16)) & (partCount - 1)
}
