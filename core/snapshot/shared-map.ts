/**
 * An immutable map that shares what did not change: an edit of a few keys among 100,000 copies a few small parts.
 */
export interface SharedMap<V> {
  readonly size: number
  readonly parts: readonly (ReadonlyMap<string, V> | undefined)[]
}

export function lookup<V>(_map: SharedMap<V>, _key: string): V | undefined {
  throw new Error('being written')
}
