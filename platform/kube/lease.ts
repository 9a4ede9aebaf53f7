import { sleep, systemClock } from '../clock.ts'
import type { LeaderElectionOptions } from './lease-options.ts'
import { createLeaseRecord, type LeaseOutcome } from './lease-record.ts'
import { beginTerm, type Term } from './lease-term.ts'

export interface LeaderElection {
  start(): void
  /** Stops leading and releases the lease, so that another need not wait for it to expire. */
  stop(): Promise<void>
}

/**
 * Leader election on a Lease, as client-go does it: what counts is when *we* saw the lease change, by our own
 * monotonic clock; times written in the lease are for people. A leader whose renewals fail, whatever the reason, stops
 * before any other candidate may start, and competes again. A deleted lease ends the term too.
 */
export function createLeaderElection(options: LeaderElectionOptions): LeaderElection {
  const { clock = systemClock, renewDeadlineMs = 10_000, retryPeriodMs = 2_000 } = options
  const log = options.log.child({ lease: options.name, identity: options.identity })
  const record = createLeaseRecord(options, clock)
  const stopping = new AbortController()
  let term: Term | undefined
  let loop: Promise<void> | undefined

  /** Renews until the term is over. */
  async function lead(current: Term): Promise<void> {
    while (!current.over.aborted) {
      await sleep(clock, retryPeriodMs, current.over)
      if (current.over.aborted) return
      const sentAt = clock.now()
      // The term's own timer ends it when this hangs.
      const outcome = await attempt()
      if (current.over.aborted) return
      if (outcome === 'held') current.renewed(sentAt + renewDeadlineMs)
      else if (outcome !== 'failed') current.end(`the lease is ${outcome}`)
    }
  }

  async function attempt(): Promise<LeaseOutcome> {
    try {
      return await record.attempt(term !== undefined)
    } catch (error) {
      log.warn({ err: error, leading: term !== undefined }, 'lease not reached')
      return 'failed'
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const sentAt = clock.now()
      const outcome = await attempt()
      if (outcome === 'held' && sentAt + renewDeadlineMs > clock.now() && !stopping.signal.aborted) {
        const current = beginTerm(options, log, clock, sentAt + renewDeadlineMs)
        term = current
        await lead(current)
        term = undefined
        // Two terms of one process must not overlap either.
        if (!stopping.signal.aborted) await Promise.race([current.work, aborted(stopping.signal)])
      }
      await sleep(clock, retryPeriodMs * (1 + Math.random() / 5), stopping.signal)
    }
  }

  return {
    start() {
      loop ??= run()
    },
    async stop() {
      const last = term
      stopping.abort()
      last?.end('stopping')
      // Released only after the work has ended: whoever waits for the lease starts at once.
      const ended = Promise.all([loop, last?.work]).then(() => true)
      const patienceMs = last ? last.until() - clock.now() : retryPeriodMs
      const enough = new AbortController()
      const finished = await Promise.race([ended, sleep(clock, patienceMs, enough.signal).then(() => false)])
      enough.abort()
      if (finished) await record.release().catch(error => log.warn({ err: error }, 'lease not released'))
    },
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
