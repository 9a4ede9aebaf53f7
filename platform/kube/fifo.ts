/** A key with the time it came. */
export interface Waiting {
  readonly key: string
  readonly at: number
}

/**
 * Each key once; first in, first out within a namespace, and namespaces in turn: however many objects one of them changes,
 * the next key of another waits for one of them. Keys without a namespace share a turn.
 * @param mayTake whether a namespace may have its turn now
 */
export function createFifo(mayTake: (namespace: string) => boolean = () => true) {
  const since = new Map<string, number>()
  const keysOf = new Map<string, Line>()
  /** Of namespaces with keys, each once. */
  const turns = createLine()

  function take(namespace: string, keys: Line): Waiting {
    const key = keys.shift() as string
    if (keys.size() > 0) turns.push(namespace)
    else keysOf.delete(namespace)
    const at = since.get(key) as number
    since.delete(key)
    return { key, at }
  }

  return {
    size: () => since.size,
    has: (key: string): boolean => since.has(key),
    push(key: string, at: number): boolean {
      if (since.has(key)) return false
      since.set(key, at)
      const namespace = namespaceOf(key)
      const keys = keysOf.get(namespace) ?? createLine()
      if (keys.size() === 0) turns.push(namespace)
      keysOf.set(namespace, keys)
      keys.push(key)
      return true
    },
    /** @returns undefined when there is none, or none that may be taken */
    shift(): Waiting | undefined {
      for (let left = turns.size(); left > 0; left--) {
        const namespace = turns.shift() as string
        if (mayTake(namespace)) return take(namespace, keysOf.get(namespace) as Line)
        turns.push(namespace)
      }
      return undefined
    },
  }
}

/** Of a key `namespace/name`; `''` where it has none. */
export function namespaceOf(key: string): string {
  const slash = key.indexOf('/')
  return slash === -1 ? '' : key.slice(0, slash)
}

type Line = ReturnType<typeof createLine>

function createLine() {
  let items: string[] = []
  let head = 0
  return {
    size: () => items.length - head,
    push: (item: string) => void items.push(item),
    shift(): string | undefined {
      const item = items[head]
      if (item === undefined) return undefined
      head++
      // Array.shift moves the whole array; a cold start has 100,000 keys.
      if (head > 1_024 && head * 2 > items.length) {
        items = items.slice(head)
        head = 0
      }
      return item
    },
  }
}
