import { setTimeout as wait } from 'node:timers/promises'
import type { Bundled } from './bundled.ts'
import { countSent } from './requests.ts'

const lookMs = 200
/** Nothing written for so long: the operator rests. */
const restMs = 3_000
const longestMs = 60 * 60_000

export interface Rested {
  /** Requests of its life so far. */
  readonly all: number
  readonly writes: number
  /** From now until the last write. */
  readonly seconds: number
  /** Of the process, when it wrote last. */
  readonly processorSeconds: number
}

/**
 * Waits until the operator has written at least so often and then writes no more. What renews its lease is another client,
 * which is not counted.
 */
export async function untilRest(operator: Bundled, leastWrites: number): Promise<Rested> {
  const began = performance.now()
  let lastAt = began
  let last = { all: 0, writes: 0 }
  let processorSeconds = 0
  while (last.writes < leastWrites || performance.now() - lastAt < restMs) {
    await wait(lookMs)
    const text = await operator.metrics()
    const sent = countSent(text)
    if (sent.writes > last.writes) {
      last = sent
      lastAt = performance.now()
      processorSeconds = Number(/^process_cpu_seconds_total (\S+)/m.exec(text)?.[1])
    }
    if (performance.now() - began > longestMs) throw new Error(`${last.writes} of ${leastWrites} writes after an hour`)
  }
  return { ...last, seconds: (lastAt - began) / 1_000, processorSeconds }
}
