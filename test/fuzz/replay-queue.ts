import type { Input } from './input.ts'
import type { Origin } from './origins/seen.ts'
import type { Forward } from './recorder.ts'
import { type Difference, replay, type Shape, shapeKey, shapeOf } from './replay.ts'

/** Forwarded requests on their way to the origins: each shape once, and one in so many again. */
export interface ReplayQueue {
  add(forwards: readonly Forward[], input: Input): void
  /** Waits until all have been replayed. */
  drained(): Promise<void>
  /** Shapes seen, and replays made, to each of the origins. */
  counts(): { shapes: number; replayed: number; waiting: number }
}

const rowLength = 8
const rowsAtOnce = 6
/** Of what was seen before, one in so many is replayed again. */
const againEvery = 50

export function createReplayQueue(
  origins: readonly Origin[],
  onDifference: (difference: Difference, input: Input) => void,
): ReplayQueue {
  const known = new Set<string>()
  const waiting: { shape: Shape; input: Input }[] = []
  const running = new Set<Promise<void>>()
  let repeated = 0
  let replayed = 0

  async function replayRow(row: { shape: Shape; input: Input }[]): Promise<void> {
    const differences = await replay(
      origins,
      row.map(({ shape }) => shape),
    )
    replayed += row.length
    for (const difference of differences) {
      const input = row.find(({ shape }) => shape === difference.shape)?.input
      if (input) onDifference(difference, input)
    }
  }

  function begin(atLeast: number): void {
    while (waiting.length >= atLeast && running.size < rowsAtOnce) {
      const job = replayRow(waiting.splice(0, rowLength))
      running.add(job)
      void job.finally(() => {
        running.delete(job)
        begin(rowLength)
      })
    }
  }

  return {
    counts: () => ({ shapes: known.size, replayed, waiting: waiting.length }),
    add(forwards, input) {
      for (const forward of forwards) {
        const shape = shapeOf(forward)
        if (!shape) continue
        const key = shapeKey(shape)
        if (known.has(key) && ++repeated % againEvery !== 0) continue
        known.add(key)
        waiting.push({ shape, input })
      }
      begin(rowLength)
    },
    async drained() {
      while (waiting.length + running.size > 0) {
        begin(1)
        await Promise.all(running)
      }
    },
  }
}
