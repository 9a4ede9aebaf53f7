import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { LeaderElectionOptions } from './lease-options.ts'

/** One time of leading, from the first renewal to its end for whatever reason. */
export interface Term {
  readonly over: AbortSignal
  /** Settles when `onStartedLeading` has; never rejects. */
  readonly work: Promise<void>
  /** Monotonic ms at which it ends unless renewed. */
  until(): number
  renewed(until: number): void
  /** The first call ends it. */
  end(why: string): void
}

/**
 * Begins to lead. A timer ends the term at `until`, whatever hangs.
 * @param until monotonic ms, counted from before the renewal was sent
 */
export function beginTerm(options: LeaderElectionOptions, log: Logger, clock: Clock, until: number): Term {
  const over = new AbortController()
  const gauge = (value: number): void => options.metrics?.leader.set({ name: options.name }, value)
  let deadline = until
  let cancel: () => void = () => undefined

  function renewed(later: number): void {
    deadline = later
    cancel()
    cancel = clock.after(later - clock.now(), () => end('not renewed in time'))
  }

  function end(why: string): void {
    if (over.signal.aborted) return
    cancel()
    gauge(0)
    log.warn({ why }, 'stopped leading')
    over.abort()
    try {
      options.onStoppedLeading()
    } catch (error) {
      log.error({ err: error }, 'onStoppedLeading failed')
    }
  }

  async function work(): Promise<void> {
    // Not at once: the term has to be known before its work may stop the election.
    await Promise.resolve()
    try {
      if (!over.signal.aborted) await options.onStartedLeading(over.signal)
    } catch (error) {
      log.error({ err: error }, 'the work of the leader failed')
      end('its work failed')
    }
  }

  renewed(until)
  gauge(1)
  log.info('leading')
  return { over: over.signal, work: work(), until: () => deadline, renewed, end }
}
