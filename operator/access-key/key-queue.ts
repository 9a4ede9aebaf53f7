import type { Algorithm } from '../../core/api/access-key.ts'
import type { KeyMaterial } from '../../core/keys/secret-data.ts'
import { createFifo, namespaceOf } from '../../platform/kube/fifo.ts'

/** Key pairs for AccessKeys. What is costly is made in turn, so that only those who need it wait for it. */
export interface KeyQueue {
  /**
   * A new key pair for the AccessKey `namespace/name`; undefined when it is being made: `onMade` says when to ask again.
   * @throws Error when it could not be made
   */
  take(key: string, algorithm: Algorithm): Promise<KeyMaterial | undefined>
  /** The AccessKey has gone, or is not ours any more. */
  forget(key: string): void
}

// Of the four threads that files and names are looked up on too, and so that two processors have time for all else.
const mostAtOnce = 2
// Asked for and not fetched: its AccessKey became another one meanwhile. Private halves are not collected: beyond that the
// oldest of the namespace that has most goes.
const mostKept = 64

interface Made {
  readonly algorithm: Algorithm
  readonly outcome: { readonly material: KeyMaterial } | { readonly error: unknown }
}

/**
 * RSA keys take a tenth of a second and more of a processor each. They are made two at a time and one of a namespace,
 * namespaces in turn; nobody waits for them here, so that no worker is held by them. The others take next to nothing.
 */
export function createKeyQueue(options: {
  make(algorithm: Algorithm): Promise<KeyMaterial>
  onMade(key: string): void
}): KeyQueue {
  const { make, onMade } = options
  const wanted = new Map<string, Algorithm>()
  const made = new Map<string, Made>()
  const busy = new Set<string>()
  const waiting = createFifo(namespace => !busy.has(namespace))

  function pump(): void {
    while (busy.size < mostAtOnce) {
      const next = waiting.shift()
      if (!next) return
      const algorithm = wanted.get(next.key)
      if (algorithm !== undefined) void work(next.key, algorithm)
    }
  }

  async function work(key: string, algorithm: Algorithm): Promise<void> {
    const namespace = namespaceOf(key)
    busy.add(namespace)
    const outcome = await make(algorithm).then(
      material => ({ material }),
      (error: unknown) => ({ error }),
    )
    busy.delete(namespace)
    if (wanted.get(key) === algorithm) {
      wanted.delete(key)
      keep(key, { algorithm, outcome })
      onMade(key)
    }
    pump()
  }

  function keep(key: string, one: Made): void {
    made.set(key, one)
    if (made.size > mostKept) made.delete(oldestOfMost(made.keys()))
  }

  return {
    async take(key, algorithm) {
      if (algorithm !== 'RS256') return make(algorithm)
      const found = made.get(key)
      made.delete(key)
      if (found?.algorithm === algorithm) {
        if ('error' in found.outcome) throw found.outcome.error
        return found.outcome.material
      }
      wanted.set(key, algorithm)
      waiting.push(key, 0)
      pump()
      return undefined
    },
    forget(key) {
      wanted.delete(key)
      made.delete(key)
    },
  }
}

/** The first key of the namespace that most of the keys are of. */
function oldestOfMost(keys: Iterable<string>): string {
  const lists = new Map<string, { readonly oldest: string; count: number }>()
  for (const key of keys) {
    const list = lists.get(namespaceOf(key)) ?? { oldest: key, count: 0 }
    list.count++
    lists.set(namespaceOf(key), list)
  }
  return [...lists.values()].reduce((most, one) => (one.count > most.count ? one : most)).oldest
}
