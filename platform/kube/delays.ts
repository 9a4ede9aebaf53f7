import type { Clock } from '../clock.ts'

/** Keys that are due at some later time, behind one timer however many they are. */
export interface Delays {
  /** The earlier of two times for one key holds. `at` is monotonic ms. */
  set(key: string, at: number): void
  delete(key: string): void
  clear(): void
}

interface Entry {
  at: number
  key: string
}

/** @param onDue called once per key when its time has come */
export function createDelays(clock: Clock, onDue: (key: string) => void): Delays {
  const times = new Map<string, number>()
  // May hold entries that `times` no longer agrees with: they are skipped when reached.
  let heap: Entry[] = []
  let armed: { at: number; cancel: () => void } | undefined

  function arm(): void {
    while (heap[0] && times.get(heap[0].key) !== heap[0].at) pop(heap)
    const next = heap[0]
    if (armed && armed.at === next?.at) return
    armed?.cancel()
    armed = next && { at: next.at, cancel: clock.after(next.at - clock.now(), fire) }
  }

  function fire(): void {
    armed = undefined
    const now = clock.now()
    for (let first = heap[0]; first && first.at <= now; first = heap[0]) {
      pop(heap)
      if (times.get(first.key) !== first.at) continue
      times.delete(first.key)
      onDue(first.key)
    }
    arm()
  }

  return {
    set(key, at) {
      const existing = times.get(key)
      if (existing !== undefined && existing <= at) return
      times.set(key, at)
      push(heap, { at, key })
      // Keys that change often leave entries behind; a key due in 90 days must not collect them until then.
      if (heap.length > 2 * times.size + 64) {
        heap = [...times].map(([name, time]) => ({ at: time, key: name })).sort((a, b) => a.at - b.at)
      }
      arm()
    },
    delete(key) {
      if (times.delete(key)) arm()
    },
    clear() {
      times.clear()
      heap = []
      arm()
    },
  }
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.length
  while (at > 0) {
    const parent = (at - 1) >> 1
    const above = heap[parent] as Entry
    if (above.at <= entry.at) break
    heap[at] = above
    at = parent
  }
  heap[at] = entry
}

function pop(heap: Entry[]): void {
  const last = heap.pop()
  if (!last || heap.length === 0) return
  let at = 0
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    const right = heap[child + 1]
    if (right && right.at < (heap[child] as Entry).at) child++
    const smaller = heap[child] as Entry
    if (smaller.at >= last.at) break
    heap[at] = smaller
    at = child
  }
  heap[at] = last
}
