import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Gauge, type Registry } from 'prom-client'

/** How often the loop is looked at, milliseconds: ten times a second costs a process at rest nothing to speak of. */
const resolutionMs = 100

/**
 * How late the main thread is for what it has to do: while it is, no probe is answered and no lease renewed. Of the time
 * since it was asked last.
 */
export function registerEventLoopDelay(registry: Registry): void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs })
  delay.enable()
  // What is measured is the time from one look to the next.
  const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - resolutionMs / 1e3)
  new Gauge({
    registers: [registry],
    name: 'latchkey_event_loop_delay_seconds',
    help: 'How late the main thread was, of the time since the last scrape.',
    labelNames: ['statistic'],
    collect() {
      this.set({ statistic: 'p50' }, seconds(delay.percentile(50)))
      this.set({ statistic: 'p99' }, seconds(delay.percentile(99)))
      this.set({ statistic: 'max' }, seconds(delay.max))
      delay.reset()
    },
  })
}
