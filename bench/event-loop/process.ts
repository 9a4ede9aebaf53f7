import { monitorEventLoopDelay } from 'node:perf_hooks'
import { startAdmitting } from './admitting.ts'
import { startCompiling } from './compiling.ts'
import { startReading } from './reading.ts'
import { startSlicing } from './slicing.ts'

/**
 * Delays of this process's main thread, milliseconds, and how many documents were read, policies taken or reviews answered
 * meanwhile.
 */
export interface Delays {
  readonly p99Ms: number
  readonly maxMs: number
  readonly done: number
}

interface Work {
  done(): number
}

const resolutionMs = 5
const [mode, size] = process.argv.slice(2)
const starts: Readonly<Record<string, () => Work | Promise<Work>>> = {
  reading: startReading,
  compiling: startCompiling,
  slicing: () => startSlicing(Number(size)),
  admitting: startAdmitting,
  idle: () => ({ done: () => 0 }),
}
const work = await starts[mode ?? 'idle']?.()
if (!work) throw new Error(`nobody knows how to be ${mode}`)
const delay = monitorEventLoopDelay({ resolution: resolutionMs })

process.on('message', async (seconds: number) => {
  const before = work.done()
  delay.reset()
  delay.enable()
  await new Promise(resolve => setTimeout(resolve, seconds * 1_000))
  delay.disable()
  const late = (nanoseconds: number): number => Number(Math.max(0, nanoseconds / 1e6 - resolutionMs).toFixed(2))
  const told: Delays = {
    p99Ms: late(delay.percentile(99)),
    maxMs: late(delay.max),
    done: work.done() - before,
  }
  process.send?.(told)
})
process.send?.('ready')
