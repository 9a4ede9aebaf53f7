import type { Clock } from '../../../platform/clock.ts'
import type { KubeClient } from '../../../platform/kube/client.ts'
import type { Logger } from '../../../platform/log.ts'
import { sweep } from './sweep.ts'
import type { Tally } from './tally.ts'

/** Looks at all records again and again. */
export interface Sweeping {
  /** Why no look has succeeded yet; undefined from the first on. */
  fault(): string | undefined
  start(): void
  stop(): Promise<void>
}

export function createSweeping(parts: {
  client: Pick<KubeClient, 'scan' | 'delete'>
  namespace: string
  tally: Tally
  clock: Clock
  log: Logger
  pageSize: number
  everyMs: number
}): Sweeping {
  const { clock, log, everyMs, ...rest } = parts
  const stopping = new AbortController()
  let fault: string | undefined = 'the token store was not read yet'
  let lastFault: string | undefined
  let cancel: (() => void) | undefined
  let running: Promise<void> | undefined
  let failures = 0

  async function look(): Promise<void> {
    try {
      await sweep({ ...rest, nowMs: clock.wallMs(), signal: stopping.signal })
      fault = lastFault = undefined
      failures = 0
    } catch (error) {
      if (stopping.signal.aborted) return
      const told = error instanceof Error ? error.message : 'unknown'
      if (fault !== undefined) fault = `the token store cannot be read: ${told}`
      if (told !== lastFault) log.warn({ err: error }, 'the token store cannot be read, trying again')
      lastFault = told
      failures++
    }
    if (!stopping.signal.aborted) cancel = clock.after(failures ? Math.min(everyMs, 500 * 2 ** failures) : everyMs, run)
  }

  function run(): void {
    running = look()
  }

  return {
    fault: () => fault,
    start: run,
    async stop() {
      stopping.abort()
      cancel?.()
      await running
    },
  }
}
