import type { Logger } from './log.ts'

/**
 * Ends the process in order. On the first SIGTERM or SIGINT the steps run one after another, then exit 0; a step that
 * fails is logged and the next one runs. A second signal, or `deadlineMs` passing, exits 1 at once.
 * An exception nobody caught also exits 1: what state it left is unknown, and everything here survives a restart.
 */
export function onSignals(order: (() => Promise<void>)[], options: { log: Logger; deadlineMs: number }): void {
  const { log, deadlineMs } = options
  let stopping = false

  async function stop(signal: string): Promise<void> {
    if (stopping) {
      log.warn({ signal }, 'second signal, exiting now')
      process.exit(1)
    }
    stopping = true
    log.info({ signal }, 'stopping')
    setTimeout(() => {
      log.error({ deadlineMs }, 'not stopped in time, exiting now')
      process.exit(1)
    }, deadlineMs).unref()
    for (const step of order) {
      try {
        await step()
      } catch (error) {
        log.error({ err: error }, 'a step of the shutdown failed')
      }
    }
    log.info('stopped')
    process.exit(0)
  }

  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void stop(signal))
  for (const name of ['unhandledRejection', 'uncaughtException']) {
    process.on(name, (error: unknown) => {
      log.fatal({ err: error }, name === 'unhandledRejection' ? 'unhandled rejection' : 'uncaught exception')
      process.exit(1)
    })
  }
}
