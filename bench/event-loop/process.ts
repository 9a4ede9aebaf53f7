import { monitorEventLoopDelay } from 'node:perf_hooks'
import { startReading } from './reading.ts'

/** Delays of this process's main thread, milliseconds, and how many documents were read meanwhile. */
export interface Delays {
  readonly p99Ms: number
  readonly maxMs: number
  readonly documents: number
}

const resolutionMs = 5
const [mode] = process.argv.slice(2)
const reading = mode === 'reading' ? await startReading() : { documents: () => 0 }
const delay = monitorEventLoopDelay({ resolution: resolutionMs })

process.on('message', async (seconds: number) => {
  const before = reading.documents()
  delay.reset()
  delay.enable()
  await new Promise(resolve => setTimeout(resolve, seconds * 1_000))
  delay.disable()
  const late = (nanoseconds: number): number => Number(Math.max(0, nanoseconds / 1e6 - resolutionMs).toFixed(2))
  const told: Delays = {
    p99Ms: late(delay.percentile(99)),
    maxMs: late(delay.max),
    documents: reading.documents() - before,
  }
  process.send?.(told)
})
process.send?.('ready')
